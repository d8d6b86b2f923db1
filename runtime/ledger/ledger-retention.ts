/**
 * The line of settled messages: which of them the books forget first.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';

/** What is needed to forget an entry of the books. */
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
	/** Removes an entry from the books and from the line, wherever it stands. */
	forget(settled: Settled): readonly Change[];
}

/**
 * Opens the line: the settled ids in order, so that the oldest can be forgotten when there are too
 * many.
 */
export function createLedgerRetention(journal: Journal, keptMax: number): LedgerRetention {
	const end = (reverse: boolean) =>
		journal.scan<Settled>('settled', { ...rowsUnder(), limit: 1, reverse })[0]?.key[0];
	let first = Number(end(false) ?? 1);
	let next = Number(end(true) ?? first - 1) + 1;
	// What was forgotten by hand has left a hole in the line.
	let length = journal.count('settled');
	/** What is not visible in the journal yet, and where each of it stands in the line. */
	const fresh = new Map<number, Settled>();
	const places = new Map<string, number>();
	const holes = new Set<number>();

	const removal = ({ id, sentAt }: Settled, place: number): Change[] => [
		{ table: 'settled', key: [place] },
		{ table: 'ledger', key: [id] },
		{ table: 'opened', key: [sentAt, id] },
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
		places.get(id) ??
		journal
			.scan<Settled>('settled', rowsUnder())
			.find(({ value }) => value.id === id)
			?.key.map(Number)[0];

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
