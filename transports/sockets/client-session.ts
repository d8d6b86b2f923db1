/**
 * The session of one client of the unix socket or of TCP: takes steward's JSON arrays, single
 * objects and questions, and answers each with JSON lines, in order.
 *
 * @module
 */
import { plainForm } from '../../runtime/text/diagnostic-json.ts';
import type { Socket } from 'node:net';
import { asReeveError, errorTable } from '../../runtime/platform/errors.ts';
import type { TransportContext } from '../../runtime/network/transport.ts';
import { createAnswerQueue } from './answer-queue.ts';
import { createFraming } from '../framing/json-framing.ts';
import type { Framed } from '../framing/partial-value.ts';

/** The settings of one listener. */
export interface Serving {
	/** The name of the listener in errors and signals; steward's name where it has one. */
	readonly via: string;
	/**
	 * Checks the first value that a client sends; true if it is only a token and no message.
	 *
	 * @throws ReeveError if the client is not let in; it gets the error, and is disconnected
	 */
	readonly greet?: (value: unknown) => boolean;
}

/** Serves one client until it disconnects, or its array is answered. */
export function serveClient(
	socket: Socket,
	{ api, config }: TransportContext,
	{ via, greet }: Serving,
): void {
	const { messageBytesMax, messageDepthMax, messageValuesMax, answersWaitingMax } = config;
	const framing = createFraming({
		bytesMax: messageBytesMax,
		depthMax: messageDepthMax,
		valuesMax: messageValuesMax,
	});
	const leaving = new AbortController();
	let greeting = greet;
	const queue = createAnswerQueue(socket, {
		waitingMax: answersWaitingMax,
		isBetween: () => framing.isBetween(),
		errorOf,
	});
	const handle = (framed: Framed): void => {
		if (socket.writableEnded) return;
		if (framed.type === 'array_end') return queue.endWhenIdle();
		if (framed.type === 'error') {
			const { code, detail } = framed.error;
			const refusal = api.refuse(code, detail, via);
			return queue.add((write) => write(refusal));
		}
		const { value } = framed;
		if (greeting) {
			const isGreeting = greeting(value);
			greeting = undefined;
			if (isGreeting) return;
		}
		if (isQuestion(value)) {
			return queue.add(async (write) => {
				for await (const row of api.ask(value, leaving.signal))
					await write({ row: plainForm(row) });
				await write({ end: true });
			});
		}
		const answers = api.accept(value, via);
		queue.add(async (write) => {
			for (const answer of await answers) await write(answer);
		});
	};
	const handleAll = (all: readonly Framed[]): void => {
		try {
			for (const framed of all) handle(framed);
		} catch (thrown) {
			// A client that is not let in is disconnected with the reason.
			const { code, detail } = asReeveError(thrown);
			leaving.abort();
			socket.end(`${JSON.stringify(api.refuse(code, detail, via))}\n`, () => socket.destroy());
		}
	};
	socket.on('data', (chunk) => handleAll(framing.push(chunk)));
	socket.on('end', () => {
		// A client that is gone and one that has sent its last value cannot be told apart. Answer what
		// it has sent, but end a question that follows: it might run on without a reader.
		leaving.abort();
		handleAll(framing.end());
		queue.endWhenIdle();
	});
	socket.on('error', () => leaving.abort());
	socket.on('close', () => {
		leaving.abort();
		handleAll(framing.end());
	});
}

/** Refuses a client above `clientsMax`, and disconnects it. */
export function turnAway(
	socket: Socket,
	{ api, config }: TransportContext,
	{ via }: Pick<Serving, 'via'>,
): void {
	const refusal = api.refuse('too_many_clients', `${config.clientsMax} are there`, via);
	// It may be gone already.
	socket.on('error', () => socket.destroy());
	socket.end(`${JSON.stringify(refusal)}\n`, () => socket.destroy());
}

function isQuestion(value: unknown): boolean {
	return typeof value === 'object' && value !== null && 'reeve' in value;
}

function errorOf(thrown: unknown): object {
	const { code, detail } = asReeveError(thrown);
	return { error: code, detail, hint: errorTable[code].hint };
}
