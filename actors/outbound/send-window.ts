/**
 * The send window of a lane: the messages that are under way to one node, each with its delivery
 * actor, and what an acknowledgement means for them. The publisher decides when to send, and when
 * to stop trying.
 *
 * @module
 */
import type { FrameRow } from '../../runtime/protocol/frame.ts';
import type { OutRow } from '../../runtime/delivery/outbox-row.ts';
import { createDeliveries, verdictOf } from './deliveries.ts';
import type { DeliveryOutput } from './outbound-message.ts';
import {
	countAway,
	createExpiry,
	isOwed,
	settleRow,
	type LanePosition,
	type Settlement,
	type WindowParts,
} from './expiry.ts';
import type { LaneAck } from '../../runtime/protocol/acknowledgement.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** Consecutive rows, ready for the wire. */
export interface Load {
	readonly first: number;
	readonly rows: readonly FrameRow[];
	/** Changes to commit before the rows leave: the counters of rows that are sent again. */
	readonly changes: readonly Change[];
}

/**
 * Whether an acknowledgement was applied to its lane. `doubted`: it covers messages that this lane
 * never had, so it resolves nothing; this store must be an older copy of itself.
 */
export type AckVerdict = 'applied' | 'doubted';

/** The window that {@link createWindow} makes. */
export interface Window {
	/** The highest number that was published since the last `goBack`. */
	readonly sent: number;
	readonly isEmpty: () => boolean;
	/** How long the oldest message wants to wait for its acknowledgement. */
	readonly ackMs: () => number;
	/**
	 * The next rows that credit and size allow, at most `rowsMax`, marked as published; undefined if
	 * there are none.
	 */
	take(rowsMax?: number): Load | undefined;
	/** Resolves what an acknowledgement covers. */
	acknowledge(ack: LaneAck): Settlement & { readonly verdict: AckVerdict; readonly count: number };
	/** Binds the lane to the store of its receiver, see `Outbox.bind`. */
	bind(storeId: string): readonly Change[];
	/** Makes `take` return all unresolved rows again, from the oldest on. */
	goBack(): void;
	/** Counts an attempt for messages that limit them, because the receiver is away. */
	countAway(): Settlement;
	/** Gives up messages that are past their time to live or their attempts. */
	giveUp(): Settlement;
	/** Gives up a message that is taken back, anywhere in the lane. */
	cancel(seq: number): Settlement;
	/** Gives up a message that is too large for the broker, or that the broker does not bring. */
	refuse(seq: number, why: 'tooLarge' | 'brokerRefused'): Settlement;
	/** Settles what waits, because the broker takes nothing on this topic. */
	bar(): Settlement;
	/** Whether the message is an outcome that must not be given up. */
	isOwed(seq: number): boolean;
	/** Stops the delivery actors; the rows stay in the outbox. */
	stop(): void;
}

/** Creates the window of a lane. */
export function createWindow(parts: WindowParts): Window {
	const { lane, outbox, ledger, journal, config } = parts;
	const deliveries = createDeliveries(lane);
	const position: LanePosition = { sent: lane.lo - 1 };
	// A new lane sends one message until the receiver has given credit.
	let credit = 1;

	/** The ledger changes for a message that the receiver has answered. */
	const end = (row: OutRow, output: DeliveryOutput): readonly Change[] => {
		if (output.verdict !== 'accepted') return settleRow(row, output, parts);
		if (!row.isReply) ledger.note(row.id, 'acked');
		// A first attempt needs no row: the outcome, or an orderly stop, writes its history.
		return row.attempts > 1 ? ledger.noted(row.id) : [];
	};
	const drop = (upTo: number): readonly Change[] => {
		const { rows, changes } = outbox.resolve(lane, upTo);
		for (const { seq } of rows) deliveries.forget(seq);
		position.sent = Math.max(position.sent, upTo);
		lane.published = Math.max(lane.published, upTo);
		return changes;
	};

	const expiry = createExpiry({ ...parts, deliveries, position, drop });

	return {
		get sent() {
			return position.sent;
		},
		isEmpty: () => lane.lo > lane.flushed,
		ackMs: () => lane.rows[0]?.ackMs ?? config.defaultMessageTimeout * 1000,
		take(rowsMax = Infinity) {
			outbox.fill(lane);
			const first = position.sent + 1;
			const last = Math.min(lane.flushed, lane.lo + credit - 1, lane.lo + lane.rows.length - 1);
			const rows: FrameRow[] = [];
			const changes: Change[] = [];
			let bytes = 0;
			for (let seq = first; seq <= last; seq += 1) {
				const row = lane.rows[seq - lane.lo];
				if (!row || rows.length >= rowsMax) break;
				if (rows.length > 0 && bytes + row.body.byteLength > config.frameBytesMax) break;
				bytes += row.body.byteLength;
				deliveries.tell(row, { type: 'PUBLISHED' });
				const counted = { ...row, attempts: row.attempts + 1 };
				lane.rows[seq - lane.lo] = counted;
				if (!row.isReply) ledger.note(row.id, 'sent', { attempt: counted.attempts });
				// An earlier process may have sent its rows without having written that.
				if (row.attempts > 0 || seq <= lane.inherited) {
					changes.push(...outbox.amend(lane, counted), ...ledger.noted(row.id));
				}
				rows.push(frameRow(row, journal.now(), seq <= lane.repeatUpTo));
				position.sent = seq;
			}
			lane.published = Math.max(lane.published, position.sent);
			return rows.length > 0 ? { first, rows, changes } : undefined;
		},
		bind: (storeId) => outbox.bind(lane, storeId, lane.published),
		acknowledge(ack) {
			const { upTo, id } = ack;
			const nothing = { changes: [], ids: [], count: 0 };
			if (upTo >= lane.lo && outbox.row(lane, upTo)?.id !== id) {
				return { ...nothing, verdict: 'doubted' };
			}
			credit = ack.credit;
			if (upTo < lane.lo) return { ...nothing, verdict: 'applied' };
			const except = new Map(ack.except);
			const changes: Change[] = [];
			const ids: string[] = [];
			let goesFirst = false;
			// The receiver may be ahead of what is loaded: an earlier process had a larger window.
			for (let seq = lane.lo; seq <= upTo; seq += 1) {
				const row = outbox.row(lane, seq);
				if (!row) continue;
				const output = deliveries.tell(row, verdictOf(except.get(seq)));
				deliveries.forget(seq);
				if (!output) continue;
				if (output.verdict !== 'accepted') goesFirst = true;
				const settled = end(row, output);
				if (settled.length > 0) ids.push(row.id);
				changes.push(...settled);
			}
			const count = upTo - lane.lo + 1;
			changes.push(...drop(upTo));
			return { changes, ids, verdict: 'applied', count, ...(goesFirst ? { goesFirst } : {}) };
		},
		goBack() {
			for (const row of lane.rows)
				if (row.seq <= position.sent) deliveries.tell(row, { type: 'RETRY' });
			position.sent = lane.lo - 1;
			// A receiver that gave no credit is asked again with a single message.
			credit = Math.max(credit, 1);
		},
		countAway: () => countAway(parts),
		giveUp: () => expiry.all(),
		cancel: (seq) => expiry.one(seq, 'cancelled'),
		refuse: (seq, why) => expiry.one(seq, why),
		bar: () => expiry.barred(),
		isOwed(seq) {
			const row = seq < lane.lo ? undefined : outbox.row(lane, seq);
			return row !== undefined && isOwed(row);
		},
		stop: () => deliveries.stop(),
	};
}

function frameRow(row: OutRow, now: number, mayBeRepeat: boolean): FrameRow {
	const ttlMs = Math.max(0, row.deadline - now);
	const content = row.skip ? ({ skip: true } as const) : { body: row.body };
	return { id: row.id, ttlMs, ...content, ...(mayBeRepeat ? { repeat: true } : {}) };
}
