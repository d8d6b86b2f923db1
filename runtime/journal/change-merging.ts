/**
 * Change merging: writes the changes of one transaction in fewer rows. Of several values for one
 * row only the last is written, and lists of some tables share rows; `schema.ts` says which.
 *
 * @module
 */
import { tableNames, tables, type Change, type Table, type TableFacts } from './schema.ts';

const factsOf = (table: Table): TableFacts => tables[table];
const rewritten = new Set(tableNames.filter((name) => factsOf(name).isRewritten));
const sharing = new Set(tableNames.filter((name) => factsOf(name).itemsPerRowMax));

/** How many items a row of a table has at most, if its rows are lists that are joined. */
export function itemsPerRowMax(table: Table): number {
	return factsOf(table).itemsPerRowMax ?? 1;
}

/** The changes to write instead of `changes`, which are all of one transaction. */
export function mergedChanges(changes: readonly Change[]): readonly Change[] {
	const last = new Map<string, Change>();
	const lists: Change[] = [];
	const nameOf = ({ table, key }: Change) => `${table} ${key.join(' ')}`;
	for (const change of changes) {
		if (rewritten.has(change.table)) last.set(nameOf(change), change);
		if (isShared(change)) lists.push(change);
	}
	if (last.size === 0 && lists.length < 2) return changes;
	const others = changes.filter(
		(change) =>
			!isShared(change) && (!rewritten.has(change.table) || last.get(nameOf(change)) === change),
	);
	for (const row of joined(lists)) others.push(row);
	return others;
}

/** Whether a change puts a list that shares its row; a removal concerns a whole row. */
function isShared({ table, value }: Change): boolean {
	return sharing.has(table) && value !== undefined;
}

/** Packs lists into as few rows as possible, each under the lowest key of its items. */
function joined(lists: readonly Change[]): readonly Change[] {
	const inOrder = lists.toSorted((one, other) => {
		if (one.table !== other.table) return one.table < other.table ? -1 : 1;
		return Number(one.key[0]) - Number(other.key[0]);
	});
	const rows: Change[] = [];
	let row: unknown[] = [];
	for (const { table, key, value } of inOrder) {
		const more = value as readonly unknown[];
		const isFull = row.length + more.length > itemsPerRowMax(table);
		if (rows.at(-1)?.table !== table || isFull) {
			row = [];
			rows.push({ table, key, value: row });
		}
		for (const item of more) row.push(item);
	}
	return rows;
}
