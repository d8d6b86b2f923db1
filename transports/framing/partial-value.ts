/**
 * The value that a framing is reading: its bytes from earlier chunks, and its limits.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { readJson } from '../../runtime/text/lenient-json.ts';

/** A result of the framing. */
export type Framed =
	| { readonly type: 'value'; readonly value: unknown }
	/** A top-level array was closed: steward's clients now wait for the end of the connection. */
	| { readonly type: 'array_end' }
	| { readonly type: 'error'; readonly error: ReeveError };

/** The limits of one value. */
export interface FramingLimits {
	readonly bytesMax: number;
	/** How deep brackets may nest, without those of the top-level array. */
	readonly depthMax: number;
	/**
	 * How many values it may hold, itself included: an object of many fields takes much longer to
	 * parse than a text of the same bytes.
	 */
	readonly valuesMax: number;
}

/** The state of one reader. */
export interface Reading {
	readonly limits: FramingLimits;
	/** One of the states of `json-framing.ts`. */
	state: number;
	chunk: Uint8Array;
	/** Where the value that is being read begins in the chunk. */
	from: number;
	/** Its bytes from earlier chunks. */
	kept: Buffer;
	keptBytes: number;
	/** The closing brackets that the open ones need, up to `depthMax`. */
	readonly closers: number[];
	depth: number;
	/** How many values have begun, as far as commas and brackets tell. */
	values: number;
	isInArray: boolean;
	/** Whether the value has been refused already, so that only its end is searched. */
	isRefused: boolean;
	out: Framed[];
}

/** No bytes. */
export const noBytes = Buffer.alloc(0);

/** A reader's state before the first byte. */
export function newReading(limits: FramingLimits, state: number): Reading {
	return {
		limits,
		state,
		chunk: noBytes,
		from: 0,
		kept: noBytes,
		keptBytes: 0,
		closers: [],
		depth: 0,
		values: 1,
		isInArray: false,
		isRefused: false,
		out: [],
	};
}

/** Parses and returns the value that ends before `to`. */
export function finish(reading: Reading, to: number): void {
	const { chunk, from, out } = reading;
	const { bytesMax } = reading.limits;
	if (reading.keptBytes > 0) keep(reading, to);
	else if (to - from > bytesMax) refuseSize(reading);
	if (!reading.isRefused) {
		const read =
			reading.keptBytes > 0
				? readJson(reading.kept.subarray(0, reading.keptBytes))
				: readJson(chunk.subarray(from, to));
		if (read) out.push(read);
	}
	forget(reading);
}

/** Copies the value's bytes up to `to` out of the chunk, which is not kept. */
export function keep(reading: Reading, to: number): void {
	const { chunk, from, keptBytes, limits } = reading;
	const wanted = keptBytes + to - from;
	if (wanted > limits.bytesMax) refuseSize(reading);
	if (reading.isRefused || to <= from) return;
	if (wanted > reading.kept.length) {
		const larger = Buffer.allocUnsafe(Math.max(1024, Math.min(2 * wanted, limits.bytesMax)));
		reading.kept.copy(larger, 0, 0, keptBytes);
		reading.kept = larger;
	}
	reading.kept.set(chunk.subarray(from, to), keptBytes);
	reading.keptBytes = wanted;
}

function refuseSize(reading: Reading): void {
	refuse(reading, new ReeveError('too_large', `more than ${reading.limits.bytesMax} bytes`));
}

/** Refuses the present value, once; its end is still searched. */
export function refuse(reading: Reading, error: ReeveError): void {
	if (!reading.isRefused) reading.out.push({ type: 'error', error });
	reading.isRefused = true;
	reading.kept = noBytes;
	reading.keptBytes = 0;
}

/** Counts one more value in the present one. */
export function countValue(reading: Reading): void {
	const { valuesMax } = reading.limits;
	reading.values += 1;
	// An error for each value beyond the limit would cost more than to parse them.
	if (reading.values <= valuesMax || reading.isRefused) return;
	refuse(
		reading,
		new ReeveError('too_large', `more than ${valuesMax} values; see messageValuesMax`),
	);
}

/** Resets the reading for the next value. */
export function forget(reading: Reading): void {
	reading.isRefused = false;
	reading.kept = noBytes;
	reading.keptBytes = 0;
	reading.closers.length = 0;
	reading.depth = 0;
	reading.values = 1;
}
