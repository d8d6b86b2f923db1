/**
 * The thread of the watchdog, see `watchdog.ts`. It counts, waits and decides. What may fail or
 * never return is done by another thread, see `main-thread-access.ts`.
 *
 * @module
 */
import { dirname } from 'node:path';
import process from 'node:process';
import { parentPort, workerData, type Worker } from 'node:worker_threads';
import { realClock } from './clock.ts';
import { openMainThread, type AccessAnswer, type AccessRequest } from './main-thread-access.ts';

/** What the thread is given. */
export interface Watching {
	/** Two numbers: the first is counted up by the main thread, the second is only waited on. */
	readonly shared: SharedArrayBuffer;
	readonly after: number;
	readonly recordPath: string;
}

/** How long the main thread may take to tell what runs. It cannot while it is in the system. */
const answerMs = 5000;
/** How long telling may take: the reader of standard error may stand still, or the disk. */
const tellMs = 2000;
/** How long the loop has, once its code has answered, to show that it moves after all. */
const secondsMoreMax = 5;

const { shared, after, recordPath } = workerData as Watching;
const beats = new Int32Array(shared);

/** Whether the loop stands still for so many seconds, each by itself. */
function standsStill(seconds: number): boolean {
	const first = Atomics.load(beats, 0);
	for (let missed = 0; missed < seconds; missed += 1) {
		Atomics.wait(beats, 1, 0, 1000);
		if (Atomics.load(beats, 0) !== first) return false;
	}
	return true;
}

/** What a thread with access answers; undefined if it does not in this time, or has ended. */
function answerOf(
	access: Worker,
	request: AccessRequest,
	withinMs: number,
): Promise<AccessAnswer | 'ended' | undefined> {
	return new Promise((done) => {
		access.on('message', done);
		access.once('exit', () => done('ended'));
		realClock.after(withinMs, () => done(undefined));
		access.postMessage(request, []);
	});
}

/** Ends the process. Nothing can keep it from that, unless it is process 1 and in the system. */
async function endProcess(): Promise<void> {
	process.kill(process.pid, 'SIGKILL');
	// Process 1 of a container gets no signal of its own, and has to end by itself.
	await answerOf(openMainThread(), { do: 'exit' }, answerMs);
}

async function review(): Promise<void> {
	const access = openMainThread();
	// Its end is an answer, see below.
	access.on('error', () => {});
	const what = `reeve: the event loop stands still for ${after} s`;
	const answer = await answerOf(access, { do: 'ask' }, answerMs);
	const still = standsStill(Math.min(after, secondsMoreMax));
	if (still && answer === undefined) {
		// No code runs: it waits for the system, such as for a disk, and would wait there again.
		const line = `${what}, inside the operating system (is a disk slow?)`;
		await answerOf(access, { do: 'tell', line }, tellMs);
	} else if (still) {
		// Whatever has become of the thread that asked: code runs, and does not end.
		const stack = (answer !== 'ended' && answer?.stack) || 'code that cannot be told';
		const line = `${what} in ${stack}; this process ends, and the next one goes on`;
		const text = JSON.stringify({ seconds: after, stack });
		const record = { folder: dirname(recordPath), path: recordPath, text };
		await answerOf(access, { do: 'tell', line, record }, tellMs);
		await endProcess();
	}
	void access.terminate();
}

// Keeps the thread there while it waits for an answer.
parentPort?.on('message', () => {});
for (;;) if (standsStill(after)) await review();
