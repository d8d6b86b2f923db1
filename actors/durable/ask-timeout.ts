/**
 * The timeouts of asks: the event of such a timer carries the reason why there is no answer.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Journal } from '../../runtime/journal/journal.ts';
import { unpackDurable } from '../definition/durable-value.ts';
import type { TimerRow } from '../../runtime/pending/timers.ts';
import type { AskTimeoutReason } from '../definition/effects.ts';
import { readInstance } from '../turn/instance.ts';

/** Finds out why an ask, by the id of its message, has no answer yet. */
export type AskDiagnosis = (id: string) => Promise<AskTimeoutReason>;

/**
 * The event of a timer that is due. The reason is written only with the turn, so after a crash
 * before that it is determined again.
 */
export function timerEvent(
	{ journal, actor, why }: { journal: Journal; actor: string; why: AskDiagnosis | undefined },
	row: TimerRow,
): EventObject | Promise<EventObject> {
	const event = unpackDurable(row.event) as EventObject;
	const [, name] = /^timeout\.(.*)$/s.exec(row.id) ?? [];
	if (name === undefined) return event;
	const withReason = (reason: AskTimeoutReason) => Object.assign(event, { reason });
	const id = readInstance(journal, actor, row.key)?.asks?.[name];
	if (!why || id === undefined) return withReason('deadline');
	return why(id).then(withReason);
}
