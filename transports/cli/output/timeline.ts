/**
 * Timelines: the history of a message, one event in a line.
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
	cancel_asked: 'cancellation asked for',
	retried: 'sent again',
	settled: 'settled',
	taken: 'taken here',
	started: 'started here',
	ended: 'ended here',
};

/** Everything a node knows about a message: its fields and its history. */
export async function messageTimelineText(row: MessageTimeline, now: number): Promise<string> {
	const { sent, received, events } = row;
	const head = sent
		? await messageText(sent, now, row.askedBy)
		: received
			? await receivedText(received)
			: '';
	const damage = (row.damage ?? []).map((text) => `${shade('bad', 'damage')}  ${text}\n`).join('');
	return `${head}${damage}${shade('quiet', 'history')}\n${await timelineText(events)}`;
}

/** The fields of a message as its receiver knows it. */
function receivedText(row: ReceivedRow): Promise<string> {
	return fieldsText([
		['message', row.id],
		['method', row.method],
		['from', row.from],
		['asked by', row.askedBy],
		['state', stateText(row.state)],
		['starts', String(row.attempts)],
	]);
}

/** Each event with its instant, and the time since the first. */
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
