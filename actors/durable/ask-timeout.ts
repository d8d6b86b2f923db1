/**
 * The timeouts of asks: the event of such a timer tells also why nobody has answered.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Journal } from '../../runtime/journal/journal.ts';
import { unpack } from '../../runtime/message/codec.ts';
import type { TimerRow } from '../../runtime/pending/timers.ts';
import type { AskTimeoutReason } from '../definition/effects.ts';
import { readInstance } from '../turn/instance.ts';

/** What finds out why an ask has no answer yet, by the id of its message. */
export type AskDiagnosis = (id: string) => Promise<AskTimeoutReason>;

/**
 * The event of a timer that is due. It is not written down before its turn is: a crash in between
 * has it made again.
 */
export function timerEvent(
	{ journal, actor, why }: { journal: Journal; actor: string; why: AskDiagnosis | undefined },
	row: TimerRow,
): EventObject | Promise<EventObject> {
	const event = unpack(row.event) as EventObject;
	const [, name] = /^timeout\.(.*)$/s.exec(row.id) ?? [];
	if (name === undefined) return event;
	const withReason = (reason: AskTimeoutReason) => Object.assign(event, { reason });
	const id = readInstance(journal, actor, row.key)?.asks?.[name];
	if (!why || id === undefined) return withReason('deadline');
	return why(id).then(withReason);
}
