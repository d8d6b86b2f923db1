/**
 * A simulated fleet: whole nodes in one process, with real journals in temporary folders, on one
 * stepped clock and one broker in memory. Nodes can be killed, frozen and cut off, their disks can
 * fill up and their clocks can jump. No real time passes, and a seed gives the same run each time,
 * but for one thing: the disks are real, so the order in which several finish may vary.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { steppedClock, turnOfTheLoop, type SteppedClock } from '../../runtime/platform/clock.ts';
import { configOf, type Config } from '../../runtime/config/config.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { armedPoints } from '../../runtime/platform/crash-points.ts';
import type { FaultyDisk } from '../../runtime/journal/faulty-disk.ts';
import type { StartOptions } from '../../runtime/config/start-options.ts';
import type { Faults } from '../../transports/loopback/faulty-network.ts';
import { createHub, type Hub } from '../../transports/loopback/loopback.ts';
import { startNode, type RunningNode } from '../node/node.ts';
import { createSimulatedProcess, type SimulatedProcess } from './simulated-node.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

/** The options of a fleet. */
export interface FleetOptions {
	/** The seed of all random numbers of the run. */
	readonly seed?: number;
	readonly faults?: Partial<Faults>;
	/** Methods and actors that every node has, beside the built-in methods. */
	readonly methods?: readonly MethodDefinition[];
	readonly actors?: readonly ActorDefinition[];
	readonly config?: Partial<Config>;
}

/** The options of one start of a node. */
export interface SimulatedProcessOptions {
	readonly config?: Partial<Config>;
	/** These replace the methods of the fleet. */
	readonly methods?: readonly MethodDefinition[];
	readonly actors?: readonly ActorDefinition[];
	readonly choices?: StartOptions;
	/** The crash point at which it kills itself, as in `REEVE_CRASH_AT`: `frame.accepted:3`. */
	readonly crashAt?: string;
	/** Another data folder than before, from now on. */
	readonly folder?: string;
	/** How far the wall clock is ahead at the start; by default it is right. */
	readonly shiftMs?: number;
	/** Which start of the machine it is; another one after the machine itself was restarted. */
	readonly boot?: string;
}

/** The present run of a node of the fleet. */
export interface SimulatedNode {
	readonly node: RunningNode;
	readonly disk: FaultyDisk;
	/**
	 * Hands a message in, and resolves with its id; rejects if it is refused, or the node dies first.
	 */
	send(message: object): Promise<string>;
	/** All rows that answer a question; see `Question`. */
	ask<Row>(question: object): Promise<readonly Row[]>;
	/** The ledger's row of a message that was sent here. */
	row(id: string): Promise<MessageRow>;
	/** Sets the wall clock of this node. */
	shiftClock(ms: number): void;
	isAlive(): boolean;
}

/** The fleet that {@link simulateFleet} makes. */
export interface SimulatedFleet {
	readonly clock: SteppedClock;
	readonly hub: Hub;
	/** Starts a node, or restarts it on the folder that it had before. */
	start(name: string, options?: SimulatedProcessOptions): Promise<SimulatedNode>;
	/** The present run of a node. */
	node(name: string): SimulatedNode;
	/** Kills it as SIGKILL does: what was not committed is lost, and its will is published. */
	kill(name: string): void;
	/** Whether it runs; false also for a node that died while it started. */
	isAlive(name: string): boolean;
	/** Stops it gracefully; its journal is closed. */
	halt(name: string): Promise<void>;
	/** Suspends it as SIGSTOP does. */
	freeze(name: string): void;
	thaw(name: string): void;
	/** The folder of a node's journal. */
	folder(name: string): string;
	/** A new folder that is removed with the fleet. */
	spareFolder(): string;
	/** Lets everything that is ready run, without moving time. */
	settle(): Promise<void>;
	/** Ends all nodes, and removes their folders. */
	stop(): Promise<void>;
}

/** After this many turns of the event loop without disk work, the fleet is idle. */
const quietTurns = 6;

/** Makes a fleet without nodes. */
export function simulateFleet(options: FleetOptions = {}): SimulatedFleet {
	const root = mkdtempSync(join(tmpdir(), 'reeve-simulation-'));
	const disks = new Set<FaultyDisk>();
	const clock = steppedClock(options.seed, undefined, () => calm(disks));
	const hub = createHub(clock, options.faults);
	const processes: { process: SimulatedProcess; starting: Promise<RunningNode> }[] = [];
	const present = new Map<string, { process: SimulatedProcess; simulated?: SimulatedNode }>();
	const folders = new Map<string, string>();
	let folderCount = 0;
	let isOver = false;
	const spareFolder = () => join(root, `${(folderCount += 1)}`);
	const folderOf = (name: string): string => {
		const known = folders.get(name) ?? spareFolder();
		folders.set(name, known);
		return known;
	};
	const entryOf = (name: string) => {
		const found = present.get(name);
		if (found) return found;
		throw new ReeveError('not_found', `the node ${name}`);
	};

	const begin = (name: string, given: SimulatedProcessOptions): (typeof processes)[number] => {
		const { boot = 'first', shiftMs = 0 } = given;
		const process = createSimulatedProcess({ node: name, clock, hub, boot });
		process.shift(shiftMs);
		disks.add(process.disk);
		if (given.folder) folders.set(name, given.folder);
		const { methods = options.methods ?? [], actors = options.actors ?? [] } = given;
		const starting = startNode(
			configFor(name, folderOf(name), { ...options.config, ...given.config }),
			{
				clock: process.clock,
				disk: process.disk,
				transports: [process.transport],
				methods: methods.map((method) => process.method(method)),
				actors,
				choices: given.choices,
				host: `host of ${name}`,
				passPoint: armedPoints(given.crashAt, () => {
					if (!isOver) process.kill();
				}),
			},
		);
		const begun = { process, starting };
		processes.push(begun);
		return begun;
	};

	return {
		clock,
		hub,
		spareFolder,
		folder: folderOf,
		settle: () => clock.settle(),
		async start(name, given = {}) {
			present.get(name)?.process.kill();
			const { process, starting } = begin(name, given);
			// A crash point may kill it before it is ready.
			present.set(name, { process });
			const node = await orDeath(process, starting);
			const simulated = simulatedNode(process, node);
			present.set(name, { process, simulated });
			await clock.settle();
			return simulated;
		},
		node(name) {
			const { simulated } = entryOf(name);
			if (simulated) return simulated;
			throw new ReeveError('not_found', `${name} died while it started`);
		},
		kill: (name) => entryOf(name).process.kill(),
		isAlive: (name) => present.get(name)?.process.isAlive() ?? false,
		async halt(name) {
			const { process, simulated } = entryOf(name);
			if (simulated) await along(clock, simulated.node.stop());
			process.kill();
		},
		freeze: (name) => entryOf(name).process.freeze(),
		thaw: (name) => entryOf(name).process.thaw(),
		async stop() {
			// A crash point that a stop passes must not kill a node any more.
			isOver = true;
			for (const { process, starting } of processes) {
				process.thaw();
				process.disk.free();
				process.disk.release();
				const ended = starting.then((node) => node.stop()).catch(() => undefined);
				// What is left of a node that died while it started may wait for ever.
				const isWhole = process.isAlive();
				if (!isWhole) process.bury();
				await along(clock, ended).catch((thrown: unknown) => {
					if (isWhole) throw thrown;
				});
			}
			rmSync(root, { recursive: true, force: true });
		},
	};
}

function configFor(nodeName: string, folder: string, values: Partial<Config>): Config {
	return configOf({
		nodeName,
		databaseFolder: folder,
		subscribersDataFolder: folder,
		socketFolder: folder,
		startPubREQHello: 0,
		logLevel: 'silent',
		unknownMethodGrace: 0,
		signalsKeptMax: 100_000,
		// Nodes are killed all the time here.
		uncleanStartsMax: 1_000_000,
		...values,
	});
}

function simulatedNode(process: SimulatedProcess, node: RunningNode): SimulatedNode {
	const ask = async <Row>(question: object): Promise<Row[]> => {
		const rows: Row[] = [];
		const { signal } = new AbortController();
		for await (const row of node.api.ask(question, signal)) rows.push(row as Row);
		return rows;
	};
	return {
		node,
		disk: process.disk,
		isAlive: () => process.isAlive(),
		shiftClock: (ms) => process.shift(ms),
		ask,
		async send(message) {
			const [answer] = await orDeath(process, node.api.accept(message, 'simulation'));
			if (answer && 'id' in answer) return answer.id;
			throw new ReeveError(answer?.error ?? 'internal', answer?.detail);
		},
		async row(id) {
			const [row] = await ask<MessageRow>({ reeve: 'messages', ids: [id] });
			if (row) return row;
			throw new ReeveError('not_found', `message ${id}`);
		},
	};
}

/** The result of `work`; rejects if the process is killed first. */
async function orDeath<Value>(process: SimulatedProcess, work: Promise<Value>): Promise<Value> {
	const dead = process.killed.then(() => Promise.reject(new ReeveError('killed', 'the node died')));
	return Promise.race([dead, work]);
}

/** Waits until neither the event loop nor a disk has anything to do. */
async function calm(disks: ReadonlySet<FaultyDisk>): Promise<void> {
	for (let quiet = 0; quiet < quietTurns; quiet += 1) {
		await turnOfTheLoop();
		const busy = [...disks].filter((disk) => disk.isBusy());
		if (busy.length === 0) continue;
		await Promise.all(busy.map((disk) => disk.idle()));
		quiet = -1;
	}
}

/** The clock is advanced by this while `along` waits. */
const strideMs = 500;
/** After two minutes `along` gives up. */
const stridesMax = 240;

/** Waits for `work`, and advances the clock meanwhile. */
async function along(clock: SteppedClock, work: Promise<unknown>): Promise<void> {
	let isOver = false;
	const watched = work.finally(() => (isOver = true));
	// Its rejection reaches the caller below; this one only marks it as handled.
	watched.catch(() => undefined);
	for (let stride = 0; !isOver && stride < stridesMax; stride += 1) await clock.advance(strideMs);
	if (!isOver) throw new ReeveError('timed_out', 'the simulation does not come to an end');
	await watched;
}
