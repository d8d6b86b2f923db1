/**
 * Rewriting: rows that many changes of one transaction write anew.
 *
 * @module
 */
import type { Change, Table } from './journal.ts';

/** Tables with a row that nearly every change of some kind writes anew. */
const rewritten: ReadonlySet<Table> = new Set(['lanes', 'cursors']);

/** Of the changes that write the same row of these tables the last is enough. */
export function newest(changes: readonly Change[]): readonly Change[] {
	const last = new Map<string, Change>();
	const nameOf = ({ table, key }: Change) => `${table} ${key.join(' ')}`;
	for (const change of changes) if (rewritten.has(change.table)) last.set(nameOf(change), change);
	if (last.size === 0) return changes;
	return changes.filter(
		(change) => !rewritten.has(change.table) || last.get(nameOf(change)) === change,
	);
}
