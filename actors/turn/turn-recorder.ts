/**
 * The flight recorder: the last turns of each instance, in a ring on disk. It is there to be looked
 * at and to be replayed; nothing is ever recovered from it.
 *
 * The turns that an instance takes in one transaction share a row, if they are small. The row lies
 * in the place of its first turn, and is overwritten when the ring has come round to it.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { pack, unpack } from '../../runtime/message/codec.ts';
import type { EffectRequest } from './machine-step.ts';
import { effectTexts } from './effect-text.ts';
import { rowsUnder, type Change } from '../../runtime/journal/schema.ts';

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
/** How many turns share a row at most. */
const turnsPerRowMax = 8;

/** What a record is made from. */
export interface TurnFacts {
	readonly key: string;
	readonly turn: number;
	readonly event: EventObject | undefined;
	readonly value: unknown;
	readonly effectRequests: readonly EffectRequest[];
	readonly isFresh: boolean;
	/** The instance as it was before, packed, if it {@link TurnRecorder.wantsBase}. */
	readonly base: Uint8Array | undefined;
}

/** A turn that is to be written: what is packed of it. */
export type KeptTurn = readonly [
	turn: number,
	at: number,
	value: unknown,
	event: EventObject | null,
	marks: number,
	did: readonly string[] | null,
	base: Uint8Array | null,
];

const marks = { fresh: 1, cut: 2 } as const;

/** A row: the version of the definition, how many turns are kept, and those that are in it. */
type TurnRow = readonly [version: number, keptMax: number, ...turns: readonly KeptTurn[]];

/** The recorder of one actor. */
export interface TurnRecorder {
	/** Whether the whole instance is kept with this turn. */
	wantsBase(turn: number): boolean;
	/** Takes a turn down. */
	keep(facts: TurnFacts): KeptTurn;
	/** What writes the turns that an instance has taken in one transaction. */
	write(key: string, turns: readonly KeptTurn[]): readonly Change[];
}

/** Makes the recorder of one actor; undefined if nothing is kept. */
export function createTurnRecorder(parts: {
	readonly actor: string;
	readonly version: number;
	readonly clock: Clock;
	readonly config: Config;
}): TurnRecorder | undefined {
	const { actor, version, clock, config } = parts;
	const { turnsKeptMax, turnBytesMax } = config;
	if (turnsKeptMax === 0) return undefined;
	// A row must not be overwritten before the last of its turns is old enough.
	const places = turnsKeptMax + turnsPerRowMax - 1;

	/** One turn in a row of its own; only the outline of it if it is too large. */
	const alone = (turn: KeptTurn): Uint8Array => {
		const packed = pack([version, turnsKeptMax, turn]);
		if (packed.byteLength <= turnBytesMax * 2) return packed;
		const [number, at, value, event, mark] = turn;
		const type = event && { type: event.type };
		const outline: KeptTurn = [number, at, value, type, mark | marks.cut, null, null];
		return pack([version, turnsKeptMax, outline]);
	};

	/** Rows, each with the number of its first turn; turns that are too large together are parted. */
	const rowsOf = (turns: readonly KeptTurn[]): readonly (readonly [number, Uint8Array])[] => {
		const [first] = turns;
		if (!first) return [];
		if (turns.length === 1) return [[first[0], alone(first)]];
		const packed = pack([version, turnsKeptMax, ...turns]);
		if (packed.byteLength <= turnBytesMax) return [[first[0], packed]];
		const half = turns.length >> 1;
		return [...rowsOf(turns.slice(0, half)), ...rowsOf(turns.slice(half))];
	};

	return {
		wantsBase: (turn) => turn % turnsBetweenBases === 0,
		keep({ turn, event, value, effectRequests, isFresh, base }) {
			const did = effectRequests.length > 0 ? effectTexts(effectRequests) : [];
			return [
				turn,
				clock.now(),
				value,
				event ?? null,
				isFresh ? marks.fresh : 0,
				did.length > 0 ? did : null,
				base && base.byteLength <= turnBytesMax ? base : null,
			];
		},
		write(key, turns) {
			const rows: Change[] = [];
			for (let at = 0; at < turns.length; at += turnsPerRowMax) {
				for (const [first, packed] of rowsOf(turns.slice(at, at + turnsPerRowMax))) {
					rows.push({ table: 'turns', key: [actor, key, first % places], packed });
				}
			}
			return rows;
		},
	};
}

/** The turns that are kept of an instance, oldest first. */
export function readTurns(
	journal: Pick<Journal, 'scan'>,
	actor: string,
	key: string,
): readonly TurnRecord[] {
	const found = journal
		.scan<unknown>('turns', rowsUnder(actor, key))
		.flatMap(({ value }) => recordsOf(value instanceof Uint8Array ? unpack(value) : value))
		.toSorted(({ record: one }, { record: other }) => one.at - other.at || one.turn - other.turn);
	const keptMax = found.at(-1)?.keptMax ?? Infinity;
	// A row stays until all its turns are old: of those that share a place the last one counts.
	const kept = new Map(found.map(({ record }) => [record.turn % keptMax, record]));
	return [...kept.values()].toSorted((one, other) => one.turn - other.turn);
}

interface Found {
	readonly record: TurnRecord;
	/** How many were kept when it was written. */
	readonly keptMax: number;
}

function recordsOf(row: unknown): readonly Found[] {
	// Older versions of reeve have written each turn by itself, in its own place.
	if (!isRow(row)) return [{ record: row as TurnRecord, keptMax: Infinity }];
	const [version, keptMax, ...turns] = row;
	return turns.map((turn) => ({ record: recordOf(version, turn), keptMax }));
}

function isRow(row: unknown): row is TurnRow {
	return Array.isArray(row);
}

function recordOf(version: number, kept: KeptTurn): TurnRecord {
	const [turn, at, value, event, mark, did, base] = kept;
	return {
		turn,
		version,
		at,
		value,
		...(event ? { event } : {}),
		...(did ? { did } : {}),
		...((mark & marks.fresh) > 0 ? { fresh: true } : {}),
		...((mark & marks.cut) > 0 ? { isCut: true } : {}),
		...(base ? { base } : {}),
	};
}
