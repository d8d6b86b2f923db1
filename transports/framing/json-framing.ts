/**
 * Framing: finds the JSON values in a stream of bytes, and returns each as soon as it is complete.
 *
 * Steward's clients send one JSON array of messages and do not half-close the connection, so the
 * end of a value is where its brackets close. The elements of a top-level array are returned one by
 * one, so that a bad message does not affect the good ones beside it. Objects may also follow one
 * another, separated by newlines, NUL bytes or nothing.
 *
 * A client that waits for an answer must get one even if a bracket or a quote is missing. So a
 * string ends at the end of its line at the latest (JSON has no line breaks in strings), a closing
 * bracket closes what was left open inside it, and input that is no value is skipped up to the next
 * line. The framing only finds the end of a value, in one pass over the bytes; the parser decides
 * whether it is valid JSON.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { columns, meaningOf, meanings, type Meaning } from './byte-class.ts';
import {
	countValue,
	finish,
	forget,
	keep,
	newReading,
	noBytes,
	refuse,
	type Framed,
	type FramingLimits,
	type Reading,
} from './partial-value.ts';

/** The reader that {@link createFraming} makes. */
export interface Framing {
	/** Takes the next bytes. Never throws, and keeps `bytesMax` bytes of them at most. */
	push(chunk: Uint8Array): readonly Framed[];
	/**
	 * Call it at the end of the input: a value that is cut is an error. A second call does nothing.
	 */
	end(): readonly Framed[];
	/** Whether the input so far ends between two values. */
	isBetween(): boolean;
}

/**
 * The states of the reader: between top-level values; in the top-level array, or in a scalar
 * element of it; inside brackets; in a string; behind a backslash; in input that is no value.
 */
const states = {
	between: 0,
	element: columns,
	nested: 2 * columns,
	string: 3 * columns,
	escaped: 4 * columns,
	junk: 5 * columns,
} as const;
type State = keyof typeof states;

type Step = (reading: Reading, at: number) => void;

/** The step for a byte in each state; without one the byte is part of the value being read. */
const table: Readonly<Record<State, { readonly [Key in Meaning]?: Step }>> = {
	between: {
		other: beginJunk,
		quote: beginJunk,
		backslash: beginJunk,
		comma: beginJunk,
		openArray: enterArray,
		openObject: beginObject,
		closeArray: beginJunk,
		closeObject: beginJunk,
	},
	element: {
		quote: beginString,
		comma: endElement,
		openArray: open,
		openObject: open,
		closeArray: leaveArray,
	},
	nested: {
		quote: beginString,
		comma: countValue,
		openArray: open,
		openObject: open,
		closeArray: close,
		closeObject: close,
	},
	string: { quote: endString, backslash: beginEscape, lineEnd: endString },
	escaped: {
		other: endEscape,
		mark: endEscape,
		space: endEscape,
		lineEnd: endString,
		nul: endEscape,
		quote: endEscape,
		backslash: endEscape,
		comma: endEscape,
		openArray: endEscape,
		openObject: endEscape,
		closeArray: endEscape,
		closeObject: endEscape,
	},
	junk: { lineEnd: endJunk, nul: endJunk },
};

/** The table as step numbers, so that a byte costs two look-ups in flat arrays; 0 is no step. */
const stepNumbers = new Uint8Array(6 * columns);
const steps: Step[] = [() => {}];
for (const [state, row] of Object.entries(table)) {
	for (const [meaning, step] of Object.entries(row)) {
		stepNumbers[states[state as State] + meanings[meaning as Meaning]] = steps.push(step) - 1;
	}
}

/** Creates a reader for values within these limits. */
export function createFraming(limits: FramingLimits): Framing {
	const reading = newReading(limits, states.between);
	const takeOut = (): readonly Framed[] => {
		const { out } = reading;
		reading.out = [];
		return out;
	};
	const isBetween = () => reading.state === states.between;

	return {
		push(chunk) {
			reading.chunk = chunk;
			reading.from = 0;
			scan(reading);
			if (!isBetween() && reading.state !== states.junk) keep(reading, chunk.length);
			reading.chunk = noBytes;
			return takeOut();
		},
		end() {
			const isCut = !isBetween() && reading.state !== states.junk;
			reading.state = states.between;
			reading.isInArray = false;
			if (isCut) refuse(reading, new ReeveError('connection_cut'));
			forget(reading);
			return takeOut();
		},
		isBetween,
	};
}

/** The hot loop: a byte costs two look-ups, and a call only if it has a step. */
function scan(reading: Reading): void {
	const { chunk } = reading;
	const meaning = meaningOf;
	const numbers = stepNumbers;
	let { state } = reading;
	for (let at = 0; at < chunk.length; at += 1) {
		const step = numbers[state + (meaning[chunk[at] as number] as number)] as number;
		if (step === 0) continue;
		steps[step]?.(reading, at);
		({ state } = reading);
	}
}

const arrayCloser = 0x5d;

function beginJunk(reading: Reading): void {
	refuse(reading, new ReeveError('bad_json', 'a message is an object, or an array of them'));
	reading.state = states.junk;
}

function endJunk(reading: Reading): void {
	reading.isRefused = false;
	reading.state = states.between;
}

function enterArray(reading: Reading, at: number): void {
	reading.isInArray = true;
	reading.from = at + 1;
	reading.state = states.element;
}

function leaveArray(reading: Reading, at: number): void {
	finish(reading, at);
	reading.isInArray = false;
	reading.out.push({ type: 'array_end' });
	reading.state = states.between;
}

function endElement(reading: Reading, at: number): void {
	finish(reading, at);
	reading.from = at + 1;
}

function beginObject(reading: Reading, at: number): void {
	reading.from = at;
	open(reading, at);
}

function open(reading: Reading, at: number): void {
	const { closers, limits, chunk } = reading;
	reading.depth += 1;
	reading.state = states.nested;
	countValue(reading);
	// In ASCII the code of a closing bracket is that of the opening one plus two.
	if (reading.depth <= limits.depthMax) closers.push((chunk[at] ?? 0) + 2);
	else if (!reading.isRefused) {
		refuse(reading, new ReeveError('bad_json', `nested deeper than ${limits.depthMax}`));
	}
}

/** Closes the nearest bracket of this kind, and what was left open inside it. */
function close(reading: Reading, at: number): void {
	const { closers, chunk, limits } = reading;
	const byte = chunk[at] ?? 0;
	if (reading.depth > limits.depthMax) {
		reading.depth -= 1;
		return;
	}
	const match = closers.lastIndexOf(byte);
	if (match === -1) {
		if (reading.isInArray && byte === arrayCloser) leaveArray(reading, at);
		return;
	}
	closers.length = match;
	reading.depth = match;
	if (match > 0) return;
	reading.state = states.element;
	if (!reading.isInArray) {
		finish(reading, at + 1);
		reading.state = states.between;
	}
}

function beginString(reading: Reading): void {
	reading.state = states.string;
}

function endString(reading: Reading): void {
	reading.state = reading.depth > 0 ? states.nested : states.element;
}

function beginEscape(reading: Reading): void {
	reading.state = states.escaped;
}

function endEscape(reading: Reading): void {
	reading.state = states.string;
}
