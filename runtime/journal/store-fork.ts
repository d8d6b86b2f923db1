/**
 * The fork of a store: it gets a new identity, and the promises of the old one are moved into the
 * table `quarantine`, where they can be read but are neither sent nor run. The original store keeps
 * these promises.
 *
 * @module
 */
import { rowsUnder, type Change, type JournalReader, type Key, type Table } from './schema.ts';

/** The tables whose every row is a promise of the old identity. */
const promises = [
	'outbox',
	'mailbox',
	'started',
	'timers',
	'steps',
	'asks',
	'outcomes',
	'lanes',
] as const satisfies readonly Table[];
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
 * Moves the promises aside, some rows at a time. After a crash the next start continues, because
 * `forking` is removed last. Settled messages stay: what they tell is still true.
 */
export function moveAside(store: ForkStore): void {
	for (const table of promises) {
		for (let rows = store.rows(table, rowsAtATime); rows.length > 0;) {
			store.write(rows.flatMap((row) => aside(table, row)));
			rows = store.rows(table, rowsAtATime);
		}
	}
	let after: Key | undefined;
	for (;;) {
		const rows = store.rows('ledger', rowsAtATime, after);
		if (rows.length === 0) break;
		after = rows.at(-1)?.key;
		// An open entry waits for an outcome that the original will receive.
		store.write(rows.filter(isOpen).flatMap((row) => aside('ledger', row)));
	}
	store.write([{ table: 'meta', key: ['forking'] }]);
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

function isOpen({ value }: { value: unknown }): boolean {
	return typeof value !== 'object' || value === null || !('settledAt' in value);
}
