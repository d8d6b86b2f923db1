/**
 * Timelines: the life of a message, one event in a line.
 *
 * @module
 */
import type { HistoryEvent } from '../../../runtime/ledger/message-history.ts';
import type { MessageTimeline, ReceivedRow } from '../../../runtime/queries/operation-rows.ts';
import { fieldsText, messageText } from './description.ts';
import { durationText, instantText } from './durations.ts';
import { stateText } from './tables.ts';
import { shade, tableText } from './render.ts';

const words: Readonly<Record<HistoryEvent['what'], string>> = {
	accepted: 'accepted',
	sent: 'sent',
	waiting: 'waits',
	acked: 'acknowledged by its receiver',
	refused: 'refused',
	gave_up: 'given up',
	cancel_asked: 'taken back',
	retried: 'sent again',
	settled: 'settled',
	taken: 'taken here',
	started: 'started here',
	ended: 'ended here',
};

/** All that a node knows of a message: its fields, and what happened to it. */
export async function messageTimelineText(life: MessageTimeline, now: number): Promise<string> {
	const { sent, received, events } = life;
	const head = sent ? await messageText(sent, now) : received ? await receivedText(received) : '';
	return `${head}${shade('quiet', 'life')}\n${await timelineText(events)}`;
}

/** A message as its receiver knows it. */
function receivedText(row: ReceivedRow): Promise<string> {
	return fieldsText([
		['message', row.id],
		['method', row.method],
		['from', row.from],
		['state', stateText(row.state)],
		['starts', String(row.attempts)],
	]);
}

/** Each event with its instant, and how long after the first it was. */
function timelineText(events: readonly HistoryEvent[]): Promise<string> {
	const [first] = events;
	const rows = events.map(({ at, what, attempt, detail }) => {
		const since = at - (first?.at ?? at);
		const count = attempt === undefined || attempt === 0 ? '' : ` (attempt ${attempt})`;
		const text = `${words[what]}${count}${detail ? `: ${detail}` : ''}`;
		return [`  ${instantText(at)}`, `+${durationText(since)}`, text];
	});
	return tableText(['', '', ''], rows);
}
