/**
 * The history of a message, as its sender knows it: what happened, and when. It is kept with the
 * ledger entry, and written only in transactions that happen anyway. What has not been written is
 * in memory, so a crash may forget the last of it; the outcome it never forgets.
 *
 * @module
 */

/** What can happen to a message. The receiver's own words are `taken`, `started` and `ended`. */
export type HistoryWord =
	| 'accepted'
	| 'sent'
	| 'waiting'
	| 'acked'
	| 'refused'
	| 'gave_up'
	| 'cancel_asked'
	| 'retried'
	| 'settled'
	| 'taken'
	| 'started'
	| 'ended';

/** One event. Instants are milliseconds of the wall clock of the node that noted it. */
export interface HistoryEvent {
	readonly at: number;
	readonly what: HistoryWord;
	/** Which attempt it was. */
	readonly attempt?: number;
	/** A sentence or a code, for people. */
	readonly detail?: string;
}

/** Adds an event, unless it only repeats the last one. The first is kept, and the newest. */
export function withEvent(
	events: readonly HistoryEvent[],
	event: HistoryEvent,
	max: number,
): readonly HistoryEvent[] {
	const last = events.at(-1);
	const isSame =
		last?.what === event.what && last.attempt === event.attempt && last.detail === event.detail;
	if (isSame) return events;
	const [first] = events;
	if (first === undefined || events.length < max) return [...events, event];
	return [first, ...events.slice(events.length - max + 2), event].slice(-max);
}

/** The histories of messages under way; only the newest are kept. */
export interface Histories {
	get(id: string): readonly HistoryEvent[] | undefined;
	/** Puts a history, of which not all is in the journal. */
	set(id: string, events: readonly HistoryEvent[]): void;
	forget(id: string): void;
	/** Says that the journal has it, as far as it has come. */
	written(id: string): void;
	/** The messages of which the journal does not have everything. */
	unwritten(): readonly string[];
}

/** Histories in memory; beyond that the oldest are only what the ledger has. */
const historiesMax = 20_000;
/** Messages whose notes an orderly end writes; of more, the newest. */
const unwrittenMax = 10_000;

/** Creates an empty memory. */
export function createHistories(): Histories {
	const histories = new Map<string, readonly HistoryEvent[]>();
	const unwritten = new Set<string>();
	return {
		get: (id) => histories.get(id),
		set(id, events) {
			histories.set(id, events);
			unwritten.add(id);
			if (unwritten.size > unwrittenMax) dropOldest(unwritten);
			if (histories.size > historiesMax) dropOldest(histories);
		},
		forget(id) {
			histories.delete(id);
			unwritten.delete(id);
		},
		written: (id) => void unwritten.delete(id),
		unwritten: () => [...unwritten],
	};
}

function dropOldest(from: { keys(): Iterable<string>; delete(id: string): boolean }): void {
	for (const id of from.keys()) {
		from.delete(id);
		return;
	}
}

/** What may be noted of a message beside the word. */
export type HistoryNote = Omit<HistoryEvent, 'at' | 'what'>;
