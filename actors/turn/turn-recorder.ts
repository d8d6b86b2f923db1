/**
 * The turn recorder: the last turns of each instance, in a ring on disk. Reports and replays read
 * it; nothing is ever recovered from it.
 *
 * The turns that an instance takes in one transaction share a row, if they are small. The position
 * of a row is that of its first turn; it is overwritten when the ring comes round to it.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { decodeDurable, encodeDurable } from '../definition/durable-value.ts';
import { pack, unpack } from '../../runtime/message/codec.ts';
import type { EffectRequest } from './machine-step.ts';
import { effectTexts } from './effect-text.ts';
import { rowsUnder, type Change } from '../../runtime/journal/schema.ts';

/** One recorded turn. */
export interface TurnRecord {
	readonly turn: number;
	/** Of the definition; absent in records of older versions of reeve. */
	readonly version?: number;
	/** Wall-clock milliseconds. */
	readonly at: number;
	/** The event: only its type if it was too large, none for the start of the instance. */
	readonly event?: EventObject;
	readonly isCut?: true;
	/** The state afterwards. */
	readonly value: unknown;
	/** Its effect requests, a line each; absent if there were none. */
	readonly did?: readonly string[];
	/** Set if the instance began anew with this turn. */
	readonly fresh?: true;
	/** The whole instance before this turn, kept every few turns: a replay can begin there. */
	readonly base?: Uint8Array;
}

/** In one of so many turns the whole instance is kept, if it is small enough. */
const turnsBetweenBases = 8;
/** How many turns share a row at most. */
const turnsPerRowMax = 8;

/** Clocks that differ by less show the same. */
const sameMs = 1000;

/** A turn that was taken. */
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

type BareTurn = readonly [
	turn: number,
	at: number,
	value: unknown,
	event: EventObject | null,
	marks: number,
	did: readonly string[] | null,
	base: Uint8Array | null,
];

/**
 * A turn in the form in which it is packed. Where the wall clock shows another time than the store,
 * that of the store follows: it orders turns although the clock was set.
 */
export type KeptTurn = BareTurn | readonly [...turn: BareTurn, storeMs: number];

const marks = { fresh: 1, cut: 2 } as const;

/** A row: the version of the definition, the ring's size in turns, and the turns of the row. */
type TurnRow = readonly [version: number, keptMax: number, ...turns: readonly KeptTurn[]];

/** The turn recorder of one actor. */
export interface TurnRecorder {
	/** Whether the whole instance is kept with this turn. */
	wantsBase(turn: number): boolean;
	/** Records a turn. */
	keep(facts: TurnFacts): KeptTurn;
	/** The changes that write the turns of an instance in one transaction. */
	write(key: string, turns: readonly KeptTurn[]): readonly Change[];
}

/** Creates the turn recorder of one actor; undefined if no turns are kept. */
export function createTurnRecorder(parts: {
	readonly actor: string;
	readonly version: number;
	readonly clock: Clock;
	readonly journal: Pick<Journal, 'now'>;
	readonly config: Config;
}): TurnRecorder | undefined {
	const { actor, version, clock, journal, config } = parts;
	const { turnsKeptMax, turnBytesMax } = config;
	if (turnsKeptMax === 0) return undefined;
	// The ring is longer than what is kept: a row stays until the last of its turns is old enough.
	const places = turnsKeptMax + turnsPerRowMax - 1;

	/** A row of one turn: without details if it is too large. */
	const alone = (turn: KeptTurn): Uint8Array => {
		const packed = pack([version, turnsKeptMax, turn]);
		if (packed.byteLength <= turnBytesMax * 2) return packed;
		const [number, at, value, event, mark, _did, _base, ...time] = turn;
		const type = event && { type: event.type };
		const outline: BareTurn = [number, at, value, type, mark | marks.cut, null, null];
		return pack([version, turnsKeptMax, [...outline, ...time]]);
	};

	/** Rows with the numbers of their first turns; turns that are too large together are split. */
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
			const at = clock.now();
			const storeMs = journal.now();
			const kept: BareTurn = [
				turn,
				at,
				value,
				event ? (encodeDurable(event) as EventObject) : null,
				isFresh ? marks.fresh : 0,
				did.length > 0 ? did : null,
				base && base.byteLength <= turnBytesMax ? base : null,
			];
			return Math.abs(storeMs - at) < sameMs ? kept : [...kept, storeMs];
		},
		write(key, turns) {
			const rows: Change[] = [];
			for (let at = 0; at < turns.length; at += turnsPerRowMax) {
				for (const [first, packed] of rowsOf(turns.slice(at, at + turnsPerRowMax))) {
					rows.push({ table: 'turns', key: [actor, key, first % places], packed: [packed] });
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
		.toSorted((one, other) => one.storeMs - other.storeMs || one.record.turn - other.record.turn);
	const keptMax = found.at(-1)?.keptMax ?? Infinity;
	// A row stays until all its turns are old: at each position the newest counts.
	const kept = new Map(found.map(({ record }) => [record.turn % keptMax, record]));
	return [...kept.values()].toSorted((one, other) => one.turn - other.turn);
}

interface Found {
	readonly record: TurnRecord;
	readonly storeMs: number;
	/** How many were kept when it was written. */
	readonly keptMax: number;
}

function recordsOf(row: unknown): readonly Found[] {
	// Older versions of reeve have written each turn by itself, in its own place.
	if (!isRow(row)) {
		const record = row as TurnRecord;
		return [{ record, storeMs: record.at, keptMax: Infinity }];
	}
	const [version, keptMax, ...turns] = row;
	return turns.map((turn) => {
		const record = recordOf(version, turn);
		return { record, storeMs: turn[7] ?? record.at, keptMax };
	});
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
		...(event ? { event: decodeDurable(event) as EventObject } : {}),
		...(did ? { did } : {}),
		...((mark & marks.fresh) > 0 ? { fresh: true } : {}),
		...((mark & marks.cut) > 0 ? { isCut: true } : {}),
		...(base ? { base } : {}),
	};
}
