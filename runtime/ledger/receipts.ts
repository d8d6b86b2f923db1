/**
 * Receipts: what became of each message that was accepted here, kept after its settlement up to
 * `receiptsKeptMax`. Those of one transaction share rows (see `change-merging.ts`), so that a
 * settlement costs no row for its receipt alone. An audit compares them with the ledgers of the
 * senders, and a message that may be a repetition from another store is looked up here by its
 * id.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Principal } from '../message/principal.ts';
import type { Outcome } from '../message/message.ts';
import type { Journal } from '../journal/journal.ts';
import { scanMailbox } from '../mailbox/mailbox-row.ts';
import { itemsPerRowMax } from '../journal/change-merging.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';

const receiptsPerRowMax = itemsPerRowMax('receipts');

/** What became of one message. Instants are milliseconds of this node's wall clock. */
export interface Receipt {
	readonly id: string;
	readonly from: string;
	readonly method: string;
	readonly outcome: Outcome;
	readonly code?: string | undefined;
	/** How often its method was started. */
	readonly attempts: number;
	readonly at: number;
	/** When it was accepted here, and when it was first started in the epoch that ended it. */
	readonly takenAt?: number | undefined;
	readonly startedAt?: number | undefined;
	/** On whose behalf it was, beside its sender. */
	readonly askedBy?: readonly Principal[] | undefined;
}

/** The receipts that {@link createReceipts} makes. */
export interface Receipts {
	/**
	 * Files receipts, in the transaction that settles their messages. The oldest go beyond the limit,
	 * in whole rows and some at a time.
	 */
	add(receipts: readonly Receipt[]): readonly Change[];
	/** Notes that a message was accepted: from now on it is known, settled or not. */
	accepted(id: string): void;
	/** Whether a message of this id waits here, or is among the receipts. */
	isKnown(id: string): boolean;
	/** How many ids are kept in memory because the journal may not show them yet. */
	unseen(): number;
	/** The newest first. */
	list(limit: number): readonly Receipt[];
	/** All that are kept, oldest first, read a piece at a time. */
	each(): Iterable<Receipt>;
	/**
	 * Whether receipts have been forgotten, so that what is not here may still have been accepted.
	 */
	isCut(): boolean;
}

/** Opens the receipts. The index by id is built when it is first asked for, which is rarely. */
export function createReceipts(parts: { journal: Journal; config: Config }): Receipts {
	const { journal, config } = parts;
	const end = (reverse: boolean) =>
		journal.scan<ReceiptRow>('receipts', { ...rowsUnder(), limit: 1, reverse })[0];
	const last = end(true);
	/** The key of the oldest row. */
	let first = Number(end(false)?.key[0] ?? 1);
	let next = last ? Number(last.key[0]) + receiptsIn(last.value).length : first;
	/** When it is next looked whether rows must go. */
	let trimAt = 0;
	let known: Set<string> | undefined;
	/** Accepted by this process, in the order of their acceptance: what the journal may not show. */
	let fresh: string[] = [];
	/** Those of them that a transaction is under way for; see {@link sift}. */
	let flushing: string[] = [];

	/**
	 * Lets go of what the journal shows by now. Ids are short, but each holds on to the text of the
	 * frame that it was cut from.
	 */
	const sift = (): void => {
		flushing = fresh;
		fresh = [];
		const release = () => void (flushing = []);
		// Not before the caller that accepts just now has handed its changes to the journal.
		queueMicrotask(() => void journal.commit([]).then(release, release));
	};
	/** What removes the rows with receipts beyond the limit only. */
	const trim = (): readonly Change[] => {
		const to = [Math.max(first, next - config.receiptsKeptMax + 1)];
		const rows = journal.keys('receipts', { from: [first], to, limit: trimmedMax });
		// The last of them reaches as far as the next row, which may be within the limit.
		const gone = rows.slice(0, -1);
		first = Number(rows.at(-1)?.[0] ?? first);
		trimAt = next + trimEvery;
		return gone.map((key) => ({ table: 'receipts', key }));
	};
	const index = (): Set<string> => {
		if (known) return known;
		known = new Set([...flushing, ...fresh]);
		for (const { id } of scanMailbox(journal, rowsUnder())) known.add(id);
		for (const { value } of journal.scan<ReceiptRow>('receipts', rowsUnder())) {
			for (const { id } of receiptsIn(value)) known.add(id);
		}
		return known;
	};
	const note = (id: string): void => {
		known?.add(id);
		// It has outgrown what it was read from; if it is needed again, it is read again.
		if (known && known.size > 2 * config.receiptsKeptMax + freshMax) known = undefined;
	};

	return {
		add(receipts) {
			const filed: Change[] = [];
			for (let at = 0; at < receipts.length; at += receiptsPerRowMax) {
				const some = receipts.slice(at, at + receiptsPerRowMax);
				filed.push({ table: 'receipts', key: [next], value: some.map(storedOf) });
				next += some.length;
			}
			// Until this is written, the rows in mailboxes are there, which go in the same transaction.
			for (const { id } of receipts) note(id);
			const isDue = next - first > config.receiptsKeptMax && next >= trimAt;
			return isDue ? [...filed, ...trim()] : filed;
		},
		accepted(id) {
			note(id);
			fresh.push(id);
			if (fresh.length >= freshMax && flushing.length === 0) sift();
		},
		unseen: () => flushing.length + fresh.length,
		isKnown: (id) => index().has(id),
		list(limit) {
			const found: Receipt[] = [];
			for (let { from, to } = rowsUnder(); found.length < limit;) {
				const rows = journal.scan<ReceiptRow>('receipts', {
					from,
					to,
					limit: pageRows,
					reverse: true,
				});
				for (const { key, value } of rows) {
					to = key;
					found.push(...receiptsIn(value).toReversed());
				}
				if (rows.length < pageRows) break;
			}
			return found.slice(0, limit);
		},
		*each() {
			for (let from = first; from < next; from += pageOrders) {
				const stretch = { from: [from], to: [from + pageOrders] };
				for (const { value } of journal.scan<ReceiptRow>('receipts', stretch))
					yield* receiptsIn(value);
			}
		},
		isCut: () => first > 1,
	};
}

/** A receipt in its row: nothing is named, and what is absent is `null`. */
type Stored = readonly [
	id: string,
	from: string,
	method: string,
	outcome: Outcome,
	attempts: number,
	at: number,
	takenAt: number | null,
	code: string | null,
	startedAt: number | null,
	/** Absent if its sender is behind it alone. */
	askedBy?: readonly Principal[],
];
/** A row. Older versions have written receipts with names, and each of them by itself. */
export type ReceiptRow = Receipt | readonly (Receipt | Stored)[];

function storedOf(receipt: Receipt): Stored {
	const { id, from, method, outcome, attempts, at } = receipt;
	const { takenAt = null, code = null, startedAt = null, askedBy } = receipt;
	const stored = [id, from, method, outcome, attempts, at, takenAt, code, startedAt] as const;
	return askedBy ? [...stored, askedBy] : stored;
}

/** The receipts of a row. */
export function receiptsIn(row: ReceiptRow): readonly Receipt[] {
	return isList(row) ? row.map((each) => (isStored(each) ? restored(each) : each)) : [row];
}

function restored(stored: Stored): Receipt {
	const [id, from, method, outcome, attempts, at, takenAt, code, startedAt, askedBy] = stored;
	return {
		id,
		from,
		method,
		outcome,
		attempts,
		at,
		...(code === null ? {} : { code }),
		...(takenAt === null ? {} : { takenAt }),
		...(startedAt === null ? {} : { startedAt }),
		...(askedBy ? { askedBy } : {}),
	};
}

function isList(row: ReceiptRow): row is readonly (Receipt | Stored)[] {
	return Array.isArray(row);
}

function isStored(each: Receipt | Stored): each is Stored {
	return Array.isArray(each);
}

/** How many more receipts are kept until the oldest go, and how many rows go at a time at most. */
const trimEvery = 256;
const trimmedMax = 1000;
/** Orders that are read at a time, each of a receipt; and rows of many of them. */
const pageOrders = 1000;
const pageRows = 64;
/** Accepted messages until it is looked which of them are on disk. */
const freshMax = 1000;
