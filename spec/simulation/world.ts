/**
 * The world in which a simulated fleet works: methods that do nothing but note that they ran, wait
 * until they are told to go on, or kill their node; and what can be read of a journal from outside.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { open, type Database } from 'lmdb';
import { z } from 'zod';
import { defineMethod, type MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { restoredMailboxRow, type StoredTuple } from '../../runtime/mailbox/mailbox-row.ts';
import { restored, type StoredOutRow } from '../../runtime/delivery/outbox-row.ts';
import { receiptsIn, type Receipt } from '../../runtime/ledger/receipts.ts';
import {
	simulateFleet,
	type FleetOptions,
	type SimulatedFleet,
} from '../../supervisors/testing/simulated-fleet.ts';
import type { TestScope } from '../support/temporary.ts';
import { rowChecksum } from '../../runtime/journal/row-checksum.ts';
import { tableNames, type Table } from '../../runtime/journal/schema.ts';
import { unpack } from '../../runtime/message/codec.ts';

/** One run of a method. */
export interface Run {
	readonly node: string;
	readonly method: string;
	readonly id: string;
	readonly arg: string;
	readonly attempt: number;
}

/** The world that {@link createWorld} makes. */
export interface World {
	/**
	 * `NOTE`, `SINK` and `LATER` keep their order, `CROWD` does not. All of them may run again after
	 * a crash.
	 */
	readonly methods: readonly MethodDefinition[];
	/** Every run so far, in order. */
	readonly runs: readonly Run[];
	/** The first arguments of the runs at a node, in order. */
	ran(node: string): readonly string[];
	/** Runs of `LATER` and `CROWD` wait from now on. */
	hold(): void;
	/** And now they do not, nor do those that wait. */
	release(): void;
	/** What a run does before anything else; it may kill its node. */
	strike: (run: Run) => void;
}

/** Creates a world. */
export function createWorld(): World {
	const runs: Run[] = [];
	const waiting: (() => void)[] = [];
	let isHeld = false;
	const world: World = {
		methods: [
			method('NOTE', 'sequential', note),
			// A composed node with declared actors has one, too.
			method('SINK', 'sequential', note),
			method('LATER', 'sequential', patiently),
			method('CROWD', 'concurrent', patiently),
		],
		runs,
		ran: (node) => runs.flatMap((run) => (run.node === node ? [run.arg] : [])),
		hold: () => void (isHeld = true),
		release() {
			isHeld = false;
			for (const go of waiting.splice(0)) go();
		},
		strike: () => {},
	};
	function note(run: Run): Promise<{ data: string }> {
		runs.push(run);
		world.strike(run);
		return Promise.resolve({ data: `${run.arg} is done` });
	}
	async function patiently(run: Run): Promise<{ data: string }> {
		const ended = note(run);
		if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
		return ended;
	}
	return world;
}

type Work = (run: Run) => Promise<{ data: string }>;

function method(name: string, ordering: MethodDefinition['ordering'], work: Work) {
	const run = ({ id, methodArgs }: Message, context: { node: string; attempt: number }) => {
		const { node, attempt } = context;
		return work({ node, method: name, id, arg: methodArgs[0] ?? '', attempt });
	};
	return defineMethod({
		name,
		aliases: [],
		summary: 'Notes that it ran',
		kind: 'CommandACK',
		ordering,
		onCrash: 'retry',
		replies: true,
		args: z.array(z.string()),
		example: {},
		run,
	});
}

/** A message to `NOTE`, or to the method that is given. */
export function note(toNode: string, arg: string, more: object = {}): object {
	return { toNode, method: 'NOTE', methodArgs: [arg], methodTimeout: 86_400, ...more };
}

/** A fleet in a world of its own, gone when the test is over. */
export function startWorld(
	t: TestScope,
	options: FleetOptions = {},
): { fleet: SimulatedFleet; world: World } {
	const world = createWorld();
	const methods = [...world.methods, ...(options.methods ?? [])];
	const fleet = simulateFleet({ ...options, methods });
	t.after(async () => {
		world.release();
		await fleet.stop();
	});
	return { fleet, world };
}

/** A row of a journal, as it lies in the file. */
export interface RawRow {
	readonly key: readonly (string | number)[];
	readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Journals that are open to be read. To open and close one for each look would disturb its owner.
 */
const readers = new Map<string, (table: Table) => Database>();

function readerOf(folder: string): (table: Table) => Database {
	const known = readers.get(folder);
	if (known) return known;
	const root = open({ path: folder, maxDbs: 32, cache: false });
	const opened = new Map<Table, Database>();
	const reader = (table: Table): Database => {
		const found =
			opened.get(table) ?? root.openDB({ name: table, cache: false, encoding: 'binary' });
		opened.set(table, found);
		return found;
	};
	readers.set(folder, reader);
	return reader;
}

/** Reads the committed rows of a table while a node has it open; those of the outbox as maps. */
export function rawRows(folder: string, table: Table): readonly RawRow[] {
	const rows = readerOf(folder)(table);
	rows.resetReadTxn();
	const read = (place: number, value: unknown): unknown => {
		if (table === 'outbox') return restored(place, value as StoredOutRow);
		return table === 'mailbox' ? restoredMailboxRow(place, value as StoredTuple) : value;
	};
	return Array.from(rows.getRange({ snapshot: false }), (row) => {
		const key = [row.key].flat() as RawRow['key'];
		const bytes = row.value as Buffer;
		const sound = rowChecksum(table).soundValue(key, bytes);
		assert.ok(sound, `${table} ${key.join(' ')} has its checksum`);
		const value = unpack(sound);
		return { key, value: read(Number(key[1]), value) as RawRow['value'] };
	});
}

/** The committed receipts, oldest first: a row holds some of them. */
export function rawReceipts(folder: string): readonly Receipt[] {
	return rawRows(folder, 'receipts').flatMap(({ value }): readonly Receipt[] =>
		Array.isArray(value) ? receiptsIn(value) : assert.fail('a row of receipts is a list'),
	);
}

/** The stored state of each instance of a declared actor, by its key. */
export function storedContexts<Context>(folder: string, actor: string): Record<string, Context> {
	const rows = rawRows(folder, 'snapshots').filter(({ key }) => key[0] === actor);
	return Object.fromEntries(
		rows.map(({ key, value }) => {
			const { context } = value.state as { readonly context: Context };
			return [String(key[1]), context];
		}),
	);
}

/** Everything that a journal holds, but for what it counts of time, row by row. */
export function wholeJournal(folder: string): ReadonlyMap<string, string> {
	const rows = tableNames.flatMap((table) =>
		rawRows(folder, table).map(({ key, value }) => [table, key, value] as const),
	);
	return new Map(
		rows
			.filter(
				([table, key]) =>
					table !== 'heard' && !['runningMs', 'alive', 'time'].includes(String(key[0])),
			)
			.map(([table, key, value]) => [`${table} ${key.join(' ')}`, JSON.stringify(value)]),
	);
}

/** The rows in which a journal is not what it was. */
export function changedRows(
	folder: string,
	before: ReadonlyMap<string, string>,
): readonly string[] {
	const after = wholeJournal(folder);
	const names = new Set([...before.keys(), ...after.keys()]);
	return [...names].filter((name) => before.get(name) !== after.get(name));
}

/**
 * Runs a story once for each seed; what fails says which seed it was. `REEVE_SEED` names one to run
 * alone.
 */
export async function forSeeds(count: number, story: (seed: number) => Promise<void>) {
	const { REEVE_SEED: given } = process.env;
	const seeds = given ? [Number(given)] : Array.from({ length: count }, (_, at) => at + 1);
	for (const seed of seeds) {
		try {
			await story(seed);
		} catch (cause) {
			throw new Error(`REEVE_SEED=${seed} shows it again: ${String(cause)}`, { cause });
		}
	}
}
