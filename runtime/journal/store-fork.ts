/**
 * The fork of a store: it gets a new identity, and the promises of the old one are moved into the
 * table `quarantine`, where they can be read but are neither sent nor run. The original store keeps
 * these promises.
 *
 * @module
 */
import { metaChange } from './meta-rows.ts';
import {
	rowsUnder,
	tableNames,
	tables,
	type Change,
	type JournalReader,
	type Key,
	type Table,
	type TableFacts,
} from './schema.ts';

/** Rows moved in one transaction. */
const rowsAtATime = 500;

/** The store, as far as a fork needs it. */
export interface ForkStore {
	/** The first rows of a table, or the first behind `after`. */
	rows(table: Table, limit: number, after?: Key): readonly { key: Key; value: unknown }[];
	/** Makes all changes, or none. */
	write(changes: readonly Change[]): void;
}

/**
 * Moves the promises aside, some rows at a time; the schema says what a promise is. After a crash
 * the next start continues, because `forking` is removed last.
 */
export function moveAside(store: ForkStore): void {
	for (const table of tableNames) {
		const { atFork }: TableFacts = tables[table];
		if (atFork !== 'keep')
			moveRows(store, table, atFork === 'move' ? undefined : atFork.moveWithout);
	}
	store.write([metaChange(['forking'])]);
}

/** Moves all rows of a table, or those whose values are without a field. */
function moveRows(store: ForkStore, table: Table, without: string | undefined): void {
	let rows = store.rows(table, rowsAtATime);
	while (rows.length > 0) {
		const moved = rows.filter(({ value }) => without === undefined || !hasField(value, without));
		store.write(moved.flatMap((row) => aside(table, row)));
		rows = store.rows(table, rowsAtATime, rows.at(-1)?.key);
	}
}

/** The first rows that were moved aside, each with the table that it was in. */
export function scanQuarantine(
	journal: Pick<JournalReader, 'scan'>,
	limit: number,
): readonly { readonly table: string; readonly key: Key; readonly value: never }[] {
	return journal
		.scan<never>('quarantine', { ...rowsUnder(), limit })
		.map(({ key: [table, ...key], value }) => ({ table: String(table), key, value }));
}

function aside(table: Table, { key, value }: { key: Key; value: unknown }): Change[] {
	return [
		{ table: 'quarantine', key: [table, ...key], value },
		{ table, key },
	];
}

function hasField(value: unknown, field: string): boolean {
	return typeof value === 'object' && value !== null && field in value;
}
