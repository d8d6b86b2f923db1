/**
 * The timers and steps of a turn draft: rows that the turn adds and removes.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { packDurable } from '../definition/durable-value.ts';
import { askedByOf } from '../../runtime/message/principal.ts';
import { isDelay } from '../../runtime/platform/clock.ts';
import type { TimerRow } from '../../runtime/pending/timers.ts';
import type { ActorDefinition, TimerPolicy } from '../definition/definition.ts';
import { nodesOf } from '../definition/definition-check.ts';
import type { NewStep, NewTimer } from './machine-step.ts';
import { entryOf, without, type TurnDraft, type TurnDraftParts } from './turn-draft.ts';

/** Sets and removes timers in drafts. */
export interface TurnTimers {
	/** Sets a timer; without an id it gets one of its own. A timer of the same id is replaced. */
	set(draft: TurnDraft, timer: NewTimer): void;
	remove(draft: TurnDraft, id: string): void;
	/** Replaces one row by another, if the instance still waits for the first. */
	move(draft: TurnDraft, from: TimerRow, to: TimerRow): void;
}

/** More changes than one turn makes. */
const changesPerTurnMax = 1_000_000;

/** Creates the timers of one actor's drafts. */
export function createTurnTimers({ definition, timers }: TurnDraftParts): TurnTimers {
	const { name: actor } = definition;
	const policyOf = policiesOf(definition);

	const remove = (draft: TurnDraft, id: string): void => {
		const dueAt = entryOf(draft.facts.timers, id);
		if (dueAt === undefined) return;
		draft.facts = { ...draft.facts, timers: without(draft.facts.timers, id) };
		draft.changes.push(timers.remove({ actor, key: draft.key, id, dueAt }));
	};
	const put = (draft: TurnDraft, row: TimerRow): void => {
		const { id, dueAt } = row;
		draft.facts = { ...draft.facts, timers: { ...draft.facts.timers, [id]: dueAt } };
		draft.changes.push(timers.put(row));
		draft.afterwards.push(() => timers.arm(dueAt));
	};

	return {
		set(draft, { id: given, event, delayMs }) {
			const id = given ?? `~${draft.facts.turn}.${draft.changes.length}`;
			if (!isDelay(delayMs)) {
				throw new ReeveError('bad_delay', `the delay of ${id} is ${String(delayMs)}`);
			}
			remove(draft, id);
			const policy = policyOf(id);
			const order = draft.facts.turn * changesPerTurnMax + draft.changes.length;
			const packed = packDurable(event);
			const asked = askedByOf(draft.principals);
			const timer = { actor, key: draft.key, id, event: packed, delayMs, policy, order, ...asked };
			put(draft, timers.make(timer));
		},
		remove,
		move(draft, from, to) {
			if (entryOf(draft.facts.timers, from.id) !== from.dueAt) return;
			remove(draft, from.id);
			put(draft, to);
		},
	};
}

/** The policies of timers: by their ids, and of `after` timers by the names of their delays. */
function policiesOf({ machine, timers }: ActorDefinition): (id: string) => TimerPolicy {
	const delays = new Map<string, string>();
	for (const node of nodesOf(machine.root)) {
		for (const { delay } of node.after) {
			const name = String(delay);
			delays.set(`xstate.after.${name}.${node.id}`, name);
		}
	}
	const policyOf = (name: string) => entryOf(timers, name);
	return (id) => policyOf(id) ?? policyOf(delays.get(id) ?? id) ?? 'absolute';
}

/** Starts and stops steps in drafts. */
export interface TurnStepRows {
	/** Starts a step; without an id its child gets one of its own. */
	start(draft: TurnDraft, step: NewStep): void;
	remove(draft: TurnDraft, child: string): void;
}

/** Creates the steps of one actor's drafts. */
export function createTurnStepRows({ clock, steps, definition }: TurnDraftParts): TurnStepRows {
	const nodes = [...nodesOf(definition.machine.root)];
	const invoked = new Set(nodes.flatMap(({ invoke }) => invoke.map(({ id }) => id)));
	const remove = (draft: TurnDraft, child: string): void => {
		const { key } = draft;
		const stepId = entryOf(draft.facts.steps, child);
		if (stepId === undefined) return;
		draft.facts = { ...draft.facts, steps: without(draft.facts.steps, child) };
		draft.changes.push(steps.remove({ key, stepId }));
		draft.afterwards.push(() => steps.cancel(stepId));
	};
	return {
		start(draft, { child: given, src, input }) {
			const stepId = newId(clock);
			const child = given ?? `~${stepId}`;
			const asked = askedByOf(draft.principals);
			const name = { key: draft.key, stepId, child, isInvoked: invoked.has(child), ...asked };
			remove(draft, child);
			draft.facts = { ...draft.facts, steps: { ...draft.facts.steps, [child]: name.stepId } };
			draft.changes.push(steps.put(name, src, input));
			draft.afterwards.push(() => steps.start(name, src, input));
		},
		remove,
	};
}
