/**
 * Ledger retention: settled messages in order, so that the ledger forgets the oldest first.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';
import { entryRemoval } from './ledger-rows.ts';

/** What is needed to forget an entry of the ledger. */
export interface Settled {
	readonly id: string;
	readonly sentAt: number;
}

/** The line that {@link createLedgerRetention} makes. */
export interface LedgerRetention {
	/** How many settled entries are kept. */
	length(): number;
	/** Puts an entry at the end; the oldest go beyond the limit. */
	push(settled: Settled): readonly Change[];
	/** To be called once the changes of `push` are flushed. */
	flushed(id: string): void;
	/** Removes an entry from the ledger and from the line, wherever it stands. */
	forget(settled: Settled): readonly Change[];
}

/**
 * Opens the line: the settled ids in order, so that the oldest can be forgotten when there are too
 * many.
 */
export function createLedgerRetention(journal: Journal, keptMax: number): LedgerRetention {
	let first = scanSettled(journal, { limit: 1 })[0]?.order ?? 1;
	let next = (newestSettled(journal) ?? first - 1) + 1;
	// What was forgotten by hand has left a hole in the line.
	let length = journal.count('settled');
	/** What is not visible in the journal yet, and where each of it stands in the line. */
	const fresh = new Map<number, Settled>();
	const places = new Map<string, number>();
	const holes = new Set<number>();

	const removal = (settled: Settled, place: number): Change[] => [
		{ table: 'settled', key: [place] },
		...entryRemoval(settled),
	];
	const dropFirst = (): Change[] => {
		const place = first;
		first += 1;
		const oldest = fresh.get(place) ?? journal.get<Settled>('settled', [place]);
		if (holes.delete(place) || !oldest) return [];
		length -= 1;
		return removal(oldest, place);
	};
	const placeOf = (id: string): number | undefined =>
		places.get(id) ?? scanSettled(journal).find((settled) => settled.id === id)?.order;

	return {
		length: () => length,
		push({ id, sentAt }) {
			const value: Settled = { id, sentAt };
			const changes: Change[] = [{ table: 'settled', key: [next], value }];
			fresh.set(next, value);
			places.set(id, next);
			next += 1;
			length += 1;
			while (length > keptMax) changes.push(...dropFirst());
			return changes;
		},
		flushed(id) {
			fresh.delete(places.get(id) ?? 0);
			places.delete(id);
		},
		forget(settled) {
			const place = placeOf(settled.id);
			if (place === undefined || holes.has(place)) return [];
			holes.add(place);
			length -= 1;
			return removal(settled, place);
		},
	};
}

/** A row of the line: a settled message, and its place. */
export interface SettledRow extends Settled {
	readonly order: number;
}

/** The rows of the line behind `after`, oldest first. */
export function scanSettled(
	journal: Pick<Journal, 'scan'>,
	{ after = -1, limit }: { readonly after?: number; readonly limit?: number } = {},
): readonly SettledRow[] {
	const stretch = { ...rowsUnder(), from: [after + 1] };
	return journal
		.scan<Settled>('settled', limit === undefined ? stretch : { ...stretch, limit })
		.map(({ key, value }) => ({ ...value, order: Number(key[0]) }));
}

/** The place of the newest row; undefined if there is none. */
export function newestSettled(journal: Pick<Journal, 'scan'>): number | undefined {
	const end = { ...rowsUnder(), limit: 1, reverse: true };
	return journal.scan('settled', end)[0]?.key.map(Number)[0];
}
