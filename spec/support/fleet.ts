/**
 * A fleet of real processes for specs: a broker and nodes, each `reeve` in a process group of its
 * own, in a temporary folder, killed and removed at the end whatever happens.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Answer } from '../../runtime/network/transport.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

const main = fileURLToPath(new URL('../../supervisors/node/main.ts', import.meta.url));

/** Starts `reeve` with these words, from source, as the leader of its own process group. */
export function spawnReeve(
	words: readonly string[],
	options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
	return spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...words], {
		// A pipe that nobody writes to: when this process is gone, however that came, so is the pipe.
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
export function exchangeLines(socket: string, text: string): Promise<unknown[]> {
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
	const brokerProcess = spawnReeve(['broker', '--listen', '127.0.0.1:0', '--stop-with-parent']);
	children.set('', brokerProcess);
	const line = await lineOf(brokerProcess, /mqtt:\/\//);
	const broker = /mqtt:\/\/[^\s]+/.exec(line)?.[0] ?? '';
	const socket = (node: string) => join(folder, `${node}.sock`);

	const ask = async (node: string, question: object): Promise<unknown[]> => {
		const lines = await exchangeLines(socket(node), `${JSON.stringify(question)}\n`);
		return lines.map((value) => {
			if (typeof value === 'object' && value !== null && 'row' in value) return value.row;
			throw new Error(`refused: ${JSON.stringify(value)}`);
		});
	};
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
				startPubREQHello: '0',
				logLevel: 'error',
			};
			const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
			const cwd = join(folder, node);
			await mkdir(cwd, { recursive: true });
			const child = spawnReeve(['run', '--stop-with-parent', ...words, ...flags], { cwd, env });
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
		send: async (node, messages) =>
			(await exchangeLines(socket(node), JSON.stringify(messages))) as Answer[],
		async settled(node, ids) {
			const rows = (await ask(node, { reeve: 'watch', ids })) as MessageRow[];
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
