/**
 * Replayed turns: one recorded event, handled again by another definition.
 *
 * @module
 */
import type { AnyMachineSnapshot, EventObject } from 'xstate';
import { canonicalJson } from '../../runtime/text/canonical-json.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { TurnRecord } from '../turn/turn-recorder.ts';
import type { Finding } from './instance-restore.ts';
import type { MachineStepper, MachineStep } from '../turn/machine-step.ts';
import { effectTexts } from '../turn/effect-text.ts';

/** Events of the runtime, which a machine gets whether it handles them or not. */
const isOwn = /^(?:xstate|reply|timeout|down)\./;

/**
 * The finding that the machine no longer handles an event. An event of a message was handled, or
 * it would have got no turn; an event of the runtime counts only if it had led to something.
 */
export function mustTell(
	{ event, turn, value, did = [] }: TurnRecord,
	before: TurnRecord | undefined,
	knows: (type: string) => boolean,
): Finding | undefined {
	if (!event || knows(event.type)) return undefined;
	const { type } = event;
	const ledToNothing = did.length === 0 && before !== undefined && isSame(before.value, value);
	if (isOwn.test(type) && ledToNothing) return undefined;
	const detail = `${type} led to ${text(value)}, and is not handled any more`;
	return { what: 'event_unknown', turn, event: type, detail };
}

/** What replaying a turn needs. */
export interface TurnTools {
	readonly stepper: MachineStepper;
	readonly begin: MachineStepper['begin'];
}

/** The result of a replayed turn; without a snapshot if the next turn cannot follow it. */
export interface CheckedTurn {
	readonly snapshot: AnyMachineSnapshot | undefined;
	readonly findings: readonly Finding[];
}

/**
 * Handles the event of a turn again, and compares state and effects with the record. Without a
 * snapshot, the instance starts with this turn.
 */
export function checkTurn(
	tools: TurnTools,
	record: TurnRecord,
	from: { readonly snapshot: AnyMachineSnapshot | undefined; readonly expected: unknown },
): CheckedTurn {
	const { turn, event } = record;
	const about = { turn, ...(event ? { event: event.type } : {}) };
	let move: MachineStep;
	try {
		move = moved(tools, from.snapshot, event);
	} catch (thrown) {
		const { detail } = asReeveError(thrown);
		return { snapshot: undefined, findings: [{ what: 'throws', ...about, detail }] };
	}
	const { snapshot, effectRequests } = move;
	const { value } = snapshot;
	if (from.expected === undefined) return { snapshot: undefined, findings: [] };
	if (!isSame(value, from.expected)) {
		const detail = `it led to ${text(from.expected)}, and now leads to ${text(value)}`;
		return { snapshot: undefined, findings: [{ what: 'target', ...about, detail }] };
	}
	const detail = effectsText(record.did ?? [], effectTexts(effectRequests));
	return { snapshot, findings: detail ? [{ what: 'effects', ...about, detail }] : [] };
}

function moved(
	{ stepper, begin }: TurnTools,
	snapshot: AnyMachineSnapshot | undefined,
	event: EventObject | undefined,
): MachineStep {
	const first = snapshot ? { snapshot, effectRequests: [] } : begin(undefined);
	if (!event || first.snapshot.status !== 'active') return first;
	const move = stepper.move(first.snapshot, event);
	return {
		snapshot: move.snapshot,
		effectRequests: [...first.effectRequests, ...move.effectRequests],
	};
}

/** The effects that are missing now and those that are new; undefined if nothing differs. */
function effectsText(was: readonly string[], is: readonly string[]): string | undefined {
	if (isSame(was, is)) return undefined;
	const missing = was.filter((line) => !is.includes(line)).map((line) => `not any more: ${line}`);
	const added = is.filter((line) => !was.includes(line)).map((line) => `new: ${line}`);
	return [...missing, ...added].join('; ') || `in another order: ${is.join(', ')}`;
}

function isSame(one: unknown, other: unknown): boolean {
	return canonicalJson(one) === canonicalJson(other);
}

function text(value: unknown): string {
	return typeof value === 'string' ? value : JSON.stringify(value);
}
