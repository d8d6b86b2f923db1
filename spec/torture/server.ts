/**
 * A server of a broker as a process that can be killed, frozen and started again, on a port of its
 * own.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createConnection } from 'node:net';
import process from 'node:process';
import { pause, type Clock } from '../../runtime/platform/clock.ts';

/** One server. */
export interface Server {
	readonly name: string;
	readonly port: number;
	isRunning(): boolean;
	/** Starts it; resolves when it takes connections. */
	start(): Promise<void>;
	kill(): Promise<void>;
	signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

/** A broker: one server, or a cluster of them. */
export interface Broker {
	readonly name: string;
	readonly servers: readonly Server[];
	/** Forgets all that a stopped server has on disk; undefined if this broker must not be wiped. */
	readonly wipe: ((server: Server) => Promise<void>) | undefined;
	/** Kills all, and whatever else was started. */
	stop(): Promise<void>;
}

/** How a server is started. */
export interface ServerParts {
	readonly name: string;
	readonly port: number;
	readonly words: readonly string[];
	readonly log: string;
	readonly clock: Clock;
	readonly environment?: Readonly<Record<string, string>>;
	/** Whether it is ready; by default when its port takes connections. */
	readonly isReady?: () => Promise<boolean>;
	/** Of a server that has to be ready within a while. */
	readonly patienceMs?: number;
}

const lookMs = 50;

/** Creates a server; it is not started yet. It leads a process group of its own. */
export function createServerProcess(parts: ServerParts): Server {
	const { name, port, words, log, clock, environment = {}, patienceMs = 120_000 } = parts;
	const isReady = parts.isReady ?? (() => isOpen(port));
	let child: ChildProcess | undefined;
	const isRunning = () =>
		child !== undefined && child.exitCode === null && child.signalCode === null;
	const signalGroup = (signal: NodeJS.Signals): void => {
		if (child?.pid !== undefined && isRunning()) process.kill(-child.pid, signal);
	};
	return {
		name,
		port,
		isRunning,
		signal: signalGroup,
		async start() {
			const [file = '', ...rest] = words;
			const logFile = openSync(log, 'a');
			const started = spawn(file, rest, {
				stdio: ['ignore', logFile, logFile],
				detached: true,
				env: { ...process.env, ...environment },
			});
			closeSync(logFile);
			child = started;
			let failure: Error | undefined;
			started.once('error', (error) => (failure = error));
			const since = clock.monotonic();
			while (!(await isReady())) {
				if (failure) throw failure;
				// It was killed meanwhile: that is no failure of its start.
				if (started.signalCode !== null) return;
				if (started.exitCode !== null) throw new Error(`${name} ended, see ${log}`);
				if (clock.monotonic() - since > patienceMs) throw new Error(`${name} hangs, see ${log}`);
				await pause(clock, lookMs);
			}
		},
		async kill() {
			if (!child || !isRunning()) return;
			const { pid } = child;
			const ended = once(child, 'exit');
			signalGroup('SIGKILL');
			await ended;
			// The leader may be a mere script, whose port is another process's.
			while (pid !== undefined && isGroupAlive(pid)) await pause(clock, lookMs);
		},
	};
}

function isGroupAlive(leader: number): boolean {
	try {
		return process.kill(-leader, 0);
	} catch (thrown) {
		return Reflect.get(Object(thrown), 'code') !== 'ESRCH';
	}
}

function isOpen(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = createConnection({ port, host: '127.0.0.1' });
		socket.once('connect', () => {
			socket.destroy();
			resolve(true);
		});
		socket.once('error', () => resolve(false));
	});
}
