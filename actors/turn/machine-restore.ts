/**
 * Restores the snapshot of a machine from its stored state.
 *
 * @module
 */
import type {
	AnyActorRef,
	AnyMachineSnapshot,
	AnyStateMachine,
	StateValue,
	ActorScope,
	AnyEventObject,
} from 'xstate';

import { nodesOf } from '../definition/definition-check.ts';
import { canonicalJson } from '../../runtime/text/canonical-json.ts';

interface Restoring {
	readonly stored: StoredState;
	readonly steps: readonly string[];
	readonly scope: AnyScope;
}

/** How many patterns are kept at most; a machine has few states that are used. */
const patternsMax = 1000;

/**
 * Creates the restoration of one machine. It copies the snapshot of an earlier instance in the same
 * state, its pattern, because everything that XState computes follows from the value of the state,
 * unless there is history or a step is running.
 */
export function createRestoration(
	machine: AnyStateMachine,
	scope: AnyScope,
): (stored: StoredState, steps: readonly string[]) => AnyMachineSnapshot {
	const patterns = new Map<string, AnyMachineSnapshot>();
	return (stored, steps) => {
		const { status, value, context, output, history } = stored;
		if (history || steps.length > 0) return restore(machine, { stored, steps, scope });
		const name = `${status} ${JSON.stringify(value)}`;
		const pattern = patterns.get(name);
		if (pattern) return Object.assign({}, pattern, { context, output, children: {} });
		const snapshot = restore(machine, { stored, steps, scope });
		const kept = Object.assign({}, snapshot, { context: undefined, output: undefined });
		if (patterns.size < patternsMax) patterns.set(name, kept);
		return snapshot;
	};
}

function restore(machine: AnyStateMachine, { stored, steps, scope }: Restoring) {
	const { status, value, context, output, history = {} } = stored;
	const historyValue = rememberedNodes(machine, history);
	const persisted = {
		status,
		value,
		context,
		output,
		error: undefined,
		historyValue,
		children: {},
	};
	const snapshot = machine.restoreSnapshot(persisted as never, scope) as AnyMachineSnapshot;
	// A state that has been given inner states since would be restored with none of them active.
	if (canonicalJson(snapshot.value) !== canonicalJson(value)) {
		throw new Error(`state ${JSON.stringify(value)} is now ${JSON.stringify(snapshot.value)}`);
	}
	for (const id of steps) Object.assign(snapshot.children, { [id]: childStub(id) });
	return snapshot;
}

/**
 * What history states remember, as states. XState itself looks them up by paths, in which a dot
 * divides names, and leaves out those that it does not find.
 */
function rememberedNodes(machine: AnyStateMachine, history: NonNullable<StoredState['history']>) {
	const nodes = new Map([...nodesOf(machine.root)].map((node) => [node.id, node]));
	return Object.fromEntries(
		Object.entries(history).map(([id, names]) => {
			const found = names.map((name) => {
				const node = nodes.has(id) ? nodes.get(name) : undefined;
				if (node) return node;
				throw new Error(`history: ${id} remembers ${name}, and one of the two is gone`);
			});
			return [id, found];
		}),
	);
}

/** Stands for a running step in a restored snapshot: XState uses only its id. */
function childStub(id: string): AnyActorRef {
	const stub: Partial<AnyActorRef> = { id, sessionId: id, send: () => {}, src: id };
	return stub as AnyActorRef;
}

/** The part of a snapshot that is stored: plain data. */
export interface StoredState {
	readonly status: 'active' | 'done';
	readonly value: StateValue;
	readonly context: unknown;
	readonly output?: unknown;
	readonly history?: Readonly<Record<string, readonly string[]>>;
}

/** The scope in which XState runs a machine. */
export type AnyScope = ActorScope<AnyMachineSnapshot, AnyEventObject>;
