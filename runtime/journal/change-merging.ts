/**
 * Rewriting: how the changes of one transaction become fewer. Some rows are written anew by many of
 * them, and receipts share rows.
 *
 * @module
 */
import type { Change, Table } from './schema.ts';

/** Tables with a row that nearly every change of some kind writes anew. */
const rewritten: ReadonlySet<Table> = new Set(['lanes', 'cursors']);

/** How many receipts share a row; more would take pages of their own, next to each other. */
export const receiptsPerRowMax = 16;

/** The changes that are written for these, which are all of one transaction. */
export function mergedChanges(changes: readonly Change[]): readonly Change[] {
	const last = new Map<string, Change>();
	const receipts: Change[] = [];
	const nameOf = ({ table, key }: Change) => `${table} ${key.join(' ')}`;
	for (const change of changes) {
		if (rewritten.has(change.table)) last.set(nameOf(change), change);
		if (isReceipt(change)) receipts.push(change);
	}
	if (last.size === 0 && receipts.length < 2) return changes;
	const others = changes.filter(
		(change) =>
			!isReceipt(change) && (!rewritten.has(change.table) || last.get(nameOf(change)) === change),
	);
	for (const row of receiptRows(receipts)) others.push(row);
	return others;
}

/** A list of receipts to be written; one that is removed is a row. */
function isReceipt({ table, value }: Change): boolean {
	return table === 'receipts' && value !== undefined;
}

/** Receipts in as few rows as may be, each under the lowest key of those in it. */
function receiptRows(receipts: readonly Change[]): readonly Change[] {
	const inOrder = receipts.toSorted(
		({ key: [one] }, { key: [other] }) => Number(one) - Number(other),
	);
	const rows: Change[] = [];
	let row: unknown[] = [];
	for (const { key, value } of inOrder) {
		const more = value as readonly unknown[];
		if (rows.length === 0 || row.length + more.length > receiptsPerRowMax) {
			row = [];
			rows.push({ table: 'receipts', key, value: row });
		}
		for (const receipt of more) row.push(receipt);
	}
	return rows;
}
