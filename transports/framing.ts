/**
 * Framing: a stream of bytes in, the JSON values in it out, as soon as each is complete.
 *
 * Steward's clients send one JSON array of messages and do not half-close the connection, so the end of
 * a value is where its brackets close. The elements of a top-level array are handed out one by one, so
 * that one bad message does not cost the good ones beside it. Objects may also follow one another,
 * with or without newlines.
 *
 * @module
 */
import { ReeveError } from '../runtime/errors.ts';

/** What a piece of input held. */
export type Framed =
	| { readonly type: 'value'; readonly value: unknown }
	/** A top-level array was closed: steward's clients wait for the end of the connection now. */
	| { readonly type: 'array_end' }
	| { readonly type: 'error'; readonly error: ReeveError };

/** The reader that {@link createFraming} makes. */
export interface Framing {
	/** Takes the next bytes. After a syntax error nothing more can be understood. */
	push(chunk: Uint8Array): readonly Framed[];
	/** To be called at the end of the input: a value that is cut is an error. */
	end(): readonly Framed[];
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);
const arrayOpener = 0x5b;
const arrayCloser = 0x5d;
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d, 0x00]);

/** Creates a reader for values of at most `bytesMax` bytes each. */
export function createFraming(bytesMax: number): Framing {
	let kept: Uint8Array[] = [];
	let keptBytes = 0;
	/** Depth of brackets; 1 is inside the top-level value, or its element in an array. */
	let depth = 0;
	let inArray = false;
	let inString = false;
	let escaped = false;
	let isBroken = false;
	let isTooLarge = false;

	const finish = (out: Framed[]): void => {
		const bytes = Buffer.concat(kept);
		kept = [];
		keptBytes = 0;
		if (isTooLarge) {
			isTooLarge = false;
			const error = new ReeveError('too_large', `more than ${bytesMax} bytes`);
			out.push({ type: 'error', error });
			return;
		}
		const text = bytes.toString('utf8').trim();
		if (text === '') return;
		try {
			out.push({ type: 'value', value: JSON.parse(text) });
		} catch (cause) {
			const detail = cause instanceof Error ? cause.message : String(cause);
			isBroken = !inArray;
			out.push({ type: 'error', error: new ReeveError('bad_json', detail, { cause }) });
		}
	};
	const keep = (piece: Uint8Array): void => {
		keptBytes += piece.byteLength;
		if (keptBytes > bytesMax) {
			isTooLarge = true;
			kept = [];
		} else if (!isTooLarge && piece.byteLength > 0) kept.push(piece);
	};

	return {
		push(chunk) {
			const out: Framed[] = [];
			let from = 0;
			const cut = (to: number) => {
				keep(chunk.subarray(from, to));
				from = to;
			};
			for (let at = 0; at < chunk.length && !isBroken; at += 1) {
				const byte = chunk[at] ?? 0;
				if (inString) {
					if (escaped) escaped = false;
					else if (byte === backslash) escaped = true;
					else if (byte === quote) inString = false;
				} else if (byte === quote) inString = true;
				else if (openers.has(byte)) {
					if (depth === 0 && !inArray && byte === arrayOpener) {
						inArray = true;
						from = at + 1;
					} else {
						if (depth === 0 && !inArray) from = at;
						depth += 1;
					}
				} else if (closers.has(byte)) {
					if (depth > 0) {
						depth -= 1;
						if (depth === 0 && !inArray) {
							cut(at + 1);
							finish(out);
						}
					} else if (inArray && byte === arrayCloser) {
						cut(at);
						finish(out);
						from = at + 1;
						inArray = false;
						out.push({ type: 'array_end' });
					}
				} else if (byte === comma && depth === 0 && inArray) {
					cut(at);
					finish(out);
					from = at + 1;
				} else if (depth === 0 && !inArray && !spaces.has(byte)) {
					isBroken = true;
					const error = new ReeveError('bad_json', 'a message is an object, or an array of them');
					out.push({ type: 'error', error });
				}
			}
			if ((depth > 0 || inArray) && !isBroken) keep(chunk.subarray(from));
			return out;
		},
		end() {
			const isCut = (depth > 0 || inArray || inString) && !isBroken;
			return isCut ? [{ type: 'error', error: new ReeveError('connection_cut') }] : [];
		},
	};
}
