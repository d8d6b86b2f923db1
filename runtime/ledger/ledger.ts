/**
 * The ledger: what became of each message that this node sent. An entry is opened in the
 * transaction that accepts the message, and settled exactly once, in the transaction that learns
 * how it ended.
 *
 * Settled entries are kept up to `settledKeptMax`; while an entry is kept, a second message of its
 * id is recognised and not taken again.
 *
 * @module
 */
import type { Asks } from '../pending/asks.ts';
import type { Config } from '../config/config.ts';
import type { Message, ReplyTo, Result } from '../message/message.ts';
import type { Journal } from '../journal/journal.ts';
import { createLedgerCache } from './ledger-cache.ts';
import type { HistoryEvent, HistoryNote } from './message-history.ts';
import { contentMark, packMessage } from '../message/codec.ts';
import { createLedgerRetention } from './ledger-retention.ts';
import type { Signals } from '../observability/signals.ts';
import { isNewId } from '../platform/ids.ts';
import { askedReply } from '../message/reply.ts';
import { keepsBody, type Entry, type OutcomeListener } from './ledger-entry.ts';
import {
	countLedger,
	ledgerSince,
	idsThatBegin,
	newestInLedger,
	openedChange,
	removedIds,
} from './ledger-rows.ts';
import type { Change } from '../journal/schema.ts';

/** The ledger that {@link createLedger} makes. */
export interface Ledger {
	/**
	 * Opens an entry; `body` is the packed message, so that it is packed once. With a `place` it must
	 * be the body of the outbox row, which may be stored without it.
	 */
	open(
		message: Message,
		place?: { lane: string; seq: number },
		body?: Uint8Array,
	): readonly Change[];
	/**
	 * Settles the entry of `id`. No changes if there is none, or it is settled already: a message has
	 * one outcome.
	 */
	settle(id: string, result: Result, output?: string | Uint8Array): readonly Change[];
	/**
	 * Sends the outcome elsewhere: the last one who asks for it gets it. `opened` is due afterwards.
	 */
	redirect(id: string, replyTo: ReplyTo): readonly Change[];
	/** Notes what happens to a message; see `message-history.ts`. It is not written yet. */
	note(id: string, what: HistoryEvent['what'], more?: HistoryNote): void;
	/**
	 * Notes something of a message that may be settled, and writes it. `opened` is due afterwards.
	 */
	remark(id: string, what: HistoryEvent['what'], more?: HistoryNote): readonly Change[];
	/** Writes what was noted of an open message, in a transaction that is made anyway. */
	noted(id: string): readonly Change[];
	/** Writes what was noted of all open messages, before this process ends. */
	unwritten(): readonly Change[];
	/** What happened to a message so far. */
	history(id: string): readonly HistoryEvent[];
	/** Forgets a settled message: from then on its id is as good as new. No changes if it is open. */
	forget(id: string): readonly Change[];
	/** To be called once the changes of `open` are flushed. */
	opened(id: string): void;
	/** To be called once the changes of `settle` are flushed: emits the signal. */
	settled(id: string): void;
	get(id: string): Entry | undefined;
	/**
	 * The packed message that waits at this place of the outbox. Undefined if the entry does not have
	 * it: it was settled and forgotten, and its id may belong to another message by now.
	 */
	bodyAt(id: string, place: { lane: string; seq: number }): Uint8Array | undefined;
	/**
	 * The entry of the message at this place of the outbox. Reads the whole ledger: for damage only.
	 */
	at(place: { lane: string; seq: number }): Entry | undefined;
	/** The entry as it was settled, for the record of settled messages, which asks for it once. */
	record(id: string): Entry | undefined;
	/**
	 * The newest entries first, in store time; people may choose ids that do not sort by age.
	 */
	list(limit: number): readonly Entry[];
	/** All entries, oldest first, from this store time on; read a piece at a time. */
	each(sinceMs?: number): Iterable<Entry>;
	/** Ids that begin with `prefix`, at most two of them. */
	match(prefix: string): readonly string[];
	/** How many entries are open, and how many settled ones are kept. */
	totals(): { readonly open: number; readonly settled: number };
}

/** Opens the ledger. */
export function createLedger(parts: {
	journal: Journal;
	config: Config;
	signals: Signals;
	/** Instances that wait for outcomes; they are told in the transaction that settles them. */
	asks?: Pick<Asks, 'answer' | 'answered'>;
	/** What is published of an outcome, written in the transaction that settles it. */
	outcomePublisher?: OutcomeListener;
}): Ledger {
	const { journal, config, signals, asks, outcomePublisher } = parts;
	const cache = createLedgerCache({ journal, historyEventsMax: config.historyEventsMax });
	const { get, history, note, write, writeHistory } = cache;
	const line = createLedgerRetention(journal, config.settledKeptMax);
	let open = countLedger(journal) - line.length();

	return {
		open(message, place, packed = packMessage(message)) {
			open += 1;
			const { id, toNode, method, note: text, replyTo } = message;
			const sentAt = journal.now();
			const events = [{ at: sentAt, what: 'accepted' }] as const;
			const reply = askedReply(message);
			const entry: Entry = {
				id,
				toNode,
				method,
				sentAt,
				...place,
				events,
				...(text ? { note: text } : {}),
				...(reply ? { reply } : {}),
				...(replyTo ? { replyTo } : {}),
				...(keepsBody(message, packed, config) ? { body: packed } : markOf(message)),
			};
			return [write(entry), openedChange(entry)];
		},
		settle(id, result, output) {
			const entry = get(id);
			if (!entry || entry.settledAt !== undefined) return [];
			open -= 1;
			const text =
				output === undefined ? {} : { output: asText(output, config.outputKeptBytesMax) };
			note(id, 'settled', { detail: [result.outcome, result.code].filter(Boolean).join(': ') });
			const bare = { ...entry, ...text, result, settledAt: journal.now() };
			const settled: Entry = { ...bare, events: history(id) };
			const answer = asks?.answer(id, result, output) ?? [];
			const published = outcomePublisher?.outcome(settled) ?? [];
			const moved = line.push(settled);
			for (const forgotten of removedIds(moved)) cache.forget(forgotten);
			return [write(settled), ...moved, ...answer, ...published];
		},
		redirect(id, replyTo) {
			const entry = get(id);
			return entry ? [write({ ...entry, replyTo, events: history(id) })] : [];
		},
		note,
		remark(id, what, more = {}) {
			const entry = get(id);
			if (!entry) return [];
			return [cache.remark(entry, what, more)];
		},
		noted(id) {
			const entry = get(id);
			const isNoted = entry && entry.settledAt === undefined && cache.isNoted(id);
			return isNoted ? [writeHistory(entry)] : [];
		},
		unwritten: () =>
			cache.unwritten().flatMap((id) => {
				const entry = get(id);
				return entry && entry.settledAt === undefined ? [writeHistory(entry)] : [];
			}),
		history,
		forget(id) {
			const entry = get(id);
			if (entry?.settledAt === undefined) return [];
			cache.forget(id);
			return line.forget(entry);
		},
		opened: (id) => cache.opened(id),
		settled(id) {
			const entry = cache.settled(id);
			line.flushed(id);
			asks?.answered(id);
			outcomePublisher?.flushed(id);
			if (!entry?.result || entry.settledAt === undefined) return;
			signals.emit('message.settled', {
				id,
				method: entry.method,
				to: entry.toNode,
				outcome: entry.result.outcome,
				ageMs: entry.settledAt - entry.sentAt,
			});
		},
		get,
		bodyAt(id, { lane, seq }) {
			const entry = get(id);
			return entry?.lane === lane && entry.seq === seq ? entry.body : undefined;
		},
		at({ lane, seq }) {
			for (const entry of ledgerSince(journal, 0)) {
				if (entry.lane === lane && entry.seq === seq) return entry;
			}
			return undefined;
		},
		record: (id) => cache.record(id),
		list: (limit) => newestInLedger(journal, limit),
		each: (sinceMs = 0) => ledgerSince(journal, sinceMs),
		match: (prefix) => idsThatBegin(journal, prefix),
		totals: () => ({ open, settled: line.length() }),
	};
}

function asText(output: string | Uint8Array, bytesMax: number): string {
	return Buffer.from(output as Uint8Array)
		.subarray(0, bytesMax)
		.toString('utf8');
}

/** The mark of a message whose body is not kept; an id that was made by chance comes once. */
function markOf(message: Message): Pick<Entry, 'mark'> {
	return isNewId(message.id) ? {} : { mark: contentMark(message) };
}
