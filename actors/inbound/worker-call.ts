/**
 * Isolated calls: a method that declares `isolate: 'worker'` runs in a thread of its own, which can
 * be ended at any time, even in an endless loop, while the node goes on.
 *
 * The method is loaded anew in the thread: it shares no variable with the node, and its clock is
 * the machine's. A start costs some tens of milliseconds, so it is for methods that compute, or
 * whose code is not trusted to end. Commands that such a method starts are not ended with it, and
 * it can neither ask other nodes nor see the processes of its own.
 *
 * @module
 */
import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Timer } from '../../runtime/platform/clock.ts';
import { loaderOf } from '../../runtime/platform/thread-loader.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, ReeveError, type ErrorCode } from '../../runtime/platform/errors.ts';
import type { Output } from '../../runtime/message/reply.ts';

/** What a thread is started with. */
export interface Order {
	/** The file that declares the method. */
	readonly file: string;
	readonly message: Message;
	readonly facts: Pick<
		MethodContext,
		| 'node'
		| 'storeId'
		| 'askedBy'
		| 'startupFolder'
		| 'notesFolder'
		| 'timeoutMs'
		| 'attempt'
		| 'outputBytesMax'
		| 'limits'
		| 'progress'
	>;
	/** See the setting of this name. */
	readonly connectAttemptMs: number;
}

/** What the thread sends to the node. */
export type FromThread =
	| { readonly type: 'reply'; readonly data: string | Uint8Array; readonly progress: unknown }
	| { readonly type: 'note'; readonly progress: unknown }
	| { readonly type: 'print'; readonly question: number; readonly text: string }
	| { readonly type: 'dataFile'; readonly question: number; readonly parts: readonly string[] }
	/** It has raised its signal, so it is in no endless loop. */
	| { readonly type: 'aborting' }
	| { readonly type: 'resolved'; readonly output: Output }
	| { readonly type: 'rejected'; readonly code: ErrorCode; readonly detail: string }
	| { readonly type: 'crashed'; readonly message: string; readonly stack: string | undefined };

/** What the node sends to the thread. */
export type ToThread =
	| { readonly type: 'abort'; readonly code: ErrorCode }
	| { readonly type: 'path'; readonly question: number; readonly path: string }
	| {
			readonly type: 'noPath';
			readonly question: number;
			readonly code: ErrorCode;
			readonly detail: string;
	  };

/** A run in a thread. */
export interface IsolatedRun {
	/** Settles as the method's own promise; rejects with `killed` if the thread was ended first. */
	readonly output: Promise<Output>;
	/** Ends the thread. What it had not sent by then is lost. */
	readonly kill: () => void;
}

/** How long a thread may take to notice its signal before it counts as an endless loop. */
const noticeMs = 200;

/** The thread's file lies beside this one, compiled or as source. */
const threadFile = new URL(`./worker-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Runs a method in a thread. When the context's signal is raised, so is the method's; if the thread
 * does not notice, it is ended.
 *
 * @throws ReeveError `bad_declaration` if it is not known which file declares the method
 */
export function runInWorker(
	{ file, name }: MethodDefinition,
	message: Message,
	context: MethodContext,
): IsolatedRun {
	if (file === undefined) {
		throw new ReeveError('bad_declaration', `${name}: isolate needs a method that has a file`);
	}
	const { clock, signal, node, storeId, askedBy, startupFolder, notesFolder } = context;
	const { timeoutMs, attempt, outputBytesMax } = context;
	// A copy of the limits alone: the context has the whole configuration there.
	const limits = { ...context.limits };
	const { progress } = context;
	const about = { node, storeId, askedBy, startupFolder, notesFolder };
	const facts = { ...about, timeoutMs, attempt, outputBytesMax, limits, progress };
	const connectAttemptMs = getDefaultAutoSelectFamilyAttemptTimeout();
	const order: Order = { file, message, facts, connectAttemptMs };
	const worker = new Worker(threadFile, {
		workerData: order,
		name,
		...loaderOf(file, threadFile.pathname),
	});
	const send = (event: ToThread) => worker.postMessage(event, []);
	let notice: Timer | undefined;

	const output = new Promise<Output>((resolve, reject) => {
		const take = (event: FromThread): void => {
			switch (event.type) {
				case 'reply':
					return void context.reply(event.data, event.progress);
				case 'note':
					return void context.note(event.progress);
				case 'print':
					return void answer(
						event.question,
						context.print(event.text).then(() => ''),
					);
				case 'dataFile':
					return void answer(event.question, context.dataFile(...event.parts));
				case 'aborting':
					return notice?.cancel();
				case 'resolved':
					return resolve(event.output);
				case 'rejected':
					return reject(new ReeveError(event.code, event.detail));
				case 'crashed':
					return reject(crash(event));
			}
		};
		worker.on('message', take);
		worker.on('error', reject);
		worker.on('messageerror', reject);
		worker.once('exit', () => reject(new ReeveError('killed', `the thread of ${name}`)));
	});
	const answer = (question: number, path: Promise<string>) =>
		path.then(
			(path) => send({ type: 'path', question, path }),
			(thrown: unknown) => {
				const { code, detail } = asReeveError(thrown, 'file_failed');
				send({ type: 'noPath', question, code, detail });
			},
		);
	const kill = (): void => {
		notice?.cancel();
		signal.removeEventListener('abort', abort);
		// What the thread sends from now on has no effect.
		worker.removeAllListeners('message');
		void worker.terminate();
	};
	const abort = (): void => {
		send({ type: 'abort', code: asReeveError(signal.reason, 'stopping').code });
		notice = clock.after(noticeMs, kill);
	};
	signal.addEventListener('abort', abort, { once: true });
	return { output, kill };
}

function crash({ message, stack }: Extract<FromThread, { type: 'crashed' }>): Error {
	const error = new Error(message);
	if (stack !== undefined) error.stack = stack;
	return error;
}
