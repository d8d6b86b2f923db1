/**
 * The rows of the table `started`: what was started here and has not ended, by which process, and
 * how often. Messages stand under their mailbox and arrival; other triggers of actors under the
 * actor and a mark.
 *
 * @module
 */
import {
	DamagedRow,
	rowsUnder,
	type Change,
	type JournalReader,
	type Key,
} from '../journal/schema.ts';
import type { ScheduleState } from '../message/schedule.ts';

/** What the journal says of a message that was started: by which process, and how often. */
export interface StartRecord {
	readonly epoch: number;
	readonly attempts: number;
	/** Set if nothing else ran beside it, so that a crash of the process is its own. */
	readonly alone?: true;
	/** How far the run had come, as its method has noted it. */
	readonly progress?: unknown;
	/** Set if the message is run by a schedule: how far that has come. */
	readonly schedule?: ScheduleState;
}

/** What a damaged row is read as: it was started, once, and by an earlier process. */
const someStart: StartRecord = { epoch: 0, attempts: 1 };

/** Writes that something was started, or how far it has come. */
export function startChange(key: Key, value: StartRecord | BatchStart): Change {
	return { table: 'started', key, value };
}

/** Forgets a start, in the transaction that settles what was started. */
export function startRemoval(key: Key): Change {
	return { table: 'started', key };
}

/** What is known of a start; undefined if there was none. */
export function readStart(journal: Pick<JournalReader, 'get'>, key: Key): StartRecord | undefined {
	const value = journal.get<StartRecord | DamagedRow>('started', key);
	return value instanceof DamagedRow ? someStart : value;
}

/** The starts of the messages of one mailbox that arrived in this stretch, `to` not included. */
export function scanStarts(
	journal: Pick<JournalReader, 'scan'>,
	method: string,
	{ from = 0, to = Number.MAX_SAFE_INTEGER }: { readonly from?: number; readonly to?: number } = {},
): readonly { key: Key; value: StartRecord }[] {
	return journal
		.scan<StartRecord | DamagedRow>('started', { from: [method, from], to: [method, to] })
		.map(({ key, value }) => ({ key, value: value instanceof DamagedRow ? someStart : value }));
}

/**
 * What is on disk of the batch of turns that runs: one row, however many triggers are in it. The
 * transaction that ends the batch replaces it, so it never names a message that is gone; an arrival
 * may be given out again once the mailbox is empty.
 */
export interface BatchStart {
	readonly epoch: number;
	/** The arrivals of messages, as ranges: the first and the last of each. */
	readonly arrivals?: readonly number[];
	/** Other triggers; older versions have named messages here as well, by arrival and id. */
	readonly marks: readonly Key[];
}

/** All starts of one actor: the row of its batch, and those of triggers that were tried before. */
export function scanActorStarts(
	journal: Pick<JournalReader, 'scan'>,
	actor: string,
): readonly { mark: Key; value: StartRecord | BatchStart }[] {
	return journal
		.scan<StartRecord | BatchStart | DamagedRow>('started', rowsUnder(actor))
		.map(({ key, value }) => ({
			mark: key.slice(1),
			value: value instanceof DamagedRow ? someStart : value,
		}));
}
