/**
 * Change merging: writes the changes of one transaction in fewer rows. Of several values for one
 * row only the last is written, and receipts share rows.
 *
 * @module
 */
import { tableNames, tables, type Change, type TableFacts } from './schema.ts';

const tablesThat = (fact: 'isRewritten' | 'sharesRows') =>
	new Set(tableNames.filter((name) => (tables[name] as TableFacts)[fact]));
const rewritten = tablesThat('isRewritten');
const sharing = tablesThat('sharesRows');

/** How many receipts share a row; a row with more would take overflow pages of its own. */
export const receiptsPerRowMax = 16;

/** The changes to write instead of `changes`, which are all of one transaction. */
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

/** Whether a change puts a list of receipts; a removal concerns a whole row. */
function isReceipt({ table, value }: Change): boolean {
	return sharing.has(table) && value !== undefined;
}

/** Packs receipts into as few rows as possible, each under the lowest key of its receipts. */
function receiptRows(receipts: readonly Change[]): readonly Change[] {
	const inOrder = receipts.toSorted(
		({ key: [one] }, { key: [other] }) => Number(one) - Number(other),
	);
	const rows: Change[] = [];
	let row: unknown[] = [];
	for (const { table, key, value } of inOrder) {
		const more = value as readonly unknown[];
		if (rows.length === 0 || row.length + more.length > receiptsPerRowMax) {
			row = [];
			rows.push({ table, key, value: row });
		}
		for (const receipt of more) row.push(receipt);
	}
	return rows;
}
