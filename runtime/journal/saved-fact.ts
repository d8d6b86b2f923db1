/**
 * What the journal says of damage: which rows were found damaged, and what was saved of a store
 * that this one replaces.
 *
 * @module
 */
import { textOf } from './damaged-rows.ts';
import { readMeta } from './meta-rows.ts';
import { rowsUnder, tables, type JournalReader, type Key, type Table } from './schema.ts';

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

/** A row that was found damaged, with its bytes as they were. */
export interface DamagedFound {
	readonly table: Table;
	readonly key: Key;
	/** Which message, lane or instance it was about. */
	readonly what: string;
	/** What follows from it, and what to do. */
	readonly next: string;
	readonly bytes: Buffer;
}

/** The rows that were found damaged, since the store was made. */
export function scanDamaged(
	journal: Pick<JournalReader, 'scan'>,
	limit: number,
): readonly DamagedFound[] {
	return journal
		.scan<Buffer>('damaged', { ...rowsUnder(), limit })
		.flatMap(({ key: [name, ...key], value: bytes }) => {
			const table = String(name);
			if (!isTable(table)) return [];
			return { table, key, what: textOf(table, key), next: nextOf[table] ?? elseNext, bytes };
		});
}

function isTable(name: string): name is Table {
	return Object.hasOwn(tables, name);
}

const elseNext = 'the node goes on without it';

const nextOf: Readonly<Partial<Record<Table, string>>> = {
	outbox:
		'it is sent if the ledger has its body, else skipped and its sender told: see its outcome',
	ledger:
		'the outcome of this message is not kept: ask its receiver, or send it again under a new id',
	lanes: 'the lane was found again by its rows, and sends them as possible repetitions',
	cursors: 'what this lane brings is compared with the receipts, so that nothing runs twice',
	mailbox: 'the message is not run, and expires for its sender if that is known: send it again',
	started: 'the message counts as started once: onCrash decides whether it runs again',
	receipts: 'some messages that were accepted here are not known any more',
	timers: 'a timer does not fire: send the instance an event, or start it anew',
	steps: 'a step is forgotten: see the state of its instance',
	snapshots: 'the instance begins anew with its next event',
	asks: 'an instance waits for an outcome that it is not told: it goes on with its time limit',
	outcomes: 'an outcome was not published for an MQTT client: see reeve describe message',
};
