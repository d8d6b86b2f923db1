/**
 * The row that people see of a message: what the books say and, while it is on its way, its lane.
 *
 * @module
 */
import type { Entry } from './ledger.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { MessageRow } from '../network/transport.ts';

/** The row of an entry of the books. */
export function messageRow(entry: Entry, outbox: Pick<Outbox, 'lane'>): MessageRow {
	const { id, toNode, method, sentAt, note } = entry;
	const about = { id, toNode, method, sentAt, ...present({ note }) };
	return { ...about, ...(settledPart(entry) ?? openPart(entry, outbox)) };
}

type Rest = Omit<MessageRow, 'id' | 'toNode' | 'method' | 'sentAt'>;

function settledPart({ result, settledAt, output }: Entry): Rest | undefined {
	if (!result || settledAt === undefined) return undefined;
	const { outcome: state, code, detail: why, exitCode, stderr, durationMs, attempts = 0 } = result;
	const rest = present({ why, code, exitCode, stderr, durationMs, output });
	return { state, settled: true, settledAt, attempts, ...rest };
}

/** A message that has left its lane without an outcome was accepted by its receiver. */
function openPart({ lane: name = '', seq = 0 }: Entry, outbox: Pick<Outbox, 'lane'>): Rest {
	const lane = outbox.lane(name);
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
