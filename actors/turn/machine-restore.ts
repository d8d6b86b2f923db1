/**
 * Restoration: a snapshot of a machine from what is stored of it.
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

interface Restoring {
	readonly stored: StoredState;
	readonly steps: readonly string[];
	readonly scope: AnyScope;
}

/** States that are kept to be restored from, at most; a machine has few that are used. */
const patternsMax = 1000;

/**
 * Restores by the pattern of an instance that was in the same state: all that XState works out
 * follows from the value of the state, unless there is history or a step is running.
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
	const historyValue = Object.fromEntries(
		Object.entries(history).map(([id, nodes]) => [id, nodes.map((node) => ({ id: node }))]),
	);
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
	// A state that has got states inside since then would be restored without one of them active.
	if (JSON.stringify(snapshot.value) !== JSON.stringify(value)) {
		throw new Error(`state ${JSON.stringify(value)} is now ${JSON.stringify(snapshot.value)}`);
	}
	for (const id of steps) Object.assign(snapshot.children, { [id]: childStub(id) });
	return snapshot;
}

/** What stands for a running step in a restored snapshot: XState asks it for nothing but its id. */
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

/** What XState is given to act in. */
export type AnyScope = ActorScope<AnyMachineSnapshot, AnyEventObject>;
