/**
 * A client that writes bytes to a socket, in pieces, and reads what comes back.
 *
 * @module
 */
import { createConnection, type NetConnectOpts } from 'node:net';
import { pause, realClock, turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import type { Chance } from '../chance.ts';
import type { Input } from '../way.ts';

/**
 * How a client leaves when it has written all: it says so, and reads on; it breaks the connection;
 * or it just stays for a moment.
 */
export type Leaving = 'half' | 'break' | 'stay';

/** How bytes are written: in pieces, cut at these places. */
interface Writing {
	readonly cuts: readonly number[];
	readonly leaving: Leaving;
}

/** Draws how so many bytes are written. */
export function writingOf(chance: Chance, length: number): Writing {
	const count = chance.happens(0.7) ? 0 : chance.below(6);
	const cuts = Array.from({ length: count }, () => chance.below(length + 1));
	const leaving = chance.happens(0.8) ? 'half' : chance.pick(['break', 'stay'] as const);
	return { cuts: cuts.toSorted((one, other) => one - other), leaving };
}

/** Writes the input as it says; resolves with all that came back when the connection is over. */
export async function converse(
	where: NetConnectOpts,
	{ bytes, about }: Input,
	{ stayMs }: { readonly stayMs: number },
): Promise<string> {
	const { cuts = [], leaving = 'half' } = about as Partial<Writing>;
	const socket = createConnection({ ...where, allowHalfOpen: true });
	let answer = '';
	const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
	socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
	// The other end may break the connection at any time: what it has said before counts.
	socket.on('error', () => socket.destroy());
	socket.on('end', () => socket.end());
	let from = 0;
	for (const to of [...cuts, bytes.length]) {
		if (socket.destroyed) break;
		socket.write(bytes.subarray(from, Math.max(from, to)));
		from = Math.max(from, to);
		await turnOfTheLoop();
	}
	if (leaving === 'half') socket.end();
	if (leaving === 'break') {
		await new Promise<void>((resolve) => socket.write('', () => resolve()));
		socket.destroy();
	}
	const over = new AbortController();
	await Promise.race([closed, pause(realClock, stayMs, over.signal)]);
	over.abort();
	socket.destroy();
	await closed;
	return answer;
}
