/**
 * The flight recorder: the last turns of each instance, in a ring on disk. It is there to be looked
 * at and to be replayed; nothing is ever recovered from it.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import type { Change, Journal } from '../runtime/journal.ts';
import { pack, unpack } from '../runtime/packing.ts';
import type { Wish } from './turn.ts';
import { wishTexts } from './wish-text.ts';

/** One turn, as it is kept. */
export interface TurnRecord {
	readonly turn: number;
	/** Of the definition; absent in records of older versions of reeve. */
	readonly version?: number;
	/** Wall-clock milliseconds. */
	readonly at: number;
	/** The event; only its type if it was too large, and none for the start of the instance. */
	readonly event?: EventObject;
	readonly isCut?: true;
	/** The state afterwards. */
	readonly value: unknown;
	/** What the turn asked for, a line each; none if it asked for nothing. */
	readonly did?: readonly string[];
	/** Set if the instance began anew with this turn. */
	readonly fresh?: true;
	/** The whole instance before this turn, in every few turns: where a replay can begin. */
	readonly base?: Uint8Array;
}

/** Every so many turns the whole instance is kept, if it is small enough. */
const turnsBetweenBases = 8;

/** What a record is made from. */
export interface TurnFacts {
	readonly key: string;
	readonly turn: number;
	readonly event: EventObject | undefined;
	readonly value: unknown;
	readonly wishes: readonly Wish[];
	readonly isFresh: boolean;
	/** Packs the instance as it was before. */
	readonly before: () => Uint8Array | undefined;
}

/** Makes the records of one actor; undefined if none are kept. */
export function createRecorder(parts: {
	readonly actor: string;
	readonly version: number;
	readonly clock: Clock;
	readonly config: Config;
}): ((facts: TurnFacts) => Change) | undefined {
	const { actor, version, clock, config } = parts;
	const { turnsKeptMax, turnBytesMax } = config;
	if (turnsKeptMax === 0) return undefined;

	return ({ key, turn, event, value, wishes, isFresh, before }) => {
		const base = turn % turnsBetweenBases === 0 ? before() : undefined;
		const did = wishes.length > 0 ? wishTexts(wishes) : [];
		const record: TurnRecord = {
			turn,
			version,
			at: clock.now(),
			value,
			...(event ? { event } : {}),
			...(did.length > 0 ? { did } : {}),
			...(isFresh ? { fresh: true } : {}),
			...(base && base.byteLength <= turnBytesMax ? { base } : {}),
		};
		let packed = pack(record);
		if (packed.byteLength > turnBytesMax * 2) {
			const { event: _, base: __, did: ___, ...rest } = record;
			packed = pack({ ...rest, isCut: true, ...(event ? { event: { type: event.type } } : {}) });
		}
		return { table: 'turns', key: [actor, key, turn % turnsKeptMax], value: packed };
	};
}

/** The turns that are kept of an instance, oldest first. */
export function readTurns(
	journal: Pick<Journal, 'scan'>,
	actor: string,
	key: string,
): readonly TurnRecord[] {
	return journal
		.scan<Uint8Array>('turns', { from: [actor, key, 0], to: [actor, key, Number.MAX_SAFE_INTEGER] })
		.map(({ value }) => unpack(value) as TurnRecord)
		.toSorted((one, other) => one.turn - other.turn);
}
