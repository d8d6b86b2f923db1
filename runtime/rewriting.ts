/**
 * Rewriting: how the changes of one transaction become fewer. Some rows are written anew by many of
 * them, and receipts share rows.
 *
 * @module
 */
import type { Change, Table } from './journal.ts';

/** Tables with a row that nearly every change of some kind writes anew. */
const rewritten: ReadonlySet<Table> = new Set(['lanes', 'cursors']);

/** More would take pages of their own, next to each other. */
const receiptsPerRowMax = 16;

/** The changes that are written for these, which are all of one transaction. */
export function condensed(changes: readonly Change[]): readonly Change[] {
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
	for (let at = 0; at < inOrder.length; at += receiptsPerRowMax) {
		const some = inOrder.slice(at, at + receiptsPerRowMax);
		rows.push({
			table: 'receipts',
			key: some[0]?.key ?? [],
			value: some.flatMap(({ value }) => value as readonly unknown[]),
		});
	}
	return rows;
}
