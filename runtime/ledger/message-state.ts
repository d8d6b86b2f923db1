/**
 * The row that people see of a message: from its ledger entry and, while it travels, its lane.
 *
 * @module
 */
import type { Entry } from './ledger-entry.ts';

/** A lane of the outbox, as far as the state of a message follows from it. */
interface LaneView {
	readonly state: string;
	/** Why it waits; empty if it does not. */
	readonly why: string;
	/** The number of its first row. */
	readonly lo: number;
	readonly rows: readonly { readonly attempts: number; readonly skip?: unknown }[];
}

/** The lanes by name; the outbox is one. */
export interface LaneViews {
	lane(name: string): LaneView | undefined;
}

/** The row of a ledger entry, with its instants as `wallOf` shows them: see `Journal.wallOf`. */
export function messageRow(
	entry: Entry,
	lanes: LaneViews,
	wallOf: (storeMs: number) => number = (storeMs) => storeMs,
): MessageRow {
	const { id, toNode, method, note } = entry;
	const about = { id, toNode, method, sentAt: wallOf(entry.sentAt), ...present({ note }) };
	return { ...about, ...(settledPart(entry, wallOf) ?? openPart(entry, lanes)) };
}

type Rest = Omit<MessageRow, 'id' | 'toNode' | 'method' | 'sentAt'>;

function settledPart(
	{ result, settledAt: storeMs, output }: Entry,
	wallOf: (storeMs: number) => number,
): Rest | undefined {
	if (!result || storeMs === undefined) return undefined;
	const settledAt = wallOf(storeMs);
	const { outcome: state, code, detail: why, exitCode, stderr, durationMs, attempts = 0 } = result;
	const rest = present({ why, code, exitCode, stderr, durationMs, output });
	return { state, settled: true, settledAt, attempts, ...rest };
}

/** A message that has left its lane without an outcome was accepted by its receiver. */
function openPart({ lane: name = '', seq = 0 }: Entry, lanes: LaneViews): Rest {
	const lane = lanes.lane(name);
	if (!lane || seq < lane.lo) return { state: 'accepted', settled: false, attempts: 1 };
	const row = lane.rows[seq - lane.lo];
	const attempts = row?.attempts ?? 0;
	const isUnderWay = lane.state === 'sending' && attempts > 0;
	const state = row?.skip ? 'giving_up' : isUnderWay ? 'sent' : 'queued';
	return { state, settled: false, attempts, ...present({ why: lane.why || undefined }) };
}

function present(fields: Partial<MessageRow>): Partial<MessageRow> {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * A row of `messages`, `dead` and `watch`: what the ledger says of a message that this node sent.
 */
export interface MessageRow {
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	/** `queued`, `sent`, `accepted`, `giving_up`, or one of the outcomes. */
	readonly state: string;
	readonly settled: boolean;
	/** Delivery attempts so far. */
	readonly attempts: number;
	/** Wall-clock milliseconds of this node's clock. */
	readonly sentAt: number;
	readonly settledAt?: number;
	/** Why it waits, or why it failed; a sentence for people. */
	readonly why?: string;
	readonly code?: string;
	readonly exitCode?: number;
	readonly stderr?: string;
	readonly durationMs?: number;
	/** The output, as text where it is UTF-8; cut at `outputKeptBytesMax`. */
	readonly output?: string;
	readonly note?: string;
}
