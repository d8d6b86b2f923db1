/**
 * The turn of one instance: what one cause does to it, as a whole that is committed or is not.
 * Nothing of the instance changes here; the caller takes the new state over once the machine has
 * not thrown.
 *
 * @module
 */
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import type { Clock } from '../runtime/clock.ts';
import { ReeveError } from '../runtime/errors.ts';
import type { Change } from '../runtime/journal.ts';
import type { Cause } from './cause.ts';
import type { ActorDefinition } from './definition.ts';
import { createDeferral } from './deferral.ts';
import type { Draft } from './draft.ts';
import { packInstance, type Instance, type InstanceFacts } from './instance.ts';
import type { EndReason } from './monitor-mail.ts';
import type { TurnFacts } from './recorder.ts';
import type { Outputs } from './turn-output.ts';
import type { Move, Mover, Wish } from './turn.ts';

/** What turns are taken with. */
export interface InstanceTurnParts {
	readonly node: string;
	readonly clock: Clock;
	readonly definition: ActorDefinition;
	readonly mover: Mover;
	readonly outputs: Outputs;
	readonly record: ((facts: TurnFacts) => Change) | undefined;
	readonly snapshotBytesMax: number;
	/** Told, with the turn, that an instance has come to its end, or begins anew. */
	readonly ended: (draft: Draft, reason: EndReason) => void;
}

/** A turn that was taken, and is not committed yet. */
export interface Turned {
	readonly draft: Draft;
	/** Undefined if the instance has come to its end and is to be forgotten. */
	readonly snapshot: AnyMachineSnapshot | undefined;
	readonly facts: InstanceFacts;
}

/** Takes turns. */
export interface InstanceTurns {
	/** The turn of one cause. Throws what the machine throws. */
	take(instance: Instance, cause: Cause): Turned;
	/** Puts the instance into its initial state, and drops all that it waited for. */
	restart(instance: Instance): Turned;
	/** Whether the instance wants this event later: its state defers it. */
	defers(instance: Instance, event: EventObject): boolean;
}

/** Creates the turn-taking of one actor. */
export function createInstanceTurns(parts: InstanceTurnParts): InstanceTurns {
	const { node, clock, definition, mover, outputs, record } = parts;
	const { name: actor } = definition;
	const enter = (key: string): void => definition.enterTurn({ now: clock.now(), key, node });

	const begin = (draft: Draft): Move => {
		const move = mover.begin(definition.input({ key: draft.key, node }));
		outputs.grant(draft, move.wishes);
		return move;
	};
	const draftOf = (instance: Instance, cause?: Cause): Draft =>
		outputs.draft({
			key: instance.key,
			request: cause?.mail?.row.answer ? undefined : cause?.mail?.message,
			attempts: cause?.attempts ?? 0,
			facts: { ...instance.facts, turn: instance.facts.turn + 1 },
		});

	/** Takes the cause off what the instance waits for; false if it does not wait for it any more. */
	const accept = (draft: Draft, cause: Cause): boolean => {
		const { timer, step, mail } = cause;
		if (timer) {
			const isAwaited = draft.facts.timers[timer.id] === timer.dueAt;
			if (!isAwaited) return false;
			outputs.timers.remove(draft, timer.id);
			if (timer.id.startsWith('timeout.')) outputs.mail.closeAsk(draft, timer.id.slice(8));
			return true;
		}
		if (step) {
			const isAwaited = draft.facts.steps[step.child] === step.stepId;
			if (isAwaited) outputs.steps.remove(draft, step.child);
			return isAwaited;
		}
		return mail?.row.answer ? acceptAnswer(outputs, draft, mail.message?.inReplyTo ?? '') : true;
	};

	/** Answers the message that the turn was about, or notes that it will be answered. */
	const close = (draft: Draft, event: EventObject | undefined, snapshot: AnyMachineSnapshot) => {
		const { request } = draft;
		const isActive = snapshot.status === 'active';
		const result = { outcome: 'done', attempts: draft.attempts } as const;
		if (request && isActive && event && definition.answersLater.includes(event.type)) {
			const { data: _, ...owed } = { ...request, methodArgs: [] };
			draft.facts = { ...draft.facts, owed: [...draft.facts.owed, owed] };
			return;
		}
		const data: unknown = snapshot.output;
		if (request) outputs.mail.answer(draft, request, { result, ...(isActive ? {} : { data }) });
		if (isActive) return;
		for (const owed of draft.facts.owed) outputs.mail.answer(draft, owed, { result, data });
		draft.facts = { ...draft.facts, owed: [] };
		outputs.clear(draft);
	};

	/** What writes the new state, and the record of the turn. */
	const write = (draft: Draft, instance: Instance, now: Now): Turned => {
		const { snapshot, event, wishes, isFresh = false } = now;
		const { key, facts, changes } = draft;
		if (record) {
			const before = () => {
				const { snapshot: old } = instance;
				return old && packInstance(definition, mover.store(old), instance.facts);
			};
			const { turn } = facts;
			const { value } = snapshot;
			changes.push(record({ key, turn, event, value, wishes, isFresh, before }));
		}
		if (snapshot.status !== 'active' && definition.whenDone === 'forget') {
			draft.snapshot = { table: 'snapshots', key: [actor, key] };
			parts.ended(draft, 'normal');
			return { draft, snapshot: undefined, facts };
		}
		const value = packInstance(definition, mover.store(snapshot), facts);
		if (value.byteLength > parts.snapshotBytesMax) {
			throw new ReeveError('too_large', `the state of ${actor}/${key}: ${value.byteLength} bytes`);
		}
		draft.snapshot = { table: 'snapshots', key: [actor, key], value };
		if (isFresh || snapshot.status !== 'active') {
			parts.ended(draft, snapshot.status === 'active' ? 'crashed' : 'normal');
		}
		return { draft, snapshot, facts };
	};

	return {
		take(instance, cause) {
			const draft = draftOf(instance, cause);
			enter(draft.key);
			let { snapshot, wishes } = unmoved(instance.snapshot) ?? begin(draft);
			if (cause.timer && cause.postponed) {
				outputs.timers.move(draft, cause.timer, cause.postponed);
				return write(draft, instance, { snapshot, event: undefined, wishes });
			}
			const isAwaited = accept(draft, cause);
			const event = isAwaited && !(cause.event instanceof ReeveError) ? cause.event : undefined;
			if (event && snapshot.status === 'active') {
				const move = mover.move(snapshot, event);
				snapshot = move.snapshot;
				wishes = wishes.length > 0 ? [...wishes, ...move.wishes] : move.wishes;
				outputs.grant(draft, move.wishes);
			}
			close(draft, event, snapshot);
			return write(draft, instance, { snapshot, event, wishes });
		},
		restart(instance) {
			const draft = draftOf(instance);
			enter(draft.key);
			outputs.clear(draft);
			const { snapshot, wishes } = begin(draft);
			close(draft, undefined, snapshot);
			return write(draft, instance, { snapshot, event: undefined, wishes, isFresh: true });
		},
		defers: createDeferral(definition.machine),
	};
}

/** Takes an answer off what the instance waits for; false if it does not wait for it any more. */
function acceptAnswer({ timers }: Outputs, draft: Draft, id: string): boolean {
	const found = Object.entries(draft.facts.asks).find(([, waiting]) => waiting === id);
	if (!found) return false;
	const { [found[0]]: _, ...asks } = draft.facts.asks;
	draft.facts = { ...draft.facts, asks };
	timers.remove(draft, `timeout.${found[0]}`);
	return true;
}

interface Now {
	readonly snapshot: AnyMachineSnapshot;
	readonly event: EventObject | undefined;
	readonly wishes: readonly Wish[];
	readonly isFresh?: boolean;
}

/** An instance that is there already, before anything has happened. */
function unmoved(snapshot: AnyMachineSnapshot | undefined): Move | undefined {
	return snapshot && { snapshot, wishes: [] };
}
