/**
 * Serving one client of a stream, be it the unix socket or TCP: steward's JSON arrays, single
 * objects and questions come in, and each is answered by a JSON line, in order.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { asReeveError, errorTable } from '../../runtime/platform/errors.ts';
import type { TransportContext } from '../../runtime/network/transport.ts';
import { createAnswerQueue } from './answer-queue.ts';
import { createFraming } from '../framing/json-framing.ts';
import type { Framed } from '../framing/partial-value.ts';

/** How clients of one listener are served. */
export interface Serving {
	/** What the listener is called in errors and signals, in steward's words. */
	readonly via: string;
	/**
	 * Looks at the first value that a client sends: true if it only lets the client in and is no
	 * message.
	 *
	 * @throws whatever is wrong with it; the client is told, and let go
	 */
	readonly greet?: (value: unknown) => boolean;
}

/** Serves one client until it goes, or its array is answered. */
export function serveClient(
	socket: Socket,
	{ api, config }: TransportContext,
	{ via, greet }: Serving,
): void {
	const { messageBytesMax: bytesMax, messageDepthMax: depthMax, answersWaitingMax } = config;
	const framing = createFraming({ bytesMax, depthMax });
	const leaving = new AbortController();
	let greeting = greet;
	const line = createAnswerQueue(socket, {
		waitingMax: answersWaitingMax,
		isBetween: () => framing.isBetween(),
		errorOf,
	});
	const handle = (framed: Framed): void => {
		if (socket.writableEnded) return;
		if (framed.type === 'array_end') return line.endWhenIdle();
		if (framed.type === 'error') {
			const { code, detail } = framed.error;
			const refusal = api.refuse(code, detail, via);
			return line.add((write) => write(refusal));
		}
		const { value } = framed;
		if (greeting) {
			const isGreeting = greeting(value);
			greeting = undefined;
			if (isGreeting) return;
		}
		if (isQuestion(value)) {
			return line.add(async (write) => {
				for await (const row of api.ask(value, leaving.signal)) await write({ row });
				await write({ end: true });
			});
		}
		const answers = api.accept(value, via);
		line.add(async (write) => {
			for (const answer of await answers) await write(answer);
		});
	};
	const handleAll = (all: readonly Framed[]): void => {
		try {
			for (const framed of all) handle(framed);
		} catch (thrown) {
			// Nothing of a client that is not let in is looked at any further.
			const { code, detail } = asReeveError(thrown);
			leaving.abort();
			socket.end(`${JSON.stringify(api.refuse(code, detail, via))}\n`, () => socket.destroy());
		}
	};
	socket.on('data', (chunk) => handleAll(framing.push(chunk)));
	socket.on('end', () => {
		// A client that is gone and one that has only sent its last look alike here. What it has asked
		// is answered, but a question that goes on ends: else it might go on for nobody.
		leaving.abort();
		handleAll(framing.end());
		line.endWhenIdle();
	});
	socket.on('error', () => leaving.abort());
	socket.on('close', () => {
		leaving.abort();
		handleAll(framing.end());
	});
}

/** Tells one client too many that it is one, and lets it go. */
export function turnAway(
	socket: Socket,
	{ api, config }: TransportContext,
	{ via }: Pick<Serving, 'via'>,
): void {
	const refusal = api.refuse('too_many_clients', `${config.clientsMax} are there`, via);
	// It may be gone already, which is all the same.
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
