/**
 * The verdict: what the ledgers of the senders say, compared with the lines in the files. Pure.
 *
 * @module
 */
import { idOf, isOrdered, type Stream } from './work.ts';

/** What the sender's ledger says of a message. */
export interface LedgerRow {
	readonly state: string;
	readonly settled: boolean;
}

/** The evidence of one stream. */
export interface Evidence {
	readonly stream: Stream;
	/** The sender's ledger, by id. */
	readonly ledger: ReadonlyMap<string, LedgerRow>;
	/** The lines that its messages left at the receiver, in their order. */
	readonly trace: readonly string[];
	/** The lines that the replies left at the sender. */
	readonly replies: readonly string[];
}

/** What was counted. */
export interface Verdict {
	readonly accepted: number;
	readonly settled: number;
	/**
	 * Messages without an outcome, or whose line is missing although they are `done`, or that were
	 * appended and ended otherwise than `done`; and lines that belong to no message.
	 */
	readonly lost: number;
	/**
	 * Lines that stand there twice, or at all although their sender was told that they never would.
	 */
	readonly doubled: number;
	/** Lines of an ordered stream that stand behind a later one. */
	readonly misordered: number;
	/** What was found, by message; for people. */
	readonly faults: readonly string[];
}

/** Outcomes that say that the message never ran. */
const neverRan = new Set(['expired', 'refused', 'cancelled']);

/** Judges all streams. */
export function judge(evidence: readonly Evidence[]): Verdict {
	const verdicts = evidence.map(judgeStream);
	const sum = (of: (verdict: Verdict) => number) =>
		verdicts.reduce((total, verdict) => total + of(verdict), 0);
	return {
		accepted: sum(({ accepted }) => accepted),
		settled: sum(({ settled }) => settled),
		lost: sum(({ lost }) => lost),
		doubled: sum(({ doubled }) => doubled),
		misordered: sum(({ misordered }) => misordered),
		faults: verdicts.flatMap(({ faults }) => faults),
	};
}

/** What is wrong with one message, or with a line. */
interface Fault {
	readonly what: 'lost' | 'doubled' | 'misordered';
	readonly text: string;
}

function judgeStream({ stream, ledger, trace, replies }: Evidence): Verdict {
	const times = timesOf(trace);
	const answered = timesOf(replies);
	const faults: Fault[] = [];
	let settled = 0;
	for (let number = 1; number <= stream.accepted; number += 1) {
		const id = idOf(stream, number);
		const row = ledger.get(id);
		if (row?.settled) settled += 1;
		const found = { id, row, ran: take(times, id), replied: take(answered, id) };
		faults.push(...judgeMessage(stream, found));
	}
	const strays = [...times.keys(), ...answered.keys()].map((line) => JSON.stringify(line));
	for (const line of strays) faults.push({ what: 'lost', text: `${line} belongs to no message` });
	const late = isOrdered(stream) ? outOfOrder(trace) : [];
	for (const line of late) faults.push({ what: 'misordered', text: line });
	const count = (wanted: Fault['what']) => faults.filter(({ what }) => what === wanted).length;
	return {
		accepted: stream.accepted,
		settled,
		lost: count('lost'),
		doubled: count('doubled'),
		misordered: count('misordered'),
		faults: faults.map(({ what, text }) => `${what}: ${stream.name}: ${text}`),
	};
}

/** What was found of one message. */
interface Found {
	readonly id: string;
	readonly row: LedgerRow | undefined;
	/** How often its line stands at the receiver, and that of its reply at the sender. */
	readonly ran: number;
	readonly replied: number;
}

function judgeMessage(stream: Stream, { id, row, ran, replied }: Found): readonly Fault[] {
	if (!row?.settled) {
		return [{ what: 'lost', text: `${id} is ${row?.state ?? 'unknown'}, ran ${ran} times` }];
	}
	const { state } = row;
	const faults: Fault[] = [];
	const text = `${id} is ${state}, ran ${ran} times`;
	if (isMissing(stream, state, ran)) faults.push({ what: 'lost', text });
	if (isTooOften(stream, state, ran)) faults.push({ what: 'doubled', text });
	if (stream.replies === undefined) return faults;
	const reply = `${id} is ${state}, and was replied to ${replied} times`;
	if (state === 'done' && replied === 0) faults.push({ what: 'lost', text: reply });
	if (replied > 1) faults.push({ what: 'doubled', text: reply });
	return faults;
}

function isMissing(stream: Stream, state: string, ran: number): boolean {
	return ran === 0 && (isOrdered(stream) || state === 'done');
}

function isTooOften({ aim }: Stream, state: string, ran: number): boolean {
	return aim === 'again' ? ran > 0 && neverRan.has(state) : ran > (neverRan.has(state) ? 0 : 1);
}

/**
 * The lines that stand behind one that comes later; ids of a stream compare as their numbers do.
 */
function outOfOrder(lines: readonly string[]): readonly string[] {
	let highest = '';
	return lines.filter((line) => {
		const isLate = line < highest;
		if (!isLate) highest = line;
		return isLate;
	});
}

function timesOf(lines: readonly string[]): Map<string, number> {
	const times = new Map<string, number>();
	for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1);
	return times;
}

function take(times: Map<string, number>, line: string): number {
	const count = times.get(line) ?? 0;
	times.delete(line);
	return count;
}
