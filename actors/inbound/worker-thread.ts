/**
 * The worker thread of one call: loads the method's file, runs it once, and tells the node's thread
 * what came of it. It is started by `worker-call.ts`, never imported.
 *
 * @module
 */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { realClock } from '../../runtime/platform/clock.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { FromThread, Order, ToThread } from './worker-call.ts';

/** What the method may use of its node: what can be copied is here, the rest is asked for. */
function createContext(order: Order, port: MessagePort): MethodContext {
	const controller = new AbortController();
	const waiting = new Map<number, Question>();
	const tell = (word: FromThread) => port.postMessage(word, []);
	let asked = 0;
	port.on('message', (word: ToThread) => {
		if (word.type === 'abort') {
			tell({ type: 'aborting' });
			controller.abort(new ReeveError(word.code));
			return;
		}
		const question = waiting.get(word.question);
		waiting.delete(word.question);
		if ('path' in word) question?.resolve(word.path);
		else question?.reject(new ReeveError(word.code, word.detail));
	});
	return {
		...order.facts,
		clock: realClock,
		signal: controller.signal,
		async reply(data, progress) {
			await Promise.resolve(tell({ type: 'reply', data, progress }));
		},
		async note(progress) {
			await Promise.resolve(tell({ type: 'note', progress }));
		},
		hasCapacity: () => true,
		ask: () => Promise.reject(new ReeveError('bad_declaration', 'an isolated method cannot ask')),
		print: (text) => tell({ type: 'print', text }),
		dataFile: (...parts) =>
			new Promise((resolve, reject) => {
				asked += 1;
				waiting.set(asked, { resolve, reject });
				tell({ type: 'dataFile', question: asked, parts });
			}),
	};
}

interface Question {
	resolve(path: string): void;
	reject(error: ReeveError): void;
}

async function run(order: Order, port: MessagePort): Promise<FromThread> {
	try {
		const loaded = (await import(pathToFileURL(order.file).href)) as { default: MethodDefinition };
		const output = await loaded.default.run(order.message, createContext(order, port));
		return { type: 'resolved', output: output ?? {} };
	} catch (thrown) {
		if (thrown instanceof ReeveError) {
			return { type: 'rejected', code: thrown.code, detail: thrown.detail };
		}
		return crash(thrown);
	}
}

/** Errors lose what they carry beside their message and stack: it might not be copyable. */
function crash(thrown: unknown): FromThread {
	const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
	return { type: 'crashed', message, stack };
}

/** Tells the end. An output that cannot be copied is a mistake of the method. */
function conclude(word: FromThread, port: MessagePort): void {
	try {
		port.postMessage(word, []);
	} catch (thrown) {
		port.postMessage(crash(thrown), []);
	}
}

if (parentPort) conclude(await run(workerData as Order, parentPort), parentPort);
