/**
 * Globs: what people write for names and values that begin, end or look alike.
 *
 * ```
 * *          any text, also none          ?          any character
 * [a-c1]     one of these                 [!a-c1]    any other one; [^a-c1] as well
 * {a,b}      either; may hold others      {1..12}    these numbers
 * \*         the star itself
 * ```
 *
 * A glob takes at most its own length times that of the text: it goes back to its last star, and
 * never further. Libraries make regular expressions of globs, and `*a*a*a*a*a*a*b` takes those
 * seconds for a name of sixty characters.
 *
 * @module
 */
import { ReeveError } from '../platform/errors.ts';

/** A glob that was understood. */
export interface Glob {
	/** What a test costs at the most, for each character of its text. */
	readonly size: number;
	readonly matches: (text: string) => boolean;
}

/** The longest glob, in characters. */
const lengthMax = 1000;
/** The most texts that its braces may stand for. */
const alternativesMax = 200;

/**
 * Understands a glob.
 *
 * @throws ReeveError `bad_target`
 */
export function readGlob(text: string): Glob {
	if (text.length > lengthMax) throw refused(text, `it is longer than ${lengthMax} characters`);
	const alternatives = alternativesOf(text).map(partsOf);
	return {
		size: alternatives.reduce((sum, parts) => sum + parts.length, 1),
		matches: (given) => alternatives.some((parts) => isMatch(parts, given)),
	};
}

function refused(text: string, why: string): ReeveError {
	return new ReeveError('bad_target', `${JSON.stringify(text.slice(0, 40))}: ${why}`);
}

/** The globs without braces that a glob with braces stands for. */
function alternativesOf(text: string): readonly string[] {
	const group = groupOf(text);
	if (!group) return [text];
	const heads = group.options.flatMap(alternativesOf);
	const tails = alternativesOf(group.after);
	if (heads.length * tails.length > alternativesMax) {
		throw refused(text, `its braces stand for more than ${alternativesMax} texts`);
	}
	return heads.flatMap((head) => tails.map((tail) => group.before + head + tail));
}

interface Group {
	readonly before: string;
	readonly options: readonly string[];
	readonly after: string;
}

/** The first pair of braces that holds more than one text. Others stand for themselves. */
function groupOf(text: string): Group | undefined {
	for (let at = 0; at < text.length; at = next(text, at)) {
		if (text[at] !== '{') continue;
		const commas: number[] = [];
		const end = endOf(text, at, commas);
		if (end === undefined) continue;
		const edges = [at, ...commas, end];
		const options = edges.slice(1).map((edge, index) => text.slice((edges[index] ?? 0) + 1, edge));
		const found = options.length > 1 ? options : rangeOf(options[0] ?? '');
		if (found) return { before: text.slice(0, at), options: found, after: text.slice(end + 1) };
	}
	return undefined;
}

/** Where braces that are opened at a place are closed. The commas between them are added. */
function endOf(text: string, from: number, commas: number[]): number | undefined {
	let depth = 0;
	for (let at = from; at < text.length; at = next(text, at)) {
		if (text[at] === '{') depth += 1;
		else if (text[at] === ',' && depth === 1) commas.push(at);
		else if (text[at] === '}') {
			depth -= 1;
			if (depth === 0) return at;
		}
	}
	return undefined;
}

/** The character after a character, or after one with a backslash. */
function next(text: string, at: number): number {
	return at + (text[at] === '\\' ? 2 : 1);
}

function rangeOf(text: string): readonly string[] | undefined {
	const [, first, last] = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text) ?? [];
	if (first === undefined || last === undefined) return undefined;
	const [low, high] = [Number(first), Number(last)].toSorted((one, other) => one - other);
	const length = (high ?? 0) - (low ?? 0) + 1;
	if (length > alternativesMax) {
		throw refused(text, `it stands for more than ${alternativesMax} texts`);
	}
	return Array.from({ length }, (_, index) => String((low ?? 0) + index));
}

/** A star, or what one character has to be. */
type Part = '*' | ((letter: string) => boolean);

/** A class, a character with a backslash, stars, or any one character. */
const token = /\[([!^]?)(\]?[^\]]*)\]|\\([^])|\*+|[^]/gu;

function partsOf(text: string): readonly Part[] {
	return [...text.matchAll(token)].map(([found, not, letters, escaped]): Part => {
		if (letters) return classOf(letters, not !== '');
		if (found.startsWith('*')) return '*';
		if (found === '?') return () => true;
		const own = escaped ?? found;
		return (letter) => letter === own;
	});
}

function classOf(letters: string, isOther: boolean): Part {
	const ranges = [...letters.matchAll(/([^])-([^])|[^]/gu)].map(([one, from = one, to = one]) => ({
		from,
		to,
	}));
	return (letter) => ranges.some(({ from, to }) => letter >= from && letter <= to) !== isOther;
}

function isMatch(parts: readonly Part[], text: string): boolean {
	const letters = Array.from(text);
	let part = 0;
	let at = 0;
	/** Where the last star is, and which character is the first that it leaves to others. */
	let star = -1;
	let resume = 0;
	while (at < letters.length) {
		const now = parts[part];
		if (now === '*') {
			star = part;
			resume = at;
			part += 1;
		} else if (now?.(letters[at] ?? '')) {
			part += 1;
			at += 1;
		} else if (star >= 0) {
			resume += 1;
			at = resume;
			part = star + 1;
		} else return false;
	}
	while (parts[part] === '*') part += 1;
	return part === parts.length;
}
