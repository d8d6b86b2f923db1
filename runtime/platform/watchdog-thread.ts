/**
 * The thread of the watchdog, see `watchdog.ts`. It asks the debugger of the main thread what runs
 * there, which is answered even in an endless loop or a pattern that backtracks.
 *
 * @module
 */
import { writeFileSync, writeSync } from 'node:fs';
import { Session, type Debugger } from 'node:inspector';
import process from 'node:process';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { realClock } from './clock.ts';

/** What the thread is given. */
export interface Watching {
	/** Two numbers: the first is counted up by the main thread, the second is only waited on. */
	readonly shared: SharedArrayBuffer;
	readonly after: number;
	readonly recordPath: string;
}

/** How many functions are told. */
const framesMax = 8;
/** How long the main thread may take to tell what runs. It cannot while it is in the system. */
const answerMs = 5000;

const stderr = 2;

const { shared, after, recordPath } = workerData as Watching;
const beats = new Int32Array(shared);

/** Resolves when the loop has stood still for so many seconds. */
function stoodStill(): void {
	let last = Atomics.load(beats, 0);
	for (let missed = 0; missed < after; missed += 1) {
		Atomics.wait(beats, 1, 0, 1000);
		const now = Atomics.load(beats, 0);
		if (now !== last) missed = -1;
		last = now;
	}
}

/** The functions that run in the main thread; undefined if it does not answer. */
function runningFunctions(): Promise<string | undefined> {
	const session = new Session();
	session.connectToMainThread();
	const files = new Map<string, string>();
	session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => files.set(scriptId, url));
	const placeOf = ({ functionName, location }: Debugger.CallFrame): string => {
		const { scriptId, lineNumber } = location;
		return `${functionName || 'a function'} (${files.get(scriptId) ?? ''}:${lineNumber + 1})`;
	};
	return new Promise((done) => {
		session.on('Debugger.paused', ({ params: { callFrames } }) =>
			done(callFrames.slice(0, framesMax).map(placeOf).join(' < ')),
		);
		session.post('Debugger.enable');
		session.post('Debugger.pause');
		realClock.after(answerMs, () => {
			session.disconnect();
			done(undefined);
		});
	});
}

/**
 * Whether the line is on standard error. If its reader stands still, this waits for ever; if it is
 * gone, the record tells the next start.
 */
function isTold(line: string): boolean {
	return isDone(() => writeSync(stderr, `${line}\n`));
}

/** Whether the next start will know of it. Without a record it isolates the message as well. */
function isRecorded(stack: string): boolean {
	return isDone(() =>
		writeFileSync(recordPath, JSON.stringify({ seconds: after, stack }), { mode: 0o600 }),
	);
}

function isDone(work: () => unknown): boolean {
	try {
		work();
		return true;
	} catch {
		return false;
	}
}

/** Ends the process a little later, whatever this thread waits for by then. */
function endSoon(): Worker {
	return new Worker("setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2000)", { eval: true });
}

// Keeps the thread there while it waits for an answer.
parentPort?.on('message', () => {});
for (;;) {
	stoodStill();
	const stack = await runningFunctions();
	const what = `reeve: the event loop stands still for ${after} s`;
	if (stack === undefined) {
		// No code runs: it waits for the system, such as for a disk, and would wait there again.
		isTold(`${what}, inside the operating system (is a disk slow?)`);
		continue;
	}
	endSoon();
	isRecorded(stack);
	isTold(`${what} in ${stack}; this process ends, and the next one goes on`);
	process.kill(process.pid, 'SIGKILL');
}
