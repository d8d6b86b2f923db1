/**
 * The world in which a simulated fleet works: methods that do nothing but note that they ran, wait until
 * they are told to go on, or kill their node; and what can be read of a journal from outside.
 *
 * @module
 */
import { join } from 'node:path';
import { open } from 'lmdb';
import { z } from 'zod';
import { defineMethod, type MethodDefinition } from '../../runtime/define.ts';
import type { Message } from '../../runtime/envelope.ts';
import { tables, type Table } from '../../runtime/journal.ts';
import {
	simulateFleet,
	type FleetOptions,
	type SimulatedFleet,
} from '../../supervisors/simulated-fleet.ts';
import type { LongTestLife } from '../support/open-journal.ts';

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
	/** `NOTE` and `LATER` keep their order, `CROWD` does not. All of them may run again after a crash. */
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
	life: LongTestLife,
	options: FleetOptions = {},
): { fleet: SimulatedFleet; world: World } {
	const world = createWorld();
	const methods = [...world.methods, ...(options.methods ?? [])];
	const fleet = simulateFleet({ ...options, methods });
	life.after(async () => {
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

/** Reads the committed rows of a table, whoever has the file open. */
export function rawRows(folder: string, table: Table): readonly RawRow[] {
	const root = open({ path: folder, maxDbs: 32, cache: false });
	try {
		const rows = root.openDB({ name: table, cache: false });
		rows.resetReadTxn();
		return Array.from(rows.getRange({ snapshot: false }), ({ key, value }) => ({
			key: [key].flat() as RawRow['key'],
			value: value as RawRow['value'],
		}));
	} finally {
		void root.close();
	}
}

/** Everything that a journal holds, but for what it counts of time. */
export function wholeJournal(folder: string): string {
	const ofTable = (table: Table) =>
		rawRows(folder, table).filter(({ key }) => table !== 'heard' && key[0] !== 'runningMs');
	return JSON.stringify(tables.map((table) => [table, ofTable(table)]));
}

/** The file of a journal. */
export const journalFile = (folder: string): string => join(folder, 'data.mdb');

/**
 * Runs a story once for each seed; what fails says which seed it was. `REEVE_SEED` names one to run alone.
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
