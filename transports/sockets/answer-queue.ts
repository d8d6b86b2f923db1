/**
 * The answers to one client, in the order of its input, whichever is ready first. A client that
 * does not read its answers is not read from, either.
 *
 * @module
 */
import process from 'node:process';
import type { Socket } from 'node:net';

/**
 * Work whose answers are written after those of all earlier work. `write` resolves when the client
 * has read enough.
 */
export type AnswerWork = (write: (value: unknown) => Promise<void>) => Promise<void>;

/** The queue that {@link createAnswerQueue} makes. */
export interface AnswerQueue {
	/** Queues work. The input is paused while `waitingMax` or more are queued. */
	add(work: AnswerWork): void;
	/** Ends the connection as soon as all is answered and `isBetween` says so. */
	endWhenIdle(): void;
}

/** Answers that are ready together go into one write, up to this many characters. */
const writeCharsMax = 65_536;

/** Creates the queue of one client. */
export function createAnswerQueue(
	socket: Socket,
	options: {
		readonly waitingMax: number;
		/** Whether no message of the client is read in part. */
		readonly isBetween: () => boolean;
		/** The answer to work that fails. */
		readonly errorOf: (thrown: unknown) => unknown;
	},
): AnswerQueue {
	const { waitingMax, isBetween, errorOf } = options;
	const queue: AnswerWork[] = [];
	let isRunning = false;
	let isEnding = false;
	const { write, flush } = createWriter(socket);

	const run = async (): Promise<void> => {
		isRunning = true;
		for (let work = queue.shift(); work; work = queue.shift()) {
			try {
				await work(write);
			} catch (thrown) {
				await write(errorOf(thrown));
			}
			if (socket.isPaused() && queue.length <= waitingMax / 2) socket.resume();
		}
		isRunning = false;
		endIfIdle();
	};
	const endIfIdle = (): void => {
		if (!isEnding || isRunning || !isBetween() || socket.writableEnded) return;
		flush();
		// Destroy the socket after the end: a client that sends more sees a broken connection.
		socket.end(() => socket.destroy());
	};

	return {
		add(work) {
			queue.push(work);
			if (queue.length >= waitingMax) socket.pause();
			if (!isRunning) void run();
		},
		endWhenIdle() {
			isEnding = true;
			endIfIdle();
		},
	};
}

/** Collects lines, and waits while the client does not read. */
function createWriter(socket: Socket) {
	let text = '';
	const flush = (): void => {
		if (text !== '' && socket.writable) socket.write(text);
		text = '';
	};
	const write = async (value: unknown): Promise<void> => {
		if (text === '') process.nextTick(flush);
		text += `${JSON.stringify(value)}\n`;
		if (text.length > writeCharsMax) flush();
		if (socket.writableNeedDrain) await drained(socket);
	};
	return { write, flush };
}

/** Resolves when the client has read enough, or is gone. */
function drained(socket: Socket): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			socket.off('drain', done);
			socket.off('close', done);
			resolve();
		};
		if (socket.destroyed) return resolve();
		socket.on('drain', done);
		socket.on('close', done);
	});
}
