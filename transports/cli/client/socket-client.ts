/**
 * The client of a node's unix socket: hands messages in and asks questions. Each call has a
 * connection of its own, so that none waits for another.
 *
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { asReeveError, isErrorCode, ReeveError } from '../../../runtime/platform/errors.ts';
import type { Answer } from '../../../runtime/network/transport.ts';
import type { Question } from '../../../runtime/queries/question.ts';

/** A client of the node behind one socket. */
export interface Client {
	readonly socket: string;
	/**
	 * Hands messages in; the answers are in their order, one for each receiver of a message or one
	 * refusal for the message as a whole. Fewer answers than messages mean that the node died.
	 *
	 * @throws ReeveError `no_node`
	 */
	handIn(messages: readonly unknown[]): Promise<readonly Answer[]>;
	/**
	 * Asks a question. Ends early, without an error, when `signal` is raised.
	 *
	 * @throws ReeveError `no_node`, also if the node goes away; or the code of the node's refusal
	 */
	ask<Row>(question: Question | ControlRequest, signal?: AbortSignal): AsyncGenerator<Row>;
}

/** Makes a client. Nothing is connected before it is used. */
export function createClient(socket: string): Client {
	return {
		socket,
		async handIn(messages) {
			const answers: Answer[] = [];
			try {
				for await (const line of linesOf(socket, JSON.stringify(messages))) {
					answers.push(line as Answer);
				}
			} catch (thrown) {
				// Return the answers that came; the missing ones show that the node died.
				if (answers.length === 0) throw thrown;
			}
			return answers;
		},
		async *ask<Row>(
			question: Question | ControlRequest,
			signal?: AbortSignal,
		): AsyncGenerator<Row> {
			for await (const line of linesOf(socket, `${JSON.stringify(question)}\n`, signal)) {
				if ('row' in line) yield line.row as Row;
				else if ('end' in line) return;
				else throw refusalOf(line);
			}
			if (!signal?.aborted) throw new ReeveError('no_node', `${socket}: the node went away`);
		},
	};
}

/** All rows of an answer. */
export async function allRows<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
	const all: Row[] = [];
	for await (const row of rows) all.push(row);
	return all;
}

/** A refusal that came over the socket, as the error that the node had. */
export function refusalOf(line: object): ReeveError {
	const { error, detail } = { error: 'internal', detail: '', ...line };
	return isErrorCode(error)
		? new ReeveError(error, detail)
		: new ReeveError('internal', `the node answers ${JSON.stringify(line)}`);
}

async function* linesOf(path: string, text: string, signal?: AbortSignal): AsyncGenerator<object> {
	const socket = createConnection({ path, allowHalfOpen: true });
	const stop = (): void => void socket.destroy();
	if (signal?.aborted) return stop();
	signal?.addEventListener('abort', stop, { once: true });
	socket.setEncoding('utf8');
	socket.write(text);
	try {
		yield* splitLines(socket);
	} catch (thrown) {
		if (!signal?.aborted) throw connectionError(path, thrown);
	} finally {
		signal?.removeEventListener('abort', stop);
		socket.destroy();
	}
}

async function* splitLines(socket: Socket): AsyncGenerator<object> {
	let kept = '';
	for await (const chunk of socket) {
		const lines = `${kept}${String(chunk)}`.split('\n');
		kept = lines.pop() ?? '';
		for (const line of lines) yield JSON.parse(line) as object;
	}
}

function connectionError(path: string, thrown: unknown): ReeveError {
	const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
	if (code === 'EACCES') {
		return new ReeveError('no_node', `${path} belongs to another user`, { cause: thrown });
	}
	const isAbsent = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ECONNRESET', 'EPIPE'].includes(
		String(code),
	);
	if (isAbsent) return new ReeveError('no_node', `${path} (${String(code)})`, { cause: thrown });
	return asReeveError(thrown);
}

/** A request to the fleet of `reeve dev`. */
export interface ControlRequest {
	readonly action: 'start' | 'stop';
	readonly member: string;
}
