/**
 * Inputs about a named limit: bytes, depth or values, just below it, at it and just above it, each
 * filled with what is the most work to parse.
 *
 * @module
 */
import type { Chance } from './chance.ts';

/** The limits that are aimed at. */
export interface SizeLimits {
	readonly bytesMax: number;
	readonly depthMax: number;
	readonly valuesMax: number;
}

/** So many bytes of JSON, of one kind each. */
const fillers: readonly ((bytes: number) => string)[] = [
	(bytes) => `{"toNode":"central","method":"REQPing","data":"${'x'.repeat(bytes)}`,
	(bytes) => `{"toNode":"central","method":"REQPing","data":"${'\\u0041'.repeat(bytes / 6)}`,
	(bytes) => `{"toNode":"central","method":"REQPing","note":"${'"'.repeat(bytes)}`,
	(bytes) => `[${'1,'.repeat(bytes / 2)}`,
	(bytes) => `[${'{},'.repeat(bytes / 3)}`,
	(bytes) => `[${'[],'.repeat(bytes / 3)}`,
	(bytes) => `{"a":[${'"",'.repeat(bytes / 3)}`,
	(bytes) => `{${Array.from({ length: bytes / 12 }, (_, at) => `"k${at}":1`).join(',')}`,
	(bytes) => `{${'"a":1,'.repeat(bytes / 6)}`,
	(bytes) => `{"methodArgs":[${'"a",'.repeat(bytes / 4)}`,
	(bytes) => `{"toNodes":[${Array.from({ length: bytes / 9 }, (_, at) => `"n${at}"`).join(',')}`,
	(bytes) => '['.repeat(bytes),
	(bytes) => '{"a":'.repeat(bytes / 5),
	(bytes) => ' '.repeat(bytes),
	(bytes) => ','.repeat(bytes),
	(bytes) => '\n'.repeat(bytes),
	(bytes) => ']'.repeat(bytes),
	(bytes) => `[${'1'.repeat(bytes)}`,
	(bytes) => `{"a":"${'\\'.repeat(bytes)}`,
	(bytes) => `{"a":${'1e5,'.repeat(bytes / 4)}`,
	(bytes) => `[${'{"toNode":"central","method":"REQPing"},'.repeat(bytes / 41)}`,
	(bytes) => `[${'{"toNode":"central","method":"REQNone"}\n'.repeat(bytes / 41)}`,
];

/** Closes what JSON has left open, as far as that can be seen at its beginning. */
const closers = ['"}', '}', ']', ']}', '', '1]', '}]'];

/** Bytes of a size about the limit, or with a depth or a number of values about it. */
export function sizedBytes(chance: Chance, limits: SizeLimits): Uint8Array {
	const about = (limit: number): number => Math.max(1, limit + chance.pick([-1, 0, 1, -300, 300]));
	switch (chance.below(4)) {
		case 0: {
			const depth = about(limits.depthMax);
			const [open, close] = chance.pick([
				['[', ']'],
				['{"a":', '}'],
			] as const);
			return Buffer.from(`${open.repeat(depth)}1${close.repeat(depth)}`);
		}
		case 1: {
			const values = about(limits.valuesMax);
			return Buffer.from(
				`{"toNode":"central","method":"REQPing","data":[${'"",'.repeat(values)}""]}`,
			);
		}
		default: {
			const bytes = about(limits.bytesMax);
			const close = chance.pick(closers);
			const text = chance
				.pick(fillers)(bytes)
				.slice(0, Math.max(0, bytes - close.length));
			return Buffer.from(text.replace(/,$/, ' ') + close);
		}
	}
}
