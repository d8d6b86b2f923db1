/**
 * The rows of the ledger in the journal: the entries by id, in the table `ledger`, and their ids by
 * age, in the table `opened`.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { behind, rowsStartingWith, rowsUnder, type Bound, type Change } from '../journal/schema.ts';
import type { Entry } from './ledger-entry.ts';

/** Entries read at a time. */
const pageRows = 500;

/** Writes an entry. */
export function entryChange(entry: Entry): Change {
	return { table: 'ledger', key: [entry.id], value: entry };
}

/** Lists a new entry by its age. */
export function openedChange({ id, sentAt }: Pick<Entry, 'id' | 'sentAt'>): Change {
	return { table: 'opened', key: [sentAt, id], value: true };
}

/** Removes an entry. */
export function entryRemoval({ id, sentAt }: Pick<Entry, 'id' | 'sentAt'>): readonly Change[] {
	return [
		{ table: 'ledger', key: [id] },
		{ table: 'opened', key: [sentAt, id] },
	];
}

/** The ids of the entries that these changes remove. */
export function removedIds(changes: readonly Change[]): readonly string[] {
	return changes
		.filter(({ table, value }) => table === 'ledger' && value === undefined)
		.map(({ key }) => String(key[0]));
}

/** The entry as of the last commit. */
export function readEntry(journal: Pick<Journal, 'get'>, id: string): Entry | undefined {
	return journal.get<Entry>('ledger', [id]);
}

/** How many entries there are, open and settled. */
export function countLedger(journal: Pick<Journal, 'count'>): number {
	return journal.count('ledger');
}

/** The newest entries first. */
export function newestInLedger(journal: Pick<Journal, 'get' | 'scan'>, limit: number): Entry[] {
	return journal
		.scan('opened', { ...rowsUnder(), limit, reverse: true })
		.flatMap(({ key }) => readEntry(journal, String(key[1])) ?? []);
}

/** All entries, oldest first, from this instant on; read a piece at a time. */
export function* ledgerSince(
	journal: Pick<Journal, 'get' | 'scan'>,
	sinceMs: number,
): Generator<Entry> {
	for (let from: Bound = [sinceMs]; ;) {
		const page = { ...rowsUnder(), from, limit: pageRows };
		const keys = journal.scan('opened', page).map(({ key }) => key);
		for (const [, id] of keys) {
			const entry = readEntry(journal, String(id));
			if (entry) yield entry;
		}
		const last = keys.at(-1);
		if (!last || keys.length < pageRows) return;
		from = behind(last);
	}
}

/** Ids that begin with `prefix`, at most two of them. */
export function idsThatBegin(journal: Pick<Journal, 'scan'>, prefix: string): readonly string[] {
	const stretch = { ...rowsStartingWith(prefix), limit: 2 };
	return journal.scan('ledger', stretch).map(({ key }) => String(key[0]));
}
