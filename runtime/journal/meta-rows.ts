/**
 * The rows of the table `meta`: single facts that rooms of this node note, each under a name.
 *
 * @module
 */
import { rowsUnder, type Change, type JournalReader, type Key } from './schema.ts';

/** A fact as of the last commit; undefined if it was never noted. */
export function readMeta<Value>(journal: Pick<JournalReader, 'get'>, key: Key): Value | undefined {
	return journal.get<Value>('meta', key);
}

/** All facts whose key begins with `name`. */
export function scanMeta<Value>(
	journal: Pick<JournalReader, 'scan'>,
	name: string,
): readonly { key: Key; value: Value }[] {
	return journal.scan<Value>('meta', rowsUnder(name));
}

/** Notes a fact; without a value it is removed. */
export function metaChange(key: Key, value?: unknown): Change {
	return value === undefined ? { table: 'meta', key } : { table: 'meta', key, value };
}
