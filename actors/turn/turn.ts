/**
 * The turn of one instance: what one trigger does to it, committed as a whole or not at all. The
 * instance does not change here: the caller adopts the new state if the machine has not thrown.
 *
 * @module
 */
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import { noPrincipals, type Principal } from '../../runtime/message/principal.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { type Trigger, doneAfter } from './trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { createDeferral, type Deferral } from '../definition/deferral.ts';
import { entryOf, type TurnDraft } from './turn-draft.ts';
import { isSmall, packInstance, type Instance, type InstanceFacts } from './instance.ts';
import type { EndReason } from '../definition/monitor-message.ts';
import type { KeptTurn, TurnRecorder } from './turn-recorder.ts';
import type { EffectHandlers } from './effect-handlers.ts';
import type { MachineStep, MachineStepper, EffectRequest } from './machine-step.ts';

/** What turns need. */
export interface InstanceTurnParts {
	readonly node: string;
	readonly clock: Clock;
	readonly definition: ActorDefinition;
	readonly stepper: MachineStepper;
	readonly effects: EffectHandlers;
	readonly recorder: TurnRecorder | undefined;
	readonly snapshotBytesMax: number;
	/** Tells on whose behalf is what follows from a message. */
	readonly authority: { of(mail: MailboxRow): readonly Principal[] };
	/** Called when an instance ends or begins anew, with the draft of that turn. */
	readonly ended: (draft: TurnDraft, reason: EndReason) => void;
}

/** A turn that was taken and is not committed yet. */
export interface Turned {
	readonly draft: TurnDraft;
	/** Undefined if the instance has ended and is forgotten. */
	readonly snapshot: AnyMachineSnapshot | undefined;
	readonly facts: InstanceFacts;
	/** The instance as bytes, if it was packed to find out whether it can be stored. */
	readonly packed: Uint8Array | undefined;
	/** What the turn recorder keeps of the turn. */
	readonly kept: KeptTurn | undefined;
}

/** Takes the turns of instances. */
export interface InstanceTurns {
	/** The turn of a trigger. Throws what the machine throws. */
	take(instance: Instance, trigger: Trigger): Turned;
	/** The turn that begins an instance, on behalf of a trigger that it handles later or never. */
	begin(instance: Instance, trigger: Trigger): Turned;
	/**
	 * A turn to the initial state, which drops all timers, steps and asks; on behalf of the trigger
	 * that made it necessary.
	 */
	restart(instance: Instance, trigger?: Trigger): Turned;
	readonly deferral: Deferral;
}

/** Creates what takes the turns of one actor. */
export function createInstanceTurns(parts: InstanceTurnParts): InstanceTurns {
	const { node, clock, definition, stepper, effects, recorder } = parts;
	const { name: actor } = definition;
	const enter = (key: string): void => definition.enterTurn({ now: clock.now(), key, node });

	const initial = (draft: TurnDraft): MachineStep => {
		const move = stepper.begin(definition.input({ key: draft.key, node }));
		effects.apply(draft, move.effectRequests);
		return move;
	};
	const draftOf = (instance: Instance, trigger?: Trigger, request?: Message): TurnDraft =>
		effects.draft({
			key: instance.key,
			request,
			principals: trigger ? principalsOf(trigger, parts.authority) : noPrincipals,
			attempts: trigger?.attempts ?? 0,
			facts: nextOf(instance.facts),
		});

	/** Removes what the trigger ends from the facts; false if the instance no longer waits for it. */
	const accept = (draft: TurnDraft, trigger: Trigger): boolean => {
		const { timer, step, mail } = trigger;
		if (timer) {
			const isAwaited = entryOf(draft.facts.timers, timer.id) === timer.dueAt;
			if (!isAwaited) return false;
			effects.timers.remove(draft, timer.id);
			if (timer.id.startsWith('timeout.')) effects.mail.closeAsk(draft, timer.id.slice(8));
			return true;
		}
		if (step) {
			const child = childOf(draft, step.stepId);
			if (child !== undefined) effects.steps.remove(draft, child);
			return child !== undefined;
		}
		return mail?.answer ? acceptAnswer(effects, draft, mail.message.inReplyTo ?? '') : true;
	};

	/** Answers the message that was handled, or notes that it will be answered later. */
	const close = (
		draft: TurnDraft,
		event: EventObject | undefined,
		snapshot: AnyMachineSnapshot,
	) => {
		const { request } = draft;
		const isActive = snapshot.status === 'active';
		const result = doneAfter(draft.attempts);
		if (request && isActive && event && definition.answersLater.includes(event.type)) {
			const { data: _, ...owed } = { ...request, methodArgs: [] };
			draft.facts = { ...draft.facts, owed: [...draft.facts.owed, owed] };
			return;
		}
		const data: unknown = isActive ? undefined : snapshot.output;
		if (request) effects.mail.answer(draft, request, { result, data });
		if (isActive) return;
		for (const owed of draft.facts.owed) effects.mail.answer(draft, owed, { result, data });
		draft.facts = { ...draft.facts, owed: [] };
		effects.clear(draft);
	};

	/** The instance before the turn, as bytes. */
	const before = ({ snapshot, facts }: Instance) =>
		snapshot && packInstance(definition, stepper.store(snapshot), facts);

	/**
	 * Packs the new state, unless it is so small that it surely can be stored.
	 *
	 * @throws ReeveError `too_large`
	 */
	const packLarge = (snapshot: AnyMachineSnapshot, { key, facts }: TurnDraft) => {
		if (isSmall(snapshot, facts, parts.snapshotBytesMax)) return undefined;
		const packed = packInstance(definition, stepper.store(snapshot), facts);
		if (packed.byteLength <= parts.snapshotBytesMax) return packed;
		throw new ReeveError('too_large', `the state of ${actor}/${key}: ${packed.byteLength} bytes`);
	};

	/** Completes a turn: with its record, and a check of the state's size. */
	const conclude = (draft: TurnDraft, instance: Instance, now: Now): Turned => {
		const { snapshot, event, effectRequests, isFresh = false } = now;
		const { key, facts } = draft;
		const { turn } = facts;
		const { value } = snapshot;
		const base = recorder?.wantsBase(turn) ? before(instance) : undefined;
		const kept = recorder?.keep({ key, turn, event, value, effectRequests, isFresh, base });
		const isOver = snapshot.status !== 'active';
		if (isOver && definition.whenDone === 'forget') {
			parts.ended(draft, 'normal');
			return { draft, snapshot: undefined, facts, packed: undefined, kept };
		}
		const packed = packLarge(snapshot, draft);
		if (isFresh || isOver) parts.ended(draft, isOver ? 'normal' : 'crashed');
		return { draft, snapshot, facts, packed, kept };
	};

	return {
		take(instance, trigger) {
			const { mail } = trigger;
			const draft = draftOf(instance, trigger, mail?.answer ? undefined : mail?.message);
			enter(draft.key);
			let { snapshot, effectRequests } = unmoved(instance.snapshot) ?? initial(draft);
			if (trigger.timer && trigger.postponed) {
				effects.timers.move(draft, trigger.timer, trigger.postponed);
				return conclude(draft, instance, { snapshot, event: undefined, effectRequests });
			}
			const given = eventIn(draft, trigger);
			const event = accept(draft, trigger) ? given : undefined;
			if (event && snapshot.status === 'active') {
				const move = stepper.move(snapshot, event);
				snapshot = move.snapshot;
				effectRequests =
					effectRequests.length > 0
						? [...effectRequests, ...move.effectRequests]
						: move.effectRequests;
				effects.apply(draft, move.effectRequests);
			}
			close(draft, event, snapshot);
			return conclude(draft, instance, { snapshot, event, effectRequests });
		},
		begin(instance, trigger) {
			const draft = draftOf(instance, trigger);
			enter(draft.key);
			const { snapshot, effectRequests } = initial(draft);
			close(draft, undefined, snapshot);
			return conclude(draft, instance, { snapshot, event: undefined, effectRequests });
		},
		restart(instance, trigger) {
			const draft = draftOf(instance, trigger);
			enter(draft.key);
			effects.clear(draft);
			const { snapshot, effectRequests } = initial(draft);
			close(draft, undefined, snapshot);
			return conclude(draft, instance, {
				snapshot,
				event: undefined,
				effectRequests,
				isFresh: true,
			});
		},
		deferral: createDeferral(definition.machine),
	};
}

/** On whose behalf is what follows from a trigger. */
function principalsOf(
	{ mail, timer, step }: Trigger,
	authority: InstanceTurnParts['authority'],
): readonly Principal[] {
	if (mail?.answer) return mail.message.askedBy ?? noPrincipals;
	if (mail) return authority.of(mail);
	return timer?.askedBy ?? step?.askedBy ?? noPrincipals;
}

/** The id of the invocation that waits for a step; undefined if the instance does not. */
function childOf({ facts: { steps } }: TurnDraft, stepId: string): string | undefined {
	return Object.keys(steps).find((child) => steps[child] === stepId);
}

/** The event of a trigger. A migration may have given a step another invocation than it had. */
function eventIn(draft: TurnDraft, { event, step }: Trigger): EventObject | undefined {
	if (event instanceof ReeveError || !event) return undefined;
	const child = step && childOf(draft, step.stepId);
	if (!step || child === undefined || child === step.child) return event;
	const kind = event.type.slice(0, event.type.length - step.child.length);
	return Object.assign({}, event, { type: kind + child, actorId: child });
}

/** Removes the ask that an answer ends; false if the instance no longer waits for it. */
function acceptAnswer({ timers }: EffectHandlers, draft: TurnDraft, id: string): boolean {
	const found = Object.entries(draft.facts.asks).find(([, waiting]) => waiting === id);
	if (!found) return false;
	const { [found[0]]: _, ...asks } = draft.facts.asks;
	draft.facts = { ...draft.facts, asks };
	timers.remove(draft, `timeout.${found[0]}`);
	return true;
}

/** The facts of the next turn; copied field by field, which is fastest. */
function nextOf({ turn, timers, steps, asks, owed }: InstanceFacts): InstanceFacts {
	return { turn: turn + 1, timers, steps, asks, owed };
}

interface Now {
	readonly snapshot: AnyMachineSnapshot;
	readonly event: EventObject | undefined;
	readonly effectRequests: readonly EffectRequest[];
	readonly isFresh?: boolean;
}

/** The state of an instance before its turn, as a step without effects; undefined if it is new. */
function unmoved(snapshot: AnyMachineSnapshot | undefined): MachineStep | undefined {
	return snapshot && { snapshot, effectRequests: [] };
}
