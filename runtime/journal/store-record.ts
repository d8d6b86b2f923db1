/**
 * The store record: the store's identity, its format, the machine on which it last ran, and how its
 * last processes ended. The first transaction of a start reads and writes it.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import { startStoreTime, type StoreTime } from './store-time.ts';
import { ReeveError } from '../platform/errors.ts';
import { newStoreId } from '../platform/ids.ts';

/** The format of the tables. A process refuses a store of another, and leaves it as it is. */
const storeFormat = 4;

/** The most unclean starts that are remembered, whatever the period. */
const uncleanStartsKept = 1000;

/** The table `meta`, as far as this file needs it. */
export interface Facts {
	get(key: [string]): unknown;
	putSync(key: [string], value: unknown): unknown;
}

/** The operator's decision about a store that was started in another place. */
export type IdentityChoice = 'adopt' | 'fork' | 'strict';

/** The place of a store: the machine, and the file on it. */
export interface Place {
	/** The machine's fingerprint. */
	readonly host: string;
	/** The inode of the file: a copy of it on the same machine has another. */
	readonly file: number;
}

/** The input of a start. */
export interface StartFacts {
	readonly clock: Clock;
	readonly place: Place;
	/**
	 * `adopt`: it was moved here. `fork`: make it another store. `strict`: refuse a moved one.
	 */
	readonly choice?: IdentityChoice;
	/** How long an unclean start counts, in milliseconds. */
	readonly uncleanPeriodMs?: number;
}

/** What the first transaction of a start found and decided. */
export interface StoreRecord {
	readonly storeId: string;
	readonly epoch: number;
	/** Whether the last process that ran here ended without closing the journal. */
	readonly wasUnclean: boolean;
	/** Unclean starts within the period, this one included. */
	readonly uncleanStarts: number;
	/** Whether the store is in another place than its last, and the operator has not confirmed it. */
	readonly isMoved: boolean;
	/** The time of the store, which has just been noted. */
	readonly time: StoreTime;
}

/**
 * Refuses a store that this process must not touch. Call it before anything is written.
 * `format` is undefined in a new store, and where it is damaged.
 *
 * @throws ReeveError `journal_version`, or `cloned_store` if identity is strict and the machine
 * another
 */
export function checkStore(format: unknown, facts: Facts, { place, choice }: StartFacts): void {
	if (format !== undefined && format !== storeFormat) {
		throw new ReeveError('journal_version', `format ${JSON.stringify(format)}, not ${storeFormat}`);
	}
	const home = facts.get(['home']);
	if (choice === 'strict' && isPlace(home) && home.host !== place.host) {
		throw new ReeveError('cloned_store', 'it was last at home on another machine');
	}
}

/** Whether a store of this format can be read. */
export function isReadable(format: unknown): boolean {
	return format === storeFormat;
}

/** Makes the first changes of a process; call it in a transaction. */
export function beginStart(facts: Facts, start: StartFacts): StoreRecord {
	const { storeId, isMoved } = identify(facts, start);
	const time = startStoreTime(start.clock, facts.get(['time']));
	const { wasUnclean, uncleanStarts } = reviewEnds(facts, { ...start, now: time.now() });
	facts.putSync(['time'], time.note());
	const epoch = Number(facts.get(['epoch']) ?? 0) + 1;
	facts.putSync(['format'], storeFormat);
	facts.putSync(['epoch'], epoch);
	facts.putSync(['running'], true);
	return { storeId, epoch, wasUnclean, uncleanStarts, isMoved, time };
}

/** Decides on the identity of the store, and whether it is in its last place. */
function identify(facts: Facts, { clock, place, choice }: StartFacts) {
	const known = facts.get(['storeId']);
	const home = facts.get(['home']);
	const isFork = choice === 'fork' && typeof known === 'string';
	const storeId = typeof known === 'string' && !isFork ? known : newStoreId(clock);
	const isAtHome = !isPlace(home) || (home.host === place.host && home.file === place.file);
	const isMoved = !isAtHome && choice !== 'adopt' && choice !== 'fork';
	facts.putSync(['storeId'], storeId);
	if (!isMoved) facts.putSync(['home'], place);
	// The promises of the old identity are moved aside next; after a crash, by the next start.
	if (isFork) facts.putSync(['forking'], true);
	return { storeId, isMoved };
}

/** Finds out how the last processes ended. */
function reviewEnds(
	facts: Facts,
	{ now, uncleanPeriodMs = 0 }: StartFacts & { readonly now: number },
) {
	const wasUnclean = facts.get(['running']) === true;
	const starts = recentStarts(facts.get(['uncleanStarts']), { now, uncleanPeriodMs });
	if (wasUnclean) starts.push(now);
	facts.putSync(['uncleanStarts'], starts.slice(-uncleanStartsKept));
	return { wasUnclean, uncleanStarts: starts.length };
}

/** The instants of store time within the period; one ahead is from a store of an older version. */
function recentStarts(kept: unknown, at: { now: number; uncleanPeriodMs: number }): number[] {
	if (!Array.isArray(kept)) return [];
	return kept.map(Number).filter((instant) => Math.abs(at.now - instant) <= at.uncleanPeriodMs);
}

function isPlace(value: unknown): value is Place {
	return typeof value === 'object' && value !== null && 'host' in value && 'file' in value;
}
