/**
 * A member of a fleet on this machine: this program as a child process in a process group of its
 * own. It stops when its parent is gone, however that ended; see `parent-watch.ts`.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, createWriteStream, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { withoutOwnFiles } from '../../../runtime/platform/child-files.ts';
import { pause, type Clock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { checkWorkingFolder } from '../../../runtime/platform/working-folder.ts';

/** A child process that runs a node, or a broker. */
export interface Member {
	readonly name: string;
	readonly pid: number | undefined;
	/** The lines it has printed so far; when it is ready, the last one says so. */
	readonly greeting: readonly string[];
	/** Rejects with `start_failed` and the last lines of its log, if it ends before it is ready. */
	readonly ready: Promise<void>;
	/** Resolves with how it ended: a signal or an exit code. */
	readonly ended: Promise<string>;
	isRunning(): boolean;
	/** SIGKILL, as a power cut would do it. Resolves when the process is gone. */
	kill(): Promise<void>;
	/** SIGTERM, and SIGKILL after a while. Resolves when the process is gone. */
	stop(): Promise<void>;
}

/** The parts of a member. */
export interface MemberParts {
	readonly name: string;
	/** How this program is started; see `Host`. */
	readonly self: readonly string[];
	readonly words: readonly string[];
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** The file to which its log is appended. */
	readonly log: string;
	readonly clock: Clock;
}

/** Longer than a node gives its methods at a stop. */
const stopMs = 10_000;

/** Starts a member; it may not be ready yet. */
export function startMember(parts: MemberParts): Member {
	const { name, self, words, environment, log, clock } = parts;
	const [file = '', ...flags] = self;
	checkWorkingFolder();
	const logFile = openSync(log, 'a', 0o600);
	const child = withoutOwnFiles((files): ChildProcess =>
		spawn(file, [...flags, ...words, '--stop-with-parent'], {
			stdio: ['pipe', 'pipe', logFile, ...files],
			detached: true,
			env: { ...environment },
		}),
	);
	const { stdin, stdout } = child;
	closeSync(logFile);
	// The child may be gone when the pipe to it is closed.
	stdin?.on('error', () => {});
	const ended = new Promise<string>((resolve) => {
		child.once('error', (error) => resolve(error.message));
		child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
	});
	let isRunning = true;
	void ended.then(() => (isRunning = false));
	const end = async (signal: NodeJS.Signals): Promise<void> => {
		if (isRunning) child.kill(signal);
		await ended;
	};
	const greeting: string[] = [];
	const ready = new Promise<undefined>((resolve) => {
		if (!stdout) return;
		let isReady = false;
		const printed = createWriteStream(log, { flags: 'a', mode: 0o600 });
		// What a full disk does not take is lost, as the lines of the log are.
		printed.on('error', () => {});
		createInterface({ input: stdout }).on('line', (line) => {
			// What it prints later is for its operator, who reads its log.
			if (isReady) return void printed.write(`${line}\n`);
			greeting.push(line);
			isReady = /\bready\b/.test(line);
			if (isReady) resolve(undefined);
		});
	});
	return {
		name,
		pid: child.pid,
		greeting,
		ready: Promise.race([ready, ended]).then((how) => {
			if (how === undefined) return;
			throw new ReeveError('start_failed', `${name} ended with ${how}\n${lastLines(log)}`);
		}),
		ended,
		isRunning: () => isRunning,
		kill: () => end('SIGKILL'),
		async stop() {
			const enough = new AbortController();
			void pause(clock, stopMs, enough.signal).then(() => {
				if (!enough.signal.aborted) child.kill('SIGKILL');
			});
			await end('SIGTERM');
			enough.abort();
		},
	};
}

/** The last lines of a log. */
function lastLines(log: string): string {
	return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-3).join('\n');
}
