/**
 * The window of a lane: the messages that are under way to one node, each with its delivery actor, and
 * what an acknowledgement means for them. When to send, and when to stop trying, is the publisher's.
 *
 * @module
 */
import { createActor, type Actor } from 'xstate';
import type { Books } from '../runtime/books.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import type { FrameRow, LaneAck } from '../runtime/frame.ts';
import type { Change } from '../runtime/journal.ts';
import type { Lane, OutRow, Outbox } from '../runtime/outbox.ts';
import type { Signals } from '../runtime/signal.ts';
import { deliveryLogic, type DeliveryEvent, type DeliveryOutput } from './delivery.ts';

/** What a window works with. */
export interface WindowParts {
	readonly lane: Lane;
	readonly outbox: Outbox;
	readonly books: Books;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
}

/** What is to be written, and whose books are settled by it. */
export interface Settlement {
	readonly changes: readonly Change[];
	readonly ids: readonly string[];
}

/** Consecutive rows, ready for the wire. */
export interface Load {
	readonly first: number;
	readonly rows: readonly FrameRow[];
	/** What must be on disk before they leave: the counters of rows that are sent again. */
	readonly changes: readonly Change[];
}

/**
 * What an acknowledgement is to a lane. `doubted`: it is about messages that this lane never had, so
 * nothing is resolved; this store must be an older copy of what it once was.
 */
export type Belief = 'believed' | 'doubted';

/** The window that {@link createWindow} makes. */
export interface Window {
	/** The highest number that was published since the last `goBack`. */
	readonly sent: number;
	readonly isEmpty: () => boolean;
	/** How long the oldest message wants to wait for its acknowledgement. */
	readonly ackMs: () => number;
	/** The next rows that credit and size allow, marked as published; undefined if there are none. */
	take(): Load | undefined;
	/** Resolves what an acknowledgement covers. */
	acknowledge(ack: LaneAck): Settlement & { readonly belief: Belief; readonly count: number };
	/** Binds the lane to the store of its receiver, see `Outbox.bind`. */
	bind(storeId: string): readonly Change[];
	/** Everything unresolved is to be published again, from the oldest on. */
	goBack(): void;
	/** Counts a try for messages whose receiver is away. */
	countAway(): Settlement;
	/** Gives up what is past its time or its retries. */
	giveUp(): Settlement;
	/** Gives up a message because somebody takes it back, wherever it stands in the lane. */
	cancel(seq: number): Settlement;
	/** Stops the delivery actors; the rows stay in the outbox. */
	stop(): void;
}

/** Messages that are given up in one go; the next tick does the rest. */
const givenUpMax = 5000;

/** Creates the window of a lane. */
export function createWindow(parts: WindowParts): Window {
	const { lane, outbox, books, clock, config } = parts;
	const deliveries = createDeliveries(lane);
	let sent = lane.lo - 1;
	/** The highest number that any process may have published. */
	let published = lane.inherited;
	// A new lane sends one message until the receiver has said how many it is ready to take.
	let credit = 1;

	const settle = (row: OutRow, output: DeliveryOutput): readonly Change[] =>
		settleRow(row, output, parts);
	const drop = (upTo: number): readonly Change[] => {
		const { rows, changes } = outbox.resolve(lane, upTo);
		for (const { seq } of rows) deliveries.forget(seq);
		sent = Math.max(sent, upTo);
		published = Math.max(published, upTo);
		return changes;
	};

	const giveUpRow = (row: OutRow): Settlement => {
		books.note(row.id, row.cancelled ? 'cancel_asked' : 'gave_up', { attempt: row.attempts });
		const output = deliveries.tell(row, { type: 'GIVE_UP' });
		const settled = output ? settle(row, output) : [];
		const ids = settled.length > 0 ? [row.id] : [];
		// A skip must travel even for a message that never left, if others before it are under way.
		if (output && row.seq === lane.lo) return { changes: [...settled, ...drop(row.seq)], ids };
		const skip = { ...row, skip: true, body: new Uint8Array() };
		sent = Math.min(sent, row.seq - 1);
		return { changes: [...settled, ...outbox.amend(lane, skip)], ids };
	};
	const isOver = (row: OutRow): boolean => {
		if (row.skip) return false;
		// The last try that it may have is over when its acknowledgement is overdue, not before.
		const isSpent = row.retries > 0 && row.attempts >= row.retries && row.seq > sent;
		return isSpent || row.deadline <= clock.now();
	};

	return {
		get sent() {
			return sent;
		},
		isEmpty: () => lane.lo > lane.flushed,
		ackMs: () => lane.rows[0]?.ackMs ?? config.defaultMessageTimeout * 1000,
		take() {
			outbox.fill(lane);
			const first = sent + 1;
			const last = Math.min(lane.flushed, lane.lo + credit - 1, lane.lo + lane.rows.length - 1);
			const rows: FrameRow[] = [];
			const changes: Change[] = [];
			let bytes = 0;
			for (let seq = first; seq <= last; seq += 1) {
				const row = lane.rows[seq - lane.lo];
				if (!row || (rows.length > 0 && bytes + row.body.byteLength > config.frameBytesMax)) break;
				bytes += row.body.byteLength;
				deliveries.tell(row, { type: 'PUBLISHED' });
				const counted = { ...row, attempts: row.attempts + 1 };
				lane.rows[seq - lane.lo] = counted;
				books.note(row.id, 'sent', { attempt: counted.attempts });
				if (row.attempts > 0) {
					changes.push(...outbox.amend(lane, counted), ...books.noted(row.id));
				}
				rows.push(frameRow(row, clock.now(), seq <= lane.repeatUpTo));
				sent = seq;
			}
			published = Math.max(published, sent);
			return rows.length > 0 ? { first, rows, changes } : undefined;
		},
		bind: (storeId) => outbox.bind(lane, storeId, published),
		acknowledge(ack) {
			const { upTo, id } = ack;
			const nothing = { changes: [], ids: [], count: 0 };
			if (upTo >= lane.lo && outbox.row(lane, upTo)?.id !== id) {
				return { ...nothing, belief: 'doubted' };
			}
			credit = ack.credit;
			if (upTo < lane.lo) return { ...nothing, belief: 'believed' };
			const except = new Map(ack.except);
			const changes: Change[] = [];
			const ids: string[] = [];
			// The receiver may be ahead of what is loaded: an earlier process had a larger window.
			for (let seq = lane.lo; seq <= upTo; seq += 1) {
				const row = outbox.row(lane, seq);
				if (!row) continue;
				const output = deliveries.tell(row, verdictOf(except.get(seq)));
				deliveries.forget(seq);
				const settled = output ? settle(row, output) : [];
				if (settled.length > 0) ids.push(row.id);
				if (output?.verdict === 'accepted') books.note(row.id, 'acked');
				changes.push(...settled, ...books.noted(row.id));
			}
			const count = upTo - lane.lo + 1;
			changes.push(...drop(upTo));
			return { changes, ids, belief: 'believed', count };
		},
		goBack() {
			for (const row of lane.rows) if (row.seq <= sent) deliveries.tell(row, { type: 'RETRY' });
			sent = lane.lo - 1;
			// A receiver without room is asked again with a single message.
			credit = Math.max(credit, 1);
		},
		countAway: () => countAway(parts),
		giveUp() {
			const settlements: Settlement[] = [];
			// What is dropped makes room for others, whose time may be over as well.
			for (let lo = 0; lo < lane.lo && settlements.length < givenUpMax;) {
				({ lo } = lane);
				outbox.fill(lane);
				settlements.push(...lane.rows.filter(isOver).map(giveUpRow));
			}
			return {
				changes: settlements.flatMap(({ changes }) => changes),
				ids: settlements.flatMap(({ ids }) => ids),
			};
		},
		cancel(seq) {
			const row = seq < lane.lo ? undefined : outbox.row(lane, seq);
			if (!row || row.skip) return { changes: [], ids: [] };
			return giveUpRow({ ...row, cancelled: true });
		},
		stop: () => deliveries.stop(),
	};
}

/** The receiver is away: that counts as a try of those that have a number of tries. */
function countAway({ lane, outbox }: WindowParts): Settlement {
	outbox.fill(lane);
	const changes = lane.rows
		.filter(({ retries }) => retries > 0)
		.flatMap((row) => outbox.amend(lane, { ...row, attempts: row.attempts + 1 }));
	return { changes, ids: [] };
}

/** What the books are told of a message whose delivery has ended. */
function settleRow(
	row: OutRow,
	{ verdict, code = 'refused' }: DeliveryOutput,
	{ lane, books, signals }: WindowParts,
): readonly Change[] {
	const { to, method } = lane;
	const { id, attempts } = row;
	if (verdict === 'accepted') return [];
	if (verdict === 'refused') {
		signals.emit('delivery.refused', { to, method, id, code });
		return books.settle(id, { outcome: 'refused', code });
	}
	signals.emit('delivery.gaveUp', { to, method, id, attempts });
	// Under another identity it may have been accepted, and then nobody knows what became of it.
	if (row.seq <= lane.repeatUpTo) {
		const detail = `${to} or this node has lost its store since; it may have run`;
		return books.settle(id, { outcome: 'interrupted', code: 'interrupted', detail, attempts });
	}
	const outcome = row.cancelled ? 'cancelled' : 'expired';
	return books.settle(id, { outcome, code: outcome, attempts });
}

/** The delivery actors of a lane, made when they are first spoken to. */
function createDeliveries(lane: Lane) {
	const actors = new Map<number, Actor<typeof deliveryLogic>>();

	const actorOf = (row: OutRow): Actor<typeof deliveryLogic> => {
		let actor = actors.get(row.seq);
		if (!actor) {
			const { id, seq, retries: attemptsMax, attempts, skip: gaveUp } = row;
			// What an earlier process left may have been published before that was on disk.
			const published = seq <= lane.inherited;
			const input = { id, seq, attemptsMax, gaveUp, published, attempts: published ? attempts : 0 };
			actor = createActor(deliveryLogic, { input }).start();
			actors.set(seq, actor);
		}
		return actor;
	};

	return {
		/** Sends an event; returns the output if it was the last one that the actor needed. */
		tell(row: OutRow, event: DeliveryEvent): DeliveryOutput | undefined {
			const actor = actorOf(row);
			if (actor.getSnapshot().status === 'done') return undefined;
			actor.send(event);
			return actor.getSnapshot().output;
		},
		forget(seq: number): void {
			actors.get(seq)?.stop();
			actors.delete(seq);
		},
		stop(): void {
			for (const actor of actors.values()) actor.stop();
			actors.clear();
		},
	};
}

function frameRow(row: OutRow, now: number, mayBeRepeat: boolean): FrameRow {
	const ttlMs = Math.max(0, row.deadline - now);
	const content = row.skip ? ({ skip: true } as const) : { body: row.body };
	return { id: row.id, ttlMs, ...content, ...(mayBeRepeat ? { repeat: true } : {}) };
}

/** What the receiver's word on one message is to its delivery actor. */
function verdictOf(code: string | undefined): DeliveryEvent {
	if (code === undefined) return { type: 'ACKED' };
	return code === 'skipped' ? { type: 'SKIPPED' } : { type: 'REFUSED', code };
}
