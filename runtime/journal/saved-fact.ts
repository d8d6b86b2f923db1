/**
 * What was saved of a damaged store that this one replaces.
 *
 * @module
 */
import { readMeta } from './meta-rows.ts';
import type { JournalReader, Table } from './schema.ts';

/** What was saved of a damaged store. */
export interface SavedFact {
	/** When, by the wall clock. */
	readonly at: number;
	/** Rows that are here again. */
	readonly saved: Readonly<Partial<Record<Table, number>>>;
	/** Rows that could be found, and whose bytes are not those that were written. */
	readonly damaged: Readonly<Partial<Record<Table, number>>>;
	/** The first faults of the file, in words: rows may be lost that are counted nowhere. */
	readonly faults: readonly string[];
}

/** Where it is noted in the table `meta`. */
export const savedKey = ['saved'] as const;

/** What was saved of the store that this one replaces; undefined if it replaces none. */
export function readSaved(journal: Pick<JournalReader, 'get'>): SavedFact | undefined {
	return readMeta<SavedFact>(journal, savedKey);
}
