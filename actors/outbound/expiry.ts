/**
 * Expiry: gives up messages whose time to live or attempts are over, or that are taken back. One
 * that may have been accepted cannot simply be forgotten; see `outbound-message.ts`.
 *
 * @module
 */
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { OutRow } from '../../runtime/delivery/outbox-row.ts';
import type { Lane, Outbox } from '../../runtime/delivery/outbox.ts';
import { unpackMessage } from '../../runtime/message/codec.ts';
import { brokerRefusals, isMereOutcome, outcomesOf } from '../../runtime/message/reply.ts';
import { errorTable } from '../../runtime/platform/errors.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Deliveries } from './deliveries.ts';
import type { DeliveryOutput } from './outbound-message.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What a window works with. */
export interface WindowParts {
	readonly lane: Lane;
	readonly outbox: Outbox;
	readonly ledger: Ledger;
	readonly journal: Pick<Journal, 'now'>;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
}

/** Changes to commit, and the ids of messages that the ledger settles with them. */
export interface Settlement {
	readonly changes: readonly Change[];
	readonly ids: readonly string[];
	/** Outcomes that take the place of replies that were given up; sent once they are on disk. */
	readonly instead?: readonly { readonly lane: Lane; readonly seq: number }[];
	/**
	 * Set if no frame of the lane may leave before this is on disk, because a message has ended, or
	 * is given up, without being accepted. The receiver repeats that it was refused or skipped only
	 * until `lo` has passed it; a node that had forgotten the outcome would then never hear of it.
	 */
	readonly goesFirst?: true;
}

/** How far a lane has sent. */
export interface LanePosition {
	/** The highest number that was published since the lane last went back. */
	sent: number;
}

/** What expiry works with. */
export interface ExpiryParts extends WindowParts {
	readonly deliveries: Deliveries;
	readonly position: LanePosition;
	/** Resolves all messages up to a number. */
	readonly drop: (upTo: number) => readonly Change[];
}

/** What {@link createExpiry} makes. */
export interface Expiry {
	/** Gives up messages that are past their time to live or their attempts. */
	all(): Settlement;
	/** Gives up one message anywhere in the lane: it is taken back, or cannot be sent. */
	one(seq: number, why: 'cancelled' | 'tooLarge' | 'brokerRefused'): Settlement;
	/**
	 * Settles what waits in a lane whose topic is barred; owed outcomes stay. What may have been
	 * accepted before stays as a skip.
	 */
	barred(): Settlement;
}

const nothing: Settlement = { changes: [], ids: [] };

/** The most messages that are given up at once; the next tick gives up more. */
const givenUpMax = 5000;

/** Creates the expiry of one lane. */
export function createExpiry(parts: ExpiryParts): Expiry {
	const { lane, outbox, ledger, journal, deliveries, position, drop } = parts;

	const giveUpRow = (row: OutRow): Settlement => {
		ledger.note(row.id, row.cancelled ? 'cancel_asked' : 'gave_up', { attempt: row.attempts });
		const output = deliveries.tell(row, { type: 'GIVE_UP' });
		const settled = output ? settleRow(row, output, parts) : [];
		const ids = settled.length > 0 ? [row.id] : [];
		const { changes: left, instead } = outcomeInstead(row, parts);
		// Behind others that are under way even a message that never left needs a skip: its number is
		// known to the lane.
		if (output && row.seq === lane.lo) {
			const changes = [...settled, ...left, ...drop(row.seq)];
			return { changes, ids, instead, goesFirst: true };
		}
		const skip = { ...row, skip: true, body: new Uint8Array() };
		position.sent = Math.min(position.sent, row.seq - 1);
		const changes = [...settled, ...left, ...outbox.amend(lane, skip)];
		return { changes, ids, instead, goesFirst: true };
	};
	const isOver = (row: OutRow): boolean => {
		if (row.skip) return false;
		// Its last attempt is over when the acknowledgement is overdue, not before.
		const isSpent = row.retries > 0 && row.attempts >= row.retries && row.seq > position.sent;
		return isSpent || row.deadline <= journal.now();
	};

	return {
		all() {
			const settlements: Settlement[] = [];
			// Dropped rows let further ones be loaded, which may have expired as well.
			for (let lo = 0; lo < lane.lo && settlements.length < givenUpMax;) {
				({ lo } = lane);
				outbox.fill(lane);
				for (const row of lane.rows.filter(isOver)) settlements.push(giveUpRow(row));
			}
			// Nearly always so: this runs each time that the lane sends.
			return settlements.length === 0 ? nothing : merged(settlements);
		},
		one(seq, why) {
			const row = seq < lane.lo ? undefined : outbox.row(lane, seq);
			if (!row || row.skip) return nothing;
			return giveUpRow({ ...row, [why]: true });
		},
		barred() {
			const settlements: Settlement[] = [];
			const first = lane.lo;
			const last = Math.min(lane.flushed, first + givenUpMax);
			for (let seq = first; seq <= last; seq += 1) {
				const row = outbox.row(lane, seq);
				if (!row || isOwed(row)) continue;
				const barred = { ...row, brokerRefused: true } as const;
				if (!row.skip) settlements.push(giveUpRow(barred));
				// Nothing is known of it before the topic can be used again.
				const left = settleBarred(barred, ledger);
				if (left.length > 0) settlements.push({ changes: left, ids: [row.id] });
			}
			return merged(settlements);
		},
	};
}

/** All of them as one; there is at least one. */
function merged(settlements: readonly Settlement[]): Settlement {
	return {
		changes: settlements.flatMap(({ changes }) => changes),
		ids: settlements.flatMap(({ ids }) => ids),
		instead: settlements.flatMap(({ instead = [] }) => instead),
		goesFirst: true,
	};
}

/**
 * Whether a row tells an outcome and nothing else, which is never given up. Output that travels
 * with it can be left out.
 */
export function isOwed(row: OutRow): boolean {
	if (!row.isReply || row.skip) return false;
	const message = unpackMessage(row.body);
	return isMereOutcome(message) && message.data === undefined;
}

/** The outcome of a message that is still open when its topic is barred. */
function settleBarred({ id, attempts }: OutRow, ledger: Ledger): readonly Change[] {
	const detail = `${errorTable.broker_refused.meaning}; it may have run`;
	return ledger.settle(id, { outcome: 'interrupted', code: 'broker_refused', detail, attempts });
}

/** Counts an attempt for messages that limit their attempts, because the receiver is away. */
export function countAway({ lane, outbox }: WindowParts): Settlement {
	outbox.fill(lane);
	const changes = lane.rows
		.filter(({ retries }) => retries > 0)
		.flatMap((row) => outbox.amend(lane, { ...row, attempts: row.attempts + 1 }));
	return { changes, ids: [] };
}

/** Files the outcomes that a given-up reply would have told, on a lane of their own. */
function outcomeInstead(
	row: OutRow,
	{ outbox, clock }: WindowParts,
): Required<Pick<Settlement, 'changes' | 'instead'>> {
	// A request tells no outcome, and its body need not be here.
	if (row.isInLedger) return { changes: [], instead: [] };
	const lost = row.tooLarge ? 'too_large' : row.brokerRefused ? 'broker_refused' : undefined;
	const instead = outcomesOf(unpackMessage(row.body), { clock, lost }).map((outcome) =>
		outbox.append(outcome),
	);
	return { changes: instead.flatMap(({ changes }) => changes), instead };
}

/** The ledger changes for a message whose delivery has ended. */
export function settleRow(
	row: OutRow,
	{ verdict, code = 'refused' }: DeliveryOutput,
	{ lane, ledger, signals }: WindowParts,
): readonly Change[] {
	const { to, method } = lane;
	const { id, attempts } = row;
	if (verdict === 'accepted') return [];
	if (verdict === 'refused') {
		signals.emit('delivery.refused', { to, method, id, code });
		return ledger.settle(id, { outcome: 'refused', code });
	}
	const refusal = row.tooLarge ? 'too_large' : row.brokerRefused ? 'broker_refused' : undefined;
	if (refusal) signals.emit('delivery.refused', { to, method, id, code: refusal });
	else signals.emit('delivery.gaveUp', { to, method, id, attempts });
	// It may have been accepted under another identity, which nothing here can find out.
	if (row.seq <= lane.repeatUpTo) {
		const detail = `${to} or this node has lost its store since; it may have run`;
		return ledger.settle(id, { outcome: 'interrupted', code: 'interrupted', detail, attempts });
	}
	if (refusal) {
		const detail = brokerRefusals[refusal];
		return ledger.settle(id, { outcome: 'refused', code: refusal, detail });
	}
	const outcome = row.cancelled ? 'cancelled' : 'expired';
	return ledger.settle(id, { outcome, code: outcome, attempts });
}
