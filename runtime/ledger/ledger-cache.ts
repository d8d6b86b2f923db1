/**
 * The ledger cache: entries as they are at this moment. Those on their way to the journal and those
 * used lately are in memory, all others are read; and the history of each open message.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import {
	createHistories,
	withEvent,
	type HistoryEvent,
	type HistoryNote,
} from './message-history.ts';
import type { Entry } from './ledger-entry.ts';
import { entryChange, readEntry } from './ledger-rows.ts';
import type { Change } from '../journal/schema.ts';

/** The entries that {@link createLedgerCache} makes. */
export interface LedgerCache {
	readonly get: (id: string) => Entry | undefined;
	/** Writes an entry. Until `opened` or `settled` the journal may not show it. */
	readonly write: (entry: Entry) => Change;
	/** An open entry is flushed. */
	opened(id: string): void;
	/** A settled entry is flushed; returns what was on its way, if anything was. */
	settled(id: string): Entry | undefined;
	/** The entry as it was settled, for the store log; from memory if that was just now. */
	readonly record: (id: string) => Entry | undefined;
	forget(id: string): void;
	/** What happened to a message so far. */
	readonly history: (id: string) => readonly HistoryEvent[];
	/** Notes what happens to an open message. Nothing of it is written yet. */
	readonly note: (id: string, what: HistoryEvent['what'], more?: HistoryNote) => void;
	isNoted(id: string): boolean;
	/** Notes something of a message that may be settled, and writes it. */
	remark(entry: Entry, what: HistoryEvent['what'], more?: HistoryNote): Change;
	/** Writes what was noted. */
	readonly writeHistory: (entry: Entry) => Change;
	/** Messages of which something was noted that is not written. */
	unwritten(): readonly string[];
}

/** Open entries, and settled ones that are not recorded, kept in memory beside the journal. */
const recentMax = 4096;

/** Creates them. */
export function createLedgerCache(parts: {
	journal: Pick<Journal, 'get' | 'now'>;
	/** Events kept in the history of one message. */
	historyEventsMax: number;
}): LedgerCache {
	const { journal, historyEventsMax } = parts;
	/** What is written but not yet visible in the journal, so that nothing is settled twice. */
	const fresh = new Map<string, Entry>();
	/** Open entries that are in the journal too: most of them are settled soon. */
	const recent = new Map<string, Entry>();
	/** Settled entries that are not in the store log yet. */
	const unrecorded = new Map<string, Entry>();
	/** Entries that were forgotten before their settlement was flushed. */
	const forgotten = new Set<string>();
	const histories = createHistories();

	// A read of the journal sees the file as it was when this turn of the event loop first looked at
	// it, but a caller that is told of an outcome must find it.
	const get = (id: string) =>
		fresh.get(id) ?? recent.get(id) ?? unrecorded.get(id) ?? readEntry(journal, id);
	const history = (id: string) => histories.get(id) ?? get(id)?.events ?? [];

	return {
		get,
		write(entry) {
			const { id, events = [] } = entry;
			fresh.set(id, entry);
			recent.delete(id);
			histories.set(id, events);
			histories.written(id);
			return entryChange(entry);
		},
		opened(id) {
			const entry = fresh.get(id);
			if (!entry || entry.settledAt !== undefined) return;
			fresh.delete(id);
			keep(recent, entry);
		},
		settled(id) {
			const entry = fresh.get(id);
			fresh.delete(id);
			if (entry?.settledAt === undefined) return entry;
			histories.forget(id);
			if (!forgotten.delete(id)) keep(unrecorded, entry);
			return entry;
		},
		record(id) {
			const entry = get(id);
			unrecorded.delete(id);
			return entry;
		},
		forget(id) {
			histories.forget(id);
			unrecorded.delete(id);
			if (fresh.has(id)) forgotten.add(id);
		},
		history,
		note(id, what, more = {}) {
			const known = histories.get(id) ?? openHistory(get(id));
			if (!known) return;
			histories.set(id, withEvent(known, { at: journal.now(), what, ...more }, historyEventsMax));
		},
		isNoted: (id) => histories.get(id) !== undefined,
		remark(entry, what, more = {}) {
			const { id } = entry;
			const event = { at: journal.now(), what, ...more };
			const events = withEvent(history(id), event, historyEventsMax);
			if (histories.get(id)) histories.set(id, events);
			const value: Entry = { ...entry, events };
			if (unrecorded.has(id)) unrecorded.set(id, value);
			return entryChange(value);
		},
		writeHistory(entry) {
			const { id } = entry;
			histories.written(id);
			const value: Entry = { ...entry, events: history(id) };
			if (recent.has(id)) recent.set(id, value);
			return entryChange(value);
		},
		unwritten: () => histories.unwritten(),
	};
}

/** Keeps an entry, and so many others at most: the oldest goes. */
function keep(kept: Map<string, Entry>, entry: Entry): void {
	kept.set(entry.id, entry);
	if (kept.size <= recentMax) return;
	const [oldest = entry.id] = kept.keys();
	kept.delete(oldest);
}

/** What is known of a message that has no outcome yet. */
function openHistory(entry: Entry | undefined): readonly HistoryEvent[] | undefined {
	return entry && entry.settledAt === undefined ? (entry.events ?? []) : undefined;
}
