/**
 * Targets: which nodes a message is for, as people write it.
 *
 * ```
 * ship1                      that node, known or not
 * ship1,ship2  ship1 ship2   both
 * ship*  ship[12]  {a,b}*    known nodes whose names match
 * os=linux and role~db       known nodes whose facts say so; also or, not, != and brackets
 * ship* and not site=oslo    both at once
 * ```
 *
 * `=` compares with a glob; `~` finds one anywhere in the value. A node without the fact has no
 * value, so that `role!=db` is true of it.
 *
 * @module
 */
import { readGlob } from './glob.ts';
import { isName } from './topics.ts';
import { ReeveError } from '../platform/errors.ts';
import type { Facts } from './facts.ts';

/** A node that may be meant. */
export interface Candidate {
	readonly name: string;
	readonly facts?: Facts | undefined;
}

/** Whether a node is meant. */
type Predicate = (node: Candidate) => boolean;

/** A target that has been understood. */
export interface Target {
	/** Names that the target contains as such: these nodes need not be known, they may be away. */
	readonly names: readonly string[];
	/** Whether the target consists of names only, so that presence need not be looked up. */
	readonly isList: boolean;
	readonly matches: Predicate;
}

/** The longest target, in characters, without what `@file` stands for. */
const textLengthMax = 100_000;
/** The most characters of globs in a target, its braces written out. Each node is tested by all. */
const globLengthMax = 10_000;
/** How deep brackets, and `not`, may be inside one another. */
const depthMax = 100;

/**
 * Understands a target.
 *
 * @throws ReeveError `bad_target`, naming the word
 */
export function readTarget(text: string): Target {
	if (text.length > textLengthMax) throw new ReeveError('bad_target', 'it is too long');
	const words = wordsOf(text);
	if (words.length === 0) throw new ReeveError('bad_target', 'it is empty');
	// Names alone are a list; they need no commas, and the nodes need not be known.
	if (words.every((word) => word === ',' || isPlainName(word))) {
		const names = [...new Set(words.filter((word) => word !== ','))];
		const all = new Set(names);
		return { names, isList: true, matches: ({ name }) => all.has(name) };
	}
	const reading: Reading = { words, at: 0, names: [], depth: 0, globLength: 0 };
	const matches = readList(reading);
	if (reading.at < words.length) throw unexpected(words[reading.at]);
	return { names: reading.names, isList: false, matches };
}

/** The nodes that are meant, by name: those that are named, and those of `known` that match. */
export function resolveTarget(target: Target, known: Iterable<Candidate>): readonly string[] {
	const found = new Set(target.names);
	for (const node of known) if (target.matches(node)) found.add(node.name);
	return [...found].toSorted();
}

/**
 * The first nodes of a list: `5`, or `10%` of them, rounded up.
 *
 * @throws ReeveError `bad_target`
 */
export function limited(names: readonly string[], limit: string): readonly string[] {
	const [, digits = '', sign] = /^(\d+)(%)?$/.exec(limit.trim()) ?? [];
	const number = Number(digits);
	if (digits === '' || number === 0 || (sign && number > 100)) {
		throw new ReeveError('bad_target', `limit ${limit}: neither a number nor a percentage`);
	}
	return names.slice(0, sign ? Math.ceil((names.length * number) / 100) : number);
}

interface Reading {
	readonly words: readonly string[];
	at: number;
	/** Plain names outside of any condition. */
	readonly names: string[];
	/** Of brackets and `not` that are open. */
	depth: number;
	globLength: number;
}

/** Operators, brackets, commas outside of braces, quoted values, and the rest up to a blank. */
const pattern = /\s*(?:([(),]|!=|[=~])|"([^"]*)"|((?:\{[^{}]*\}|[^\s(),=~!"{}]|!(?!=))+))/y;
const operators = new Set(['=', '!=', '~']);
const keywords = new Set(['and', 'or', 'not']);

function wordsOf(text: string): string[] {
	const words: string[] = [];
	pattern.lastIndex = 0;
	const end = text.trimEnd().length;
	while (pattern.lastIndex < end) {
		const from = pattern.lastIndex;
		const found = pattern.exec(text);
		if (!found) throw unexpected(text.slice(from, from + 20).trim());
		words.push(found[1] ?? found[2] ?? found[3] ?? '');
	}
	return words;
}

function isPlainName(word: string): boolean {
	return isName(word) && !keywords.has(word);
}

/** A list of conditions: any of them. */
function readList(reading: Reading): Predicate {
	const any: Predicate[] = [readAny(reading, true)];
	while (reading.words[reading.at] === ',') {
		reading.at += 1;
		any.push(readAny(reading, true));
	}
	return (node) => any.some((matches) => matches(node));
}

function readAny(reading: Reading, isTop: boolean): Predicate {
	const any: Predicate[] = [readAll(reading, isTop)];
	while (reading.words[reading.at] === 'or') {
		reading.at += 1;
		any.push(readAll(reading, isTop));
	}
	return (node) => any.some((matches) => matches(node));
}

function readAll(reading: Reading, isTop: boolean): Predicate {
	const from = reading.at;
	const all: Predicate[] = [readOne(reading)];
	while (reading.words[reading.at] === 'and') {
		reading.at += 1;
		all.push(readOne(reading));
	}
	const [word = ''] = reading.words.slice(from, reading.at);
	const isAlone = reading.at - from === 1;
	if (isTop && isAlone && isPlainName(word)) reading.names.push(word);
	return (node) => all.every((matches) => matches(node));
}

function readOne(reading: Reading): Predicate {
	const word = next(reading);
	if (word === 'not' || word === '(') {
		reading.depth += 1;
		if (reading.depth > depthMax) throw new ReeveError('bad_target', 'it is nested too deeply');
		const matches = word === 'not' ? readNot(reading) : readBrackets(reading);
		reading.depth -= 1;
		return matches;
	}
	const operator = reading.words[reading.at] ?? '';
	if (!operators.has(operator)) return ofName(word, reading);
	reading.at += 1;
	return ofFact(word, operator, reading);
}

function readNot(reading: Reading): Predicate {
	const matches = readOne(reading);
	return (node) => !matches(node);
}

function readBrackets(reading: Reading): Predicate {
	const matches = readAny(reading, false);
	const closing = next(reading);
	if (closing !== ')') throw unexpected(closing);
	return matches;
}

function next(reading: Reading): string {
	const word = reading.words[reading.at];
	reading.at += 1;
	if (word === undefined) throw new ReeveError('bad_target', 'something is missing at its end');
	return word;
}

function ofName(word: string, reading: Reading): Predicate {
	if (!/^(?!!)[\w.*?[\]{},!^-]+$/.test(word) || keywords.has(word)) throw unexpected(word);
	const matches = globOf(word, reading);
	return ({ name }) => matches(name);
}

function ofFact(fact: string, operator: string, reading: Reading): Predicate {
	const value = next(reading);
	if (!/^[\w.-]+$/.test(fact)) throw unexpected(fact);
	const matches = globOf(operator === '~' ? `*${value}*` : value, reading);
	const isEqual: Predicate = ({ facts = {} }) => {
		const known = Object.hasOwn(facts, fact) ? facts[fact] : undefined;
		return known !== undefined && matches(known);
	};
	return operator === '!=' ? (node) => !isEqual(node) : isEqual;
}

function globOf(text: string, reading: Reading): (text: string) => boolean {
	if (isName(text)) return (given) => given === text;
	const { size, matches } = readGlob(text);
	reading.globLength += size;
	if (reading.globLength <= globLengthMax) return matches;
	throw new ReeveError('bad_target', `its globs have more than ${globLengthMax} characters`);
}

function unexpected(word = ''): ReeveError {
	return new ReeveError('bad_target', `${JSON.stringify(word)} is not understood there`);
}
