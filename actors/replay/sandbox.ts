/**
 * Sandboxes: a copy of an instance that is fed events by hand. Its machine moves as in a node; its
 * effects are shown and not carried out.
 *
 * @module
 */
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import type { ForkTurn } from '../../runtime/queries/actor-rows.ts';
import { canonicalJson } from '../../runtime/text/canonical-json.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import { unpackDurable } from '../definition/durable-value.ts';
import { createDeferral } from '../definition/deferral.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { eventKnower } from '../definition/event-message.ts';
import { readInstance, restoreInstance, type StoredInstance } from '../turn/instance.ts';
import { bareSteps, runningSteps } from '../turn/running-steps.ts';
import type { Readable } from './instance-report.ts';
import { readTurns, type TurnRecord } from '../turn/turn-recorder.ts';
import {
	createMachineStepper,
	type MachineStepper,
	type EffectRequest,
} from '../turn/machine-step.ts';
import { effectTexts } from '../turn/effect-text.ts';

/** Which instance is copied, and as of which turn: the newest by default. */
export interface SandboxParts {
	readonly journal: Readable;
	readonly definition: ActorDefinition;
	readonly key: string;
	readonly at?: number | undefined;
	readonly node: string;
	readonly microstepsMax: number;
	/** The instant at which events are tried, in milliseconds of the wall clock. */
	readonly now: () => number;
}

/** A copy of an instance. */
export interface Sandbox {
	/** The turn after which it was copied. */
	readonly turn: number;
	/** The copy as it is now. */
	show(): ForkTurn;
	/** Takes a turn with an event. */
	feed(event: EventObject): ForkTurn;
}

/** The copy between two turns. */
interface Copy {
	readonly snapshot: AnyMachineSnapshot;
	/** The types of the events of its timers, by their ids. */
	readonly timers: ReadonlyMap<string, string>;
	readonly steps: ReadonlySet<string>;
}

/**
 * Copies an instance.
 *
 * @throws ReeveError `not_found` if there is no such instance or turn, `not_kept` if the records do
 * not lead to that turn, `actor_parked` if the definition cannot restore that state
 */
export function createSandbox(parts: SandboxParts): Sandbox {
	const { definition } = parts;
	const { name, machine, volatile } = definition;
	const stepper = createMachineStepper({
		name,
		machine,
		volatile,
		microstepsMax: parts.microstepsMax,
	});
	const knows = eventKnower(definition);
	const deferral = createDeferral(machine);
	const first = copyAt(parts, stepper);
	let { copy } = first;

	const row = (more: Partial<ForkTurn> = {}): ForkTurn => ({
		status: copy.snapshot.status,
		value: copy.snapshot.value,
		context: copy.snapshot.context as unknown,
		did: [],
		timers: [...copy.timers.values()],
		steps: [...copy.steps].map((child) => `xstate.done.actor.${child}`),
		...more,
	});
	const objection = (event: EventObject): string | undefined => {
		const { snapshot } = copy;
		if (!knows(event.type)) return `unknown_event: ${event.type}`;
		if (snapshot.status !== 'active') return 'actor_done: it has ended';
		return deferral.defers({ snapshot }, event)
			? 'its state defers the event: it would wait'
			: undefined;
	};

	return {
		turn: first.turn,
		show: () => row(),
		feed(event) {
			const error = objection(event);
			if (error) return row({ event, error });
			try {
				enter(parts, parts.now());
				const { snapshot, effectRequests } = stepper.move(copy.snapshot, event);
				copy = after(spent(copy, event), snapshot, effectRequests);
				return row({ event, did: effectTexts(effectRequests) });
			} catch (thrown) {
				const { code, detail } = asReeveError(thrown, 'actor_crashed');
				return row({ event, error: `${code}: ${detail}` });
			}
		},
	};
}

/** Passes the instant of a turn to the definition. */
function enter({ definition, key, node }: SandboxParts, now: number): void {
	definition.enterTurn({ now, key, node });
}

/** The copy without the timer or step that has ended with this event. */
function spent(copy: Copy, { type }: EventObject): Copy {
	const timers = new Map([...copy.timers].filter(([, event]) => event !== type));
	const [, child] = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(type) ?? [];
	const steps = new Set([...copy.steps].filter((step) => step !== child));
	return { ...copy, timers, steps };
}

/** The copy after a move, with its timers and steps updated. */
function after(
	copy: Copy,
	snapshot: AnyMachineSnapshot,
	effectRequests: readonly EffectRequest[],
): Copy {
	const timers = new Map(copy.timers);
	const steps = new Set(copy.steps);
	for (const request of effectRequests) {
		if (request.want === 'timer') timers.set(request.id ?? `~${timers.size}`, request.event.type);
		else if (request.want === 'cancel') timers.delete(request.id);
		else if (request.want === 'step') steps.add(request.child ?? `~${steps.size}`);
		else if (request.want === 'stop') steps.delete(request.child);
	}
	return { snapshot, timers, steps };
}

interface Start {
	readonly copy: Copy;
	readonly turn: number;
}

/** The copy as of the requested turn: as stored, or replayed from the nearest record before it. */
function copyAt(parts: SandboxParts, stepper: MachineStepper): Start {
	const { journal, definition, key } = parts;
	const { name } = definition;
	const stored = readInstance(journal, name, key);
	if (!stored) throw new ReeveError('not_found', `${name}/${key}`);
	const { at = stored.turn } = parts;
	if (at === stored.turn) return { copy: storedCopy(parts, stepper, stored), turn: at };
	if (at < 1 || at > stored.turn) {
		throw new ReeveError('not_found', `turn ${at}: there are turns 1 to ${stored.turn}`);
	}
	const records = readTurns(journal, name, key);
	const base = records.find(({ turn }) => turn === at + 1)?.base;
	if (base)
		return { copy: storedCopy(parts, stepper, unpackDurable(base) as StoredInstance), turn: at };
	const from = records.findLastIndex((record) => isStart(record, at));
	const turns = from < 0 ? [] : records.slice(from).filter(({ turn }) => turn <= at);
	const copy = turns.at(-1)?.turn === at ? replayed(parts, stepper, turns) : undefined;
	if (copy) return { copy, turn: at };
	throw new ReeveError('not_kept', `turn ${at} of ${name}/${key}: too few records lead to it`);
}

/** Whether the turns up to `at` can be replayed from this record on. */
function isStart({ turn, base, fresh }: TurnRecord, at: number): boolean {
	return turn <= at && (turn === 1 || base !== undefined || fresh === true);
}

function storedCopy(parts: SandboxParts, stepper: MachineStepper, stored: StoredInstance): Copy {
	const { timers = {} } = stored;
	const { definition, journal, key } = parts;
	const current = readInstance(journal, definition.name, key);
	// Rows are kept of the steps that run now.
	const running =
		current?.turn === stored.turn
			? runningSteps(journal, { actor: definition.name, key, steps: stored.steps })
			: bareSteps(stored.steps);
	const { snapshot, steps } = restoreInstance({ definition, stepper }, stored, running);
	return {
		snapshot,
		// The ids of the timers of states and asks are the types of their events.
		timers: new Map(Object.keys(timers).map((id) => [id, id])),
		steps: new Set(Object.keys(steps)),
	};
}

/** The copy after these turns; undefined if one is missing or only partly recorded. */
function replayed(
	parts: SandboxParts,
	stepper: MachineStepper,
	records: readonly TurnRecord[],
): Copy | undefined {
	const [first] = records;
	if (!first) return undefined;
	let copy = first.base
		? storedCopy(parts, stepper, unpackDurable(first.base) as StoredInstance)
		: undefined;
	for (const [index, record] of records.entries()) {
		const { turn, event, isCut, fresh } = record;
		if (isCut || turn !== first.turn + index) return undefined;
		enter(parts, record.at);
		if (!copy || fresh) {
			const { key, node, definition } = parts;
			const { snapshot, effectRequests } = stepper.begin(definition.input({ key, node }));
			const nothing = { snapshot, timers: new Map<string, string>(), steps: new Set<string>() };
			copy = after(nothing, snapshot, effectRequests);
		}
		if (event && copy.snapshot.status === 'active') {
			const { snapshot, effectRequests } = stepper.move(copy.snapshot, event);
			copy = after(spent(copy, event), snapshot, effectRequests);
		}
		mustAgree(parts, record, copy.snapshot);
	}
	return copy;
}

/** Throws if a replayed turn led to another state: the copy would show what never was. */
function mustAgree(
	{ definition }: SandboxParts,
	{ turn, version, value }: TurnRecord,
	snapshot: AnyMachineSnapshot,
): void {
	const [is, was] = [snapshot.value, value].map(canonicalJson);
	if (is === was || (version ?? definition.version) !== definition.version) return;
	throw new ReeveError('not_kept', `turn ${turn} led to ${was}; this definition leads to ${is}`);
}
