/**
 * The rows of the outbox: one message each, with what its publisher needs to know of it.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import { isReply, ttlSecondsMax, type Message } from '../message/message.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { keepsBody, messageIn } from '../ledger/ledger-entry.ts';
import { DamagedRow } from '../journal/schema.ts';
import { fingerprint } from '../platform/hash.ts';
import { packMessage } from '../message/codec.ts';
import { isMereOutcome } from '../message/reply.ts';

/** One message on its way out. */
export interface OutRow {
	readonly seq: number;
	readonly id: string;
	/** Whether the sender has given it up, and only waits for the receiver's word on that. */
	readonly skip: boolean;
	/** Set if it was cancelled, which is why it was given up. */
	readonly cancelled?: true;
	/** Set if no broker takes a publication of it, which is why it was given up. */
	readonly tooLarge?: true;
	/** Set if the broker hangs up on it or drops it, which is why it was given up. */
	readonly brokerRefused?: true;
	/** Set on replies, which have no ledger entry; absent in rows of older versions. */
	readonly isReply?: true;
	/** Set if the ledger entry keeps the body, so that the row is stored without it. */
	readonly isInLedger?: true;
	/** The packed message; empty in a skip. */
	readonly body: Uint8Array;
	/** Store time after which it is given up. */
	readonly deadline: number;
	/** How long one attempt waits for the acknowledgement. */
	readonly ackMs: number;
	/** Attempts before it is given up; 0: as many as fit before the deadline. */
	readonly retries: number;
	/** Tries so far: publications, and spans of `ackMs` in which the receiver was away. */
	readonly attempts: number;
}

/** A message as a row of its lane. */
export function rowOf(message: Message, at: { seq: number; now: number; config: Config }): OutRow {
	const { seq, now, config } = at;
	const timeout = message.ACKTimeout || config.defaultMessageTimeout;
	// Outcomes are owed: they are sent for as long as any message may be under way.
	const isOwed = isMereOutcome(message);
	const body = packMessage(message);
	const ttlSeconds = isOwed ? ttlSecondsMax : (message.ttl ?? config.defaultMessageTtl);
	return {
		seq,
		id: message.id,
		skip: false,
		...(isReply(message) ? { isReply: true } : {}),
		...(keepsBody(message, body, config) ? { isInLedger: true } : {}),
		body,
		deadline: now + ttlSeconds * 1000,
		ackMs: timeout * 1000,
		retries: isOwed ? 0 : message.retries || config.defaultMessageRetries,
		attempts: 0,
	};
}

/**
 * A row as the journal has it: its number is in the key, and no names are in the value. The body is
 * `null` if it is in the ledger entry of this id.
 */
export type StoredOutRow = readonly [
	id: string,
	body: Uint8Array | null,
	deadline: number,
	ackMs: number,
	retries: number,
	attempts: number,
	marks: number,
];

const noBytes = new Uint8Array();

const marks = { skip: 1, cancelled: 2, tooLarge: 4, isReply: 8, brokerRefused: 16 } as const;

/** What is written of a row. */
export function stored(row: OutRow): StoredOutRow {
	const { id, deadline, ackMs, retries, attempts } = row;
	const body = row.isInLedger ? null : row.body;
	let marked = 0;
	if (row.skip) marked |= marks.skip;
	if (row.cancelled) marked |= marks.cancelled;
	if (row.tooLarge) marked |= marks.tooLarge;
	if (row.isReply) marked |= marks.isReply;
	if (row.brokerRefused) marked |= marks.brokerRefused;
	return [id, body, deadline, ackMs, retries, attempts, marked];
}

/**
 * The row that was written, with an empty body if that is in the ledger; older versions have
 * written it as a map.
 */
export function restored(
	seq: number,
	value: StoredOutRow | Omit<OutRow, 'seq'> | DamagedRow,
): OutRow {
	if (value instanceof DamagedRow) return lostRow(seq);
	if (!isTuple(value)) return { ...value, seq };
	const [id, body, deadline, ackMs, retries, attempts, marked] = value;
	return {
		seq,
		id,
		skip: (marked & marks.skip) > 0,
		...((marked & marks.cancelled) > 0 ? { cancelled: true } : {}),
		...((marked & marks.tooLarge) > 0 ? { tooLarge: true } : {}),
		...((marked & marks.isReply) > 0 ? { isReply: true } : {}),
		...((marked & marks.brokerRefused) > 0 ? { brokerRefused: true } : {}),
		...(body ? { body } : { isInLedger: true, body: noBytes }),
		deadline,
		ackMs,
		retries,
		attempts,
	};
}

/** A damaged row: it keeps its number, so that the lane goes on behind it. */
function lostRow(seq: number): OutRow {
	const deadline = Number.MAX_SAFE_INTEGER;
	return {
		seq,
		id: '',
		skip: true,
		body: noBytes,
		deadline,
		ackMs: lostAckMs,
		retries: 0,
		attempts: 0,
	};
}

/** How long an attempt to skip a damaged row waits for the acknowledgement. */
const lostAckMs = 10_000;

/**
 * What is known of a damaged row from its ledger entry: all of it, if that has the body; else the
 * id, so that the message is skipped, and its sender told. Without an entry the id is made up.
 */
export function rebuilt(
	row: OutRow,
	place: { readonly lane: string; readonly seq: number },
	parts: { readonly ledger: Pick<Ledger, 'at'>; readonly now: number; readonly config: Config },
): OutRow {
	if (row.id !== '') return row;
	const { lane, seq } = place;
	const entry = parts.ledger.at(place);
	if (!entry) return { ...row, id: `damaged-${fingerprint(lane).toString(36)}-${seq}` };
	const message = entry.settledAt === undefined ? messageIn(entry) : undefined;
	return message ? rowOf(message, { ...parts, seq }) : { ...row, id: entry.id };
}

/**
 * The row as it is sent, with the body that the ledger has for it.
 *
 * An entry is forgotten only when its message is settled, which may happen while its row still
 * waits for a lost acknowledgement. Such a message need not be run any more: its row becomes a
 * skip. So does the row of an entry that a damaged store has lost.
 */
export function withBody(row: OutRow, lane: string, ledger: Pick<Ledger, 'bodyAt'>): OutRow {
	if (!row.isInLedger || row.skip || row.body.byteLength > 0) return row;
	const body = ledger.bodyAt(row.id, { lane, seq: row.seq });
	return body ? { ...row, body } : { ...row, skip: true };
}

function isTuple(value: StoredOutRow | Omit<OutRow, 'seq'>): value is StoredOutRow {
	return Array.isArray(value);
}
