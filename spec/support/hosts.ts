/**
 * Nodes as processes on several "hosts": each has a machine fingerprint, a socket folder and,
 * unless it is told otherwise, a data folder of its own. All of them are gone when the test is
 * over.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import process from 'node:process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exchangeLines, killGroup, lineOf, spawnReeve } from './fleet.ts';
import { temporaryFolder } from './temporary.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

const main = fileURLToPath(new URL('../../supervisors/node/main.ts', import.meta.url));

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
export async function startHosts(
	t: { after(run: () => void | Promise<void>): void },
	address?: string,
): Promise<Hosts> {
	const children: ChildProcess[] = [];
	const stop = async () => void (await Promise.all(children.map(killGroup)));
	// First, since what runs after a test runs in this order: they write into the folder.
	t.after(stop);
	const folder = temporaryFolder(t);
	let broker = address ?? '';
	if (address === undefined) {
		const child = spawnReeve(['broker', '--listen', '127.0.0.1:0', '--stop-with-parent']);
		children.push(child);
		broker = /mqtt:\/\/[^\s]+/.exec(await lineOf(child, /mqtt:\/\//))?.[0] ?? '';
	}
	let count = 0;
	return {
		folder,
		broker,
		stop,
		start(options) {
			const place = join(folder, `${(count += 1)}`);
			const started = startHost({ ...options, place, broker });
			children.push(started.child);
			return started;
		},
	};
}

function startHost(parts: HostOptions & { place: string; broker: string }): HostedProcess {
	const { node, host, place, broker, flags = [] } = parts;
	const databaseFolder = parts.databaseFolder ?? join(place, 'db');
	const settings = {
		nodeName: node,
		brokerAddress: broker,
		socketFolder: place,
		databaseFolder,
		subscribersDataFolder: join(place, 'data'),
		configFolder: join(place, 'etc'),
		startPubREQHello: '0',
		logLevel: 'info',
		claimMs: '1500',
		claimPauseMs: '1500',
	};
	const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
	const run = ['--import', 'tsx', main, 'run', '--stop-with-parent', ...words, ...flags];
	const child = spawn(process.execPath, run, {
		// When this process is gone, however that came, so is the pipe, and the host stops.
		stdio: ['pipe', 'pipe', 'pipe'],
		detached: true,
		env: { ...process.env, NO_COLOR: '1', REEVE_HOST_FINGERPRINT: host },
	});
	const log = followLog(child);
	const socket = join(place, `${node}.sock`);
	const ask = async <Row>(question: object): Promise<Row[]> => {
		const lines = await exchangeLines(socket, `${JSON.stringify(question)}\n`);
		return (lines as { row?: Row }[]).map((line) => {
			if (line.row !== undefined) return line.row;
			throw new Error(JSON.stringify(line));
		});
	};
	const ready = lineOf(child, / ready /);
	// Not everybody waits for it: some are started to see them fail.
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
			const [answer] = await exchangeLines(socket, JSON.stringify([message]));
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
