/**
 * Watches messages that were handed in, and prints their outcomes, until all are settled, the time
 * is over, or the user interrupts.
 *
 * @module
 */
import type { Clock } from '../../../runtime/platform/clock.ts';
import { deadline } from '../../../runtime/platform/deadline.ts';
import { exitCodes } from '../../../runtime/platform/errors.ts';
import type { Interrupts } from '../arguments/interrupts.ts';
import { durationText } from '../output/durations.ts';
import { messageTable } from '../output/tables.ts';
import { shade, type Screen } from '../output/render.ts';
import { replyHead, replyText } from '../output/reply-text.ts';
import { rowsText, type Format } from '../output/rows.ts';
import { closingLine, exitCodeOf, tallyOf, whyWaiting } from '../output/tally.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** A message that was handed in. */
export interface Sent {
	readonly id: string;
	readonly toNode: string;
}

/** The parts of watching. */
export interface WatchingParts {
	readonly screen: Screen;
	readonly clock: Clock;
	readonly interrupts: Pick<Interrupts, 'signal'>;
	readonly format: Format;
	/** How long to watch at most. */
	readonly timeoutMs: number | undefined;
}

/** Rows of these messages, now and at each change, until all are settled or `signal` is raised. */
export type RowsOf = (ids: readonly string[], signal: AbortSignal) => AsyncIterable<MessageRow>;

/** After this time without an answer a remark says why. */
const patienceMs = 700;

/** Watches, prints, and returns the exit code. */
export async function watchMessages(
	sent: readonly Sent[],
	rowsOf: RowsOf,
	parts: WatchingParts,
): Promise<number> {
	const { screen, clock, interrupts, timeoutMs } = parts;
	const startedAt = clock.monotonic();
	const rows = new Map(sent.map((each) => [each.id, unseen(each, clock.now())]));
	const isOver = new AbortController();
	const timer =
		timeoutMs === undefined ? undefined : deadline(clock, timeoutMs, () => isOver.abort());
	const signal = AbortSignal.any([interrupts.signal, screen.closed, isOver.signal]);
	const remarks = createRemarks(rows, parts);
	const printer = createPrinter(sent, parts);
	try {
		for await (const row of rowsOf([...rows.keys()], signal)) {
			rows.set(row.id, row);
			remarks.add(row);
			if (row.settled) await printer.settled(row);
			remarks.status();
		}
	} finally {
		timer?.cancel();
		remarks.end();
		await printer.end([...rows.values()], clock.monotonic() - startedAt);
	}
	const tally = tallyOf(rows.values());
	if (tally.waiting.length > 0) {
		const names = tally.waiting.slice(0, 3).map(({ id }) => `reeve describe message ${id}`);
		screen.note(`no longer watching; delivery goes on.  next: ${names.join('  or  ')}`);
	}
	return interrupts.signal.aborted ? exitCodes.interrupted : exitCodeOf(tally);
}

/** The row of a message before the node has sent one. */
function unseen({ id, toNode }: Sent, now: number): MessageRow {
	return { id, toNode, method: '', state: 'queued', settled: false, attempts: 0, sentAt: now };
}

/** Prints on standard error why messages wait; each reason once. */
function createRemarks(rows: ReadonlyMap<string, MessageRow>, parts: WatchingParts) {
	const { screen, clock, format } = parts;
	const isForPeople = format === 'table' || format === 'wide';
	const said = new Map<string, string>();
	let isPatient = true;
	let hasHinted = false;
	const status = (): void => {
		const open = [...rows.values()].filter(({ settled }) => !settled);
		const [first] = open;
		if (isPatient || !first || !isForPeople) return;
		const count = `[${rows.size - open.length}/${rows.size}]`;
		screen.status(shade('quiet', `${count} ${first.toNode}: ${whyWaiting(first)}`));
	};
	const remark = (row: MessageRow): void => {
		// A message that runs needs no remark; the status line shows it.
		if (row.settled || row.state === 'accepted') return;
		const why = row.why ?? whyWaiting(row);
		if (said.get(row.id) === why) return;
		said.set(row.id, why);
		const hint = hasHinted
			? ''
			: '  (it is delivered as soon as possible; Ctrl-C only stops watching)';
		hasHinted = true;
		screen.note(`${row.toNode} is ${shade('waiting', 'waiting')}: ${whyWaiting(row)}${hint}`);
	};
	const timer = clock.after(patienceMs, () => {
		isPatient = false;
		for (const row of rows.values()) remark(row);
		status();
	});
	return {
		add(row: MessageRow) {
			if (!isPatient) remark(row);
		},
		status,
		end: () => timer.cancel(),
	};
}

/** Prints replies as they come, and the summary at the end. */
function createPrinter(sent: readonly Sent[], { screen, format, clock }: WatchingParts) {
	const nodes = sent.map(({ toNode }) => toNode);
	const isForPeople = format === 'table' || format === 'wide';
	let hasHead = false;
	const settled = async (row: MessageRow): Promise<void> => {
		if (format === 'jsonl') screen.out(`${JSON.stringify(row)}\n`);
		if (!isForPeople) return;
		if (!hasHead) screen.out(await replyHead(nodes));
		hasHead = true;
		screen.out(await replyText(row, nodes));
	};
	const end = async (rows: readonly MessageRow[], tookMs: number): Promise<void> => {
		const { ok, failed, expired, waiting } = tallyOf(rows);
		const summary = { ok, failed, expired, waiting: waiting.length, tookMs: Math.round(tookMs) };
		if (format === 'jsonl') screen.out(`${JSON.stringify({ summary })}\n`);
		else if (format === 'json') {
			screen.out(`${JSON.stringify({ messages: rows, summary }, undefined, 2)}\n`);
		} else if (!isForPeople) {
			screen.out(await rowsText(rows, messageTable, { format, now: clock.now() }));
		}
		const line = `${closingLine(tallyOf(rows))}  in ${durationText(tookMs)}`;
		const next = waiting.length > 0 ? '' : `  next: ${nextCommand(sent)}`;
		screen.note(`${line}${next}`);
	};
	return { settled, end };
}

function nextCommand(sent: readonly Sent[]): string {
	const [first] = sent;
	return sent.length === 1 && first ? `reeve describe message ${first.id}` : 'reeve get messages';
}
