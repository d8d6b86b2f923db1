/**
 * What is kept aside and not worked on: dead letters, and what a fork has inherited from the
 * identity that it once had.
 *
 * @module
 */
import type { Journal, Key } from '../journal/journal.ts';
import { restoredMail } from '../mailbox/mailbox-row.ts';
import { restored } from '../delivery/outbox-row.ts';

/** The newest dead letters, or the first rows of the quarantine; all without their payloads. */
export function asideRows(
	journal: Pick<Journal, 'scan'>,
	asked: { reeve: 'quarantine' | 'dead'; limit: number },
): object[] {
	const stretch = { from: [''], to: ['\uffff'], limit: asked.limit };
	if (asked.reeve === 'dead') {
		return journal
			.scan<object>('dead', { ...stretch, reverse: true })
			.map(({ key, value }) => ({ dead: key[0], ...withoutPayload(value) }));
	}
	return journal.scan<never>('quarantine', stretch).map(({ key: [table, ...key], value }) => ({
		table,
		key,
		...withoutPayload(named(table, key, value)),
	}));
}

/** The row with names, whatever form it has on disk. */
function named(table: Key[number] | undefined, key: Key, value: never): object {
	const place = Number(key[1]);
	if (table === 'outbox') return restored(place, value);
	if (table === 'mailbox') return restoredMail(place, value);
	return value ?? {};
}

function withoutPayload(row: object): object {
	const { body: _, message: __, ...rest }: { body?: unknown; message?: unknown } = row;
	return rest;
}
