/**
 * The worker thread of one call: loads the method's file, runs it once, and sends its outcome to
 * the node's thread. It is started by `worker-call.ts`, never imported.
 *
 * @module
 */
import { pathToFileURL } from 'node:url';
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { realClock } from '../../runtime/platform/clock.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { FromThread, Order, ToThread } from './worker-call.ts';

/** The context of the method: values were copied into the thread, the rest asks the node. */
function createContext(order: Order, port: MessagePort): MethodContext {
	const controller = new AbortController();
	const waiting = new Map<number, Question>();
	const send = (event: FromThread) => port.postMessage(event, []);
	let asked = 0;
	port.on('message', (event: ToThread) => {
		if (event.type === 'abort') {
			send({ type: 'aborting' });
			controller.abort(new ReeveError(event.code));
			return;
		}
		const question = waiting.get(event.question);
		waiting.delete(event.question);
		if ('path' in event) question?.resolve(event.path);
		else question?.reject(new ReeveError(event.code, event.detail));
	});
	const ask = (eventOf: (question: number) => FromThread): Promise<string> =>
		new Promise((resolve, reject) => {
			asked += 1;
			waiting.set(asked, { resolve, reject });
			send(eventOf(asked));
		});
	return {
		...order.facts,
		clock: realClock,
		signal: controller.signal,
		async reply(data, progress) {
			await Promise.resolve(send({ type: 'reply', data, progress }));
		},
		async note(progress) {
			await Promise.resolve(send({ type: 'note', progress }));
		},
		hasCapacity: () => true,
		ask: () => Promise.reject(new ReeveError('bad_declaration', 'an isolated method cannot ask')),
		print(text) {
			const printed = ask((question) => ({ type: 'print', question, text })).then(() => {});
			// A method need not wait for it.
			printed.catch(() => {});
			return printed;
		},
		dataFile: (...parts) => ask((question) => ({ type: 'dataFile', question, parts })),
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

/** A crash with the message and stack of its error only: further fields might not be copyable. */
function crash(thrown: unknown): FromThread {
	const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown));
	return { type: 'crashed', message, stack };
}

/** Sends the end. An output that cannot be copied is a crash of the method. */
function conclude(event: FromThread, port: MessagePort): void {
	try {
		port.postMessage(event, []);
	} catch (thrown) {
		port.postMessage(crash(thrown), []);
	}
}

if (parentPort) {
	// A thread has a default of its own.
	setDefaultAutoSelectFamilyAttemptTimeout((workerData as Order).connectAttemptMs);
	conclude(await run(workerData as Order, parentPort), parentPort);
}
