/**
 * Real processes for specs: `reeve`, each the leader of its own process group; as a
 * fleet in one folder, or on several "hosts" with a machine fingerprint and folders of their own.
 * All of them are gone at the end, whatever happens.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';
import type { Answer } from '../../runtime/network/transport.ts';
import { programWords } from './program.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** Starts `reeve` with these words, as the leader of its own process group. */
export function spawnReeve(
	words: readonly string[],
	options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
	const [program = '', ...own] = programWords();
	return spawn(program, [...own, ...words], {
		// With --stop-with-parent it ends when this pipe closes, as it does when this process dies.
		stdio: ['pipe', 'pipe', 'pipe'],
		detached: true,
		...options,
		env: { ...process.env, NO_COLOR: '1', ...options.env },
	});
}

/**
 * Resolves with the first line of standard output that matches; rejects if the process ends first.
 */
export function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
	return new Promise((resolve, reject) => {
		let errors = '';
		child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
		child.once('exit', (code) => reject(new Error(`ended with ${code}: ${errors}`)));
		if (!child.stdout) return reject(new Error('no standard output'));
		createInterface({ input: child.stdout }).on('line', (line) => {
			if (pattern.test(line)) resolve(line);
		});
	});
}

/** Ends a process group at once, and waits for its leader. */
export async function killGroup(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
	const ended = new Promise((resolve) => child.once('exit', resolve));
	process.kill(-child.pid, 'SIGKILL');
	await ended;
}

/** Writes JSON to a node's socket and reads the lines of the answer until the node ends it. */
export function askInLines(socket: string, text: string): Promise<unknown[]> {
	return new Promise((resolve, reject) => {
		const connection = createConnection(socket, () => connection.write(text));
		const lines: unknown[] = [];
		connection.once('error', reject);
		const answers = createInterface({ input: connection });
		// It reports the errors of its input a second time.
		answers.on('error', reject);
		answers.on('line', (line) => {
			const value = JSON.parse(line) as { end?: boolean };
			if (value.end) connection.end();
			else lines.push(value);
		});
		connection.once('close', () => resolve(lines));
	});
}

/** Starts the broker of reeve, and resolves with its address, too. */
async function spawnBroker(): Promise<{ child: ChildProcess; address: string }> {
	const child = spawnReeve([
		'broker',
		'--without-login',
		'--listen',
		'127.0.0.1:0',
		'--stop-with-parent',
	]);
	const line = await lineOf(child, /mqtt:\/\//).catch(async (thrown: unknown) => {
		await killGroup(child);
		throw thrown;
	});
	return { child, address: /mqtt:\/\/[^\s]+/.exec(line)?.[0] ?? '' };
}

/** Starts a node with these settings, and flags after them. */
function spawnNode(
	settings: Readonly<Record<string, string>>,
	flags: readonly string[],
	options: Parameters<typeof spawnReeve>[1],
): ChildProcess {
	const words = Object.entries({ startPubREQHello: '0', signing: 'off', ...settings }).flatMap(
		([key, value]) => [`--${key}`, value],
	);
	return spawnReeve(['run', '--stop-with-parent', ...words, ...flags], options);
}

/** The rows of an answer of the node at this socket; an error if it refuses. */
async function askAt<Row>(socket: string, question: object): Promise<Row[]> {
	const lines = await askInLines(socket, `${JSON.stringify(question)}\n`);
	return lines.map((line) => {
		if (typeof line === 'object' && line !== null && 'row' in line) return line.row as Row;
		throw new Error(`refused: ${JSON.stringify(line)}`);
	});
}

/** A running fleet. */
export interface Fleet {
	readonly folder: string;
	readonly broker: string;
	socket(node: string): string;
	data(node: string): string;
	/** Starts a node, or starts it again; resolves when it is ready. */
	start(node: string, flags?: readonly string[]): Promise<void>;
	/** SIGKILLs a node's process; its commands live on, as after a real crash. */
	kill(node: string): Promise<void>;
	/** Sends a signal to a node's process alone, such as SIGSTOP. */
	signal(node: string, name: NodeJS.Signals): void;
	send(node: string, messages: readonly object[]): Promise<Answer[]>;
	/** Resolves with the rows of these messages when all are settled. */
	settled(node: string, ids: readonly string[]): Promise<MessageRow[]>;
	ask(node: string, question: object): Promise<unknown[]>;
	stop(): Promise<void>;
}

/**
 * Starts a broker and these nodes, each in a folder of its own; `env` is added to their
 * environment.
 */
export async function startFleet(
	nodes: readonly string[],
	env: NodeJS.ProcessEnv = {},
): Promise<Fleet> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-fleet-'));
	const children = new Map<string, ChildProcess>();
	const { child: brokerProcess, address: broker } = await spawnBroker();
	children.set('', brokerProcess);
	const socket = (node: string) => join(folder, `${node}.sock`);

	const ask = <Row>(node: string, question: object) => askAt<Row>(socket(node), question);
	const fleet: Fleet = {
		folder,
		broker,
		socket,
		data: (node) => join(folder, node, 'data'),
		async start(node, flags = []) {
			const settings = {
				nodeName: node,
				brokerAddress: broker,
				socketFolder: folder,
				databaseFolder: join(folder, node, 'db'),
				subscribersDataFolder: join(folder, node, 'data'),
				configFolder: join(folder, node, 'etc'),
				logLevel: 'error',
			};
			const cwd = join(folder, node);
			await mkdir(cwd, { recursive: true });
			const child = spawnNode(settings, flags, { cwd, env });
			children.set(node, child);
			await lineOf(child, /ready/);
		},
		async kill(node) {
			const child = children.get(node);
			if (!child) throw new Error(`no node ${node}`);
			const ended = new Promise((resolve) => child.once('exit', resolve));
			child.kill('SIGKILL');
			await ended;
		},
		signal(node, name) {
			children.get(node)?.kill(name);
		},
		send: async (node, messages) =>
			(await askInLines(socket(node), JSON.stringify(messages))) as Answer[],
		async settled(node, ids) {
			const rows = await ask<MessageRow>(node, { reeve: 'watch', ids });
			return rows.filter((row) => row.settled);
		},
		ask,
		async stop() {
			await Promise.all([...children.values()].map(killGroup));
			await rm(folder, { recursive: true, force: true });
		},
	};
	try {
		await Promise.all(nodes.map((node) => fleet.start(node)));
	} catch (thrown) {
		await fleet.stop();
		throw thrown;
	}
	return fleet;
}

/** A node on a host. */
export interface HostedProcess {
	readonly child: ChildProcess;
	readonly databaseFolder: string;
	readonly socket: string;
	/** Resolves when it has printed that it is ready. */
	readonly ready: Promise<string>;
	/** Resolves with how it ended, and with what it wrote to standard error. */
	readonly ended: Promise<{ code: number | null; signal: string | null; errors: string }>;
	/** Resolves with the first line of its log that matches. */
	logged(pattern: RegExp): Promise<string>;
	ask<Row>(question: object): Promise<Row[]>;
	send(message: object): Promise<string>;
	settled(id: string): Promise<MessageRow>;
	/** Sends it a signal, and resolves when it is gone. */
	end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** What a node is started with. */
export interface HostOptions {
	readonly node: string;
	readonly host: string;
	readonly databaseFolder?: string;
	readonly flags?: readonly string[];
}

/** A broker and hosts around it. */
export interface Hosts {
	readonly folder: string;
	readonly broker: string;
	start(options: HostOptions): HostedProcess;
	stop(): Promise<void>;
}

/** Starts the broker of reeve, or uses the one at `address`. */
export async function startHosts(t: TestScope, address?: string): Promise<Hosts> {
	const children: ChildProcess[] = [];
	const stop = async () => void (await Promise.all(children.map(killGroup)));
	// Asked for before the folder, so that they are gone when it is removed.
	t.after(stop);
	const folder = temporaryFolder(t);
	let broker = address ?? '';
	if (address === undefined) {
		const started = await spawnBroker();
		children.push(started.child);
		broker = started.address;
	}
	let count = 0;
	return {
		folder,
		broker,
		stop,
		start(options) {
			const ownFolder = join(folder, `${(count += 1)}`);
			const started = startHost({ ...options, ownFolder, broker });
			children.push(started.child);
			return started;
		},
	};
}

function startHost(parts: HostOptions & { ownFolder: string; broker: string }): HostedProcess {
	const { node, host, ownFolder, broker, flags = [] } = parts;
	const databaseFolder = parts.databaseFolder ?? join(ownFolder, 'db');
	const settings = {
		nodeName: node,
		brokerAddress: broker,
		socketFolder: ownFolder,
		databaseFolder,
		subscribersDataFolder: join(ownFolder, 'data'),
		configFolder: join(ownFolder, 'etc'),
		logLevel: 'info',
		claimMs: '1500',
		claimPauseMs: '1500',
	};
	const child = spawnNode(settings, flags, { env: { REEVE_HOST_FINGERPRINT: host } });
	const log = followLog(child);
	const socket = join(ownFolder, `${node}.sock`);
	const ask = <Row>(question: object) => askAt<Row>(socket, question);
	const ready = lineOf(child, / ready /);
	// Some are started to see them fail, and then this rejection is not awaited.
	ready.catch(() => undefined);
	return {
		child,
		databaseFolder,
		socket,
		ready,
		ended: log.ended,
		logged: log.line,
		ask,
		async send(message) {
			const [answer] = await askInLines(socket, JSON.stringify([message]));
			if (typeof answer === 'object' && answer && 'id' in answer) return String(answer.id);
			throw new Error(`refused: ${JSON.stringify(answer)}`);
		},
		async settled(id) {
			const rows = await ask<MessageRow>({ reeve: 'watch', ids: [id] });
			const last = rows.find((row) => row.settled);
			if (!last) throw new Error(`${id} is not settled`);
			return last;
		},
		async end(signal) {
			child.kill(signal);
			await log.ended;
		},
	};
}

/** Reads standard error line by line. */
function followLog(child: ChildProcess) {
	const lines: string[] = [];
	const watchers = new Set<(line: string) => void>();
	const { stderr } = child;
	if (!stderr) throw new Error('no standard error');
	createInterface({ input: stderr }).on('line', (line) => {
		lines.push(line);
		for (const see of watchers) see(line);
	});
	const ended = new Promise<{ code: number | null; signal: string | null; errors: string }>(
		(done) => {
			child.once('close', (code, signal) => done({ code, signal, errors: lines.join('\n') }));
		},
	);
	return {
		ended,
		line: (pattern: RegExp): Promise<string> =>
			new Promise((resolve, reject) => {
				const known = lines.find((line) => pattern.test(line));
				if (known !== undefined) {
					resolve(known);
					return;
				}
				watchers.add((line) => {
					if (pattern.test(line)) resolve(line);
				});
				void ended.then(({ errors }) =>
					reject(new Error(`it ended without ${pattern}: ${errors}`)),
				);
			}),
	};
}
