/**
 * Mutations of bytes: what a bad disk, a cut connection or a careless program makes of an input
 * that was right.
 *
 * @module
 */
import { few, type Chance } from './chance.ts';

/** The most bytes that a mutation adds: beyond it an input is about its size, see `sized.ts`. */
const addedMax = 4096;

/** Bytes and texts that parsers treat in ways of their own. */
const tokens: readonly Uint8Array[] = [
	'\0',
	'\n',
	'\r\n',
	'\r\n\r\n',
	'\t',
	'\ufeff',
	'\u2028',
	'\u0085',
	'\ufffe',
	'"',
	'\\',
	'\\"',
	'\\u0000',
	'\\ud800',
	'{',
	'}',
	'[',
	']',
	',',
	':',
	'[[[[[[[[',
	'{"a":',
	'null',
	'true',
	'-0',
	'1e999',
	'-1',
	'9007199254740993',
	'0x7fffffff',
	'__proto__',
	'constructor',
	'toString',
	'%00',
	'%',
	'../',
	'/',
	'#',
	'+',
	'$',
	'*',
	'&a ',
	'*a',
	'!!binary ',
	'!!map ',
	'<<: ',
	'? ',
	'- ',
	'---\n',
	'...\n',
	'%YAML 1.1\n',
	'|\n',
	'>-\n',
	'${',
	'=',
	"'",
	'`',
	'\u202e',
	'é',
	'👍🏽',
].map((text) => Buffer.from(text));
const rawTokens = ['ff', 'fe', 'c0', 'c080', 'eda080', 'f8', '80', 'c1', 'ffffffff7f', '7f'];
for (const hex of rawTokens) (tokens as Uint8Array[]).push(Buffer.from(hex, 'hex'));

type Mutation = (bytes: Uint8Array, chance: Chance) => Uint8Array;

const join = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

/** A part of the bytes, as where it begins and ends. */
function stretch(bytes: Uint8Array, chance: Chance, max = bytes.length): readonly [number, number] {
	const from = chance.below(bytes.length + 1);
	const length = chance.below(Math.min(max, bytes.length - from) + 1);
	return [from, from + length];
}

const mutations: readonly Mutation[] = [
	/** One bit is another. */
	(bytes, chance) => {
		if (bytes.length === 0) return bytes;
		const changed = Uint8Array.from(bytes);
		const at = chance.below(bytes.length);
		changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
		return changed;
	},
	/** One byte is any other. */
	(bytes, chance) => {
		if (bytes.length === 0) return bytes;
		const changed = Uint8Array.from(bytes);
		changed[chance.below(bytes.length)] = chance.below(256);
		return changed;
	},
	/** The end is missing. */
	(bytes, chance) => bytes.subarray(0, chance.below(bytes.length + 1)),
	/** The beginning is missing. */
	(bytes, chance) => bytes.subarray(chance.below(bytes.length + 1)),
	/** A part is missing. */
	(bytes, chance) => {
		const [from, to] = stretch(bytes, chance);
		return join(bytes.subarray(0, from), bytes.subarray(to));
	},
	/** A part is there again, perhaps many times. */
	(bytes, chance) => {
		const [from, to] = stretch(bytes, chance, 200);
		const part = bytes.subarray(from, to);
		const times = chance.happens(0.8) ? 1 : Math.floor(addedMax / Math.max(1, part.length));
		const again = Array.from({ length: times }, () => part);
		return join(bytes.subarray(0, to), ...again, bytes.subarray(to));
	},
	/** A part stands elsewhere. */
	(bytes, chance) => {
		const [from, to] = stretch(bytes, chance);
		const rest = join(bytes.subarray(0, from), bytes.subarray(to));
		const at = chance.below(rest.length + 1);
		return join(rest.subarray(0, at), bytes.subarray(from, to), rest.subarray(at));
	},
	/** A word that parsers know stands in it, or in the place of a part. */
	(bytes, chance) => {
		const [from, to] = stretch(bytes, chance, 8);
		const end = chance.happens(0.5) ? to : from;
		return join(bytes.subarray(0, from), chance.pick(tokens), bytes.subarray(end));
	},
	/** Such a word comes many times. */
	(bytes, chance) => {
		const token = chance.pick(tokens);
		const times = chance.below(Math.floor(addedMax / token.length));
		const at = chance.below(bytes.length + 1);
		const all = Array.from({ length: times }, () => token);
		return join(bytes.subarray(0, at), ...all, bytes.subarray(at));
	},
	/** Noise. */
	(bytes, chance) => {
		const at = chance.below(bytes.length + 1);
		return join(bytes.subarray(0, at), chance.bytes(chance.below(40)), bytes.subarray(at));
	},
	/** A number is another. */
	(bytes, chance) => {
		const text = Buffer.from(bytes).toString('latin1');
		const numbers = [...text.matchAll(/\d+/g)];
		if (numbers.length === 0) return bytes;
		const { index, 0: digits } = chance.pick(numbers);
		const other = chance.pick(['0', '-1', '1e9', '4294967296', '9'.repeat(400), '1.5', '', '00']);
		return Buffer.from(text.slice(0, index) + other + text.slice(index + digits.length), 'latin1');
	},
];

/** The bytes after one or more mutations. */
export function mutated(bytes: Uint8Array, chance: Chance): Uint8Array {
	let changed = bytes;
	for (let left = few(chance, 5); left > 0; left -= 1) {
		changed = chance.pick(mutations)(changed, chance);
	}
	return changed;
}

/** The beginning of one input, and the end of another. */
export function spliced(one: Uint8Array, other: Uint8Array, chance: Chance): Uint8Array {
	const head = one.subarray(0, chance.below(one.length + 1));
	return join(head, other.subarray(chance.below(other.length + 1)));
}
