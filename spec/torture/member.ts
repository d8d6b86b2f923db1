/**
 * A node under torture: a process that is started again whenever it has ended, as by systemd.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { clockOf } from './clock-accident.ts';
import { deferred } from '../../runtime/platform/deferred.ts';

/** What a node is made from. */
export interface MemberParts {
	readonly name: string;
	readonly folder: string;
	readonly databaseFolder: string;
	readonly definitionsFolder: string;
	readonly dataFolder: string;
	/** Where its proxy listens. */
	readonly port: number;
	/** The words that start reeve. */
	readonly self: readonly string[];
	/** Further words for the node. */
	readonly words: readonly string[];
	readonly clock: Clock;
	/** Told when it has ended without having been killed by us. */
	readonly onEnd: (name: string, how: string) => void;
}

/** The node. */
export interface Member {
	readonly name: string;
	readonly socket: string;
	readonly dataFolder: string;
	/** Undefined while it does not run. */
	pid(): number | undefined;
	/** Whether it has said that it is ready. */
	isReady(): boolean;
	/** From now on it is kept running. */
	begin(): void;
	/** SIGKILL; it is started again after this pause. Resolves when the process is gone. */
	kill(pauseMs: number): Promise<void>;
	signal(name: 'SIGSTOP' | 'SIGCONT'): void;
	/** Resolves when it is ready, at once if it is. */
	ready(): Promise<void>;
	/** Stops it for good: kindly, or not. */
	end(how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** What every tortured node is configured with. */
const settings = {
	startPubREQHello: '10',
	stopTimeout: '2',
	// All names differ here; a claim only costs time.
	claimMs: '500',
	claimPauseMs: '1000',
	resendMsMin: '200',
	resendMsMax: '5000',
	// Nothing may be forgotten before it was counted.
	settledKeptMax: '1000000',
	receiptsKeptMax: '1000000',
	// These nodes are killed on purpose; no message is to blame.
	attemptsMax: '1000',
	barredTopicMsMin: '1000',
	barredTopicMsMax: '4000',
	hangUpTrialMs: '2000',
	logLevel: 'warn',
} as const;

/** How soon a node that has ended by itself is started again. */
const restartMs = 500;
/** How long a node may take to stop when it is asked kindly. */
const stopMs = 20_000;

/** Creates a node; it does not run yet. */
export function createMember(parts: MemberParts): Member {
	const { name, folder, dataFolder, clock, onEnd } = parts;
	const over = new AbortController();
	let child: ChildProcess | undefined;
	let isReady = false;
	let isStruck = false;
	let pauseMs = restartMs;
	let t: Promise<void> | undefined;
	let readiness = deferred();

	const liveOnce = async (): Promise<void> => {
		const started = launch(parts);
		child = started;
		if (started.stdout) {
			createInterface({ input: started.stdout }).on('line', (line) => {
				if (child !== started || !/\bready\b/.test(line)) return;
				isReady = true;
				readiness.resolve();
			});
		}
		const ended = once(started, 'exit');
		const [code, signal] = await ended;
		child = undefined;
		if (isReady) readiness = deferred();
		isReady = false;
		if (!isStruck && !over.signal.aborted) onEnd(name, String(signal ?? code));
		isStruck = false;
	};
	const live = async (): Promise<void> => {
		while (!over.signal.aborted) {
			pauseMs = restartMs;
			await liveOnce();
			await pause(clock, pauseMs, over.signal);
		}
	};
	return {
		name,
		socket: join(folder, `${name}.sock`),
		dataFolder,
		pid: () => child?.pid,
		isReady: () => isReady,
		begin: () => void (t ??= live()),
		async kill(delayMs) {
			if (!child) return;
			const ended = once(child, 'exit');
			isStruck = true;
			pauseMs = delayMs;
			child.kill('SIGKILL');
			await ended;
		},
		signal: (signal) => void child?.kill(signal),
		ready: () => readiness.promise,
		async end(how) {
			over.abort();
			child?.kill('SIGCONT');
			child?.kill(how);
			const enough = new AbortController();
			void pause(clock, stopMs, enough.signal).then(() => {
				if (!enough.signal.aborted) child?.kill('SIGKILL');
			});
			await t;
			enough.abort();
		},
	};
}

function launch(parts: MemberParts): ChildProcess {
	const { name, folder, databaseFolder, definitionsFolder, dataFolder, port, self, words } = parts;
	const places = {
		nodeName: name,
		centralNodeName: 'central',
		brokerAddress: `mqtt://127.0.0.1:${port}`,
		socketFolder: folder,
		databaseFolder,
		definitionsFolder,
		subscribersDataFolder: dataFolder,
		configFolder: join(folder, name, 'etc'),
	};
	const flags = Object.entries({ ...places, ...settings }).flatMap(([key, value]) => [
		`--${key}`,
		value,
	]);
	const [file = '', ...rest] = self;
	const log = openSync(join(folder, `${name}.log`), 'a');
	const child = spawn(
		file,
		// Safe mode is for unexplained crashes; these are made on purpose.
		[...rest, 'run', ...flags, '--normal', '--stop-with-parent', ...words],
		{
			stdio: ['pipe', 'pipe', log],
			detached: true,
			env: { ...environment(), ...clockOf(folder, name) },
		},
	);
	closeSync(log);
	// It may be gone when the pipe to it is closed.
	child.stdin?.on('error', () => undefined);
	return child;
}

/** Without what would configure a node. */
function environment(): Record<string, string | undefined> {
	const isOurs = (name: string) => name.startsWith('REEVE_') || name === 'CONFIG_FOLDER';
	const rest = Object.entries(process.env).filter(([name]) => !isOurs(name));
	return { ...Object.fromEntries(rest), NO_COLOR: '1' };
}
