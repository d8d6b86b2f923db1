/**
 * YAML, which includes JSON: parses a text with the places of its values, so that an error can name
 * line and column.
 *
 * This file is the door to yaml.
 *
 * @module
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, Parser, stringify } from 'yaml';
import { asReeveError, ReeveError } from '../platform/errors.ts';

/** A place in a text; both numbers count from 1. */
export interface TextPlace {
	readonly line: number;
	readonly column: number;
}

/** A document as yaml has read it. */
export type YamlDocument = ReturnType<typeof parseDocument>;

/** What a text may do. */
export interface YamlLimits {
	/** How often it may use aliases. */
	readonly aliasesMax?: number;
}

/** A text that was read. */
export interface YamlText {
	readonly document: YamlDocument;
	/** The first error of the text, if any; then the rest of this object is unreliable. */
	readonly problem: { readonly place: TextPlace; readonly text: string } | undefined;
	/** The place of the character at an offset. */
	readonly placeAt: (offset: number) => TextPlace;
}

/** How often a text may use aliases, so that a small text cannot expand without limit. */
const defaultAliasesMax = 100;

/**
 * How deep a text may nest. The parser calls itself for each level, and a stack that overflows in a
 * regular expression ends the whole process.
 */
const depthMax = 200;

/** Parses a text. It never throws for errors in the text. */
export function parseYaml(text: string): YamlText {
	if (isTooDeep(text)) return tooDeep();
	const lines = new LineCounter();
	// Its own search for keys that occur twice takes time that grows with the square of the text.
	const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
	const document = parseDocument(text, options);
	const placeAt = (offset: number): TextPlace => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(1, line), column: Math.max(1, col) };
	};
	const [error] = document.errors;
	const found = error ? { at: error.pos[0], text: error.message } : keyProblem(document.contents);
	const problem = found && { place: placeAt(found.at), text: found.text };
	return { document, problem, placeAt };
}

/** A text that is not parsed to its end. */
function tooDeep(): YamlText {
	const place = { line: 1, column: 1 };
	const problem = { place, text: `nested deeper than ${depthMax}` };
	return { document: parseDocument(''), problem, placeAt: () => place };
}

/** Without one of these there is no level; with one there are two at most, as in `[a: b]`. */
const levelSigns = /[-?:](?=\s|$)|[[{]/gm;

/** Whether a text nests too deep for the first stage of the parser, which is no recursion. */
function isTooDeep(text: string): boolean {
	if ((text.match(levelSigns)?.length ?? 0) <= depthMax / 2) return false;
	try {
		const level: [part: unknown, depth: number][] = [];
		for (const token of new Parser().parse(text)) level.push([token, 0]);
		for (let next = level.pop(); next; next = level.pop()) {
			const [part, depth] = next;
			if (depth > depthMax) return true;
			const { items = [], value } = Object(part) as Partial<LeveledToken>;
			for (const item of items) level.push([item.key, depth + 1], [item.value, depth + 1]);
			if (typeof value === 'object') level.push([value, depth]);
		}
		return false;
	} catch {
		// Levels that end at once are a recursion of that stage, too.
		return true;
	}
}

/** The tokens of the parser that have others in them. */
interface LeveledToken {
	readonly items: readonly { readonly key?: unknown; readonly value?: unknown }[];
	readonly value: unknown;
}

/** The first key that occurs twice in one map, or that an object of JavaScript cannot hold. */
function keyProblem(contents: unknown): { readonly at: number; readonly text: string } | undefined {
	const nodes = [contents];
	for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
		if (isSeq(node)) nodes.push(...node.items);
		if (!isMap(node)) continue;
		const keys = new Set<unknown>();
		for (const { key, value } of node.items) {
			const name = isScalar(key) ? String(key.value) : key;
			if (name === '__proto__') return { at: offsetOf(key), text: 'no key may be __proto__' };
			if (keys.has(name)) return { at: offsetOf(key), text: 'Map keys must be unique' };
			keys.add(name);
			nodes.push(key, value);
		}
	}
	return undefined;
}

/**
 * The value of a text that was read.
 *
 * @throws ReeveError `bad_json` if its aliases expand too far
 */
export function yamlValue(
	{ document }: Pick<YamlText, 'document'>,
	{ aliasesMax = defaultAliasesMax }: YamlLimits = {},
): unknown {
	try {
		return document.toJS({ maxAliasCount: aliasesMax });
	} catch (thrown) {
		throw asReeveError(thrown, 'bad_json');
	}
}

/**
 * The value in a piece of YAML text; undefined if there is none.
 *
 * @throws ReeveError `bad_json`, naming the line
 */
export function readYaml(text: string, limits?: YamlLimits): unknown {
	const parsed = parseYaml(text);
	const { problem } = parsed;
	if (!problem) return yamlValue(parsed, limits);
	throw new ReeveError('bad_json', `line ${problem.place.line}: ${problem.text}`);
}

/** Any value as a YAML document. */
export function yamlText(value: unknown): string {
	return stringify(value, { lineWidth: 0 });
}

/** Whether a document is a map in block style, or empty. */
export function isLineMap({ contents }: YamlDocument): boolean {
	return contents === null || (isMap(contents) && contents.flow !== true);
}

/** Where a key of the outermost map stands in the text. */
export function keyOffset({ contents }: YamlDocument, key: string): number | undefined {
	if (!isMap(contents)) return undefined;
	const pair = contents.items.find(({ key: at }) => isScalar(at) && at.value === key);
	return isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
}

/** Where the value of a key of the outermost map stands in the text, if it is a plain one. */
export function valueRange(document: YamlDocument, key: string): [number, number] | undefined {
	const node = document.get(key, true);
	if (!isScalar(node) || !node.range) return undefined;
	return [node.range[0], node.range[1]];
}

/** Which part of an entry is meant. */
export type EntryPart = 'key' | 'value';

/**
 * Where the entry at a path begins, or the nearest one above it that there is. `inside` counts
 * characters of a text into it, as far as it is written in one line.
 */
export function placeOfPath(
	{ document, placeAt }: YamlText,
	path: readonly PropertyKey[],
	{ part = 'value', inside = 0 }: { readonly part?: EntryPart; readonly inside?: number } = {},
): TextPlace {
	let entry: Entry = { key: document.contents, value: document.contents };
	let isWhole = true;
	for (const step of path) {
		const next = entryOf(entry.value, step);
		isWhole = next !== undefined;
		if (!next) break;
		entry = next;
	}
	const found = part === 'key' || !isWhole ? entry.key : entry.value;
	return placeAt(offsetOf(found) + (inside > 0 ? offsetInside(found, inside) : 0));
}

interface Entry {
	readonly key: unknown;
	readonly value: unknown;
}

/** An entry of a map or a list; undefined if there is none. */
function entryOf(node: unknown, step: PropertyKey): Entry | undefined {
	if (isSeq(node)) {
		const item = node.items[Number(step)];
		return item === undefined ? undefined : { key: item, value: item };
	}
	if (!isMap(node)) return undefined;
	const isMeant = (key: unknown) => isScalar(key) && String(key.value) === String(step);
	const pair = node.items.find(({ key }) => isMeant(key));
	return pair && { key: pair.key, value: pair.value ?? pair.key };
}

function offsetOf(node: unknown): number {
	const range: unknown = Reflect.get(Object(node), 'range');
	return Array.isArray(range) ? Number(range[0]) : 0;
}

/** How far a character of a text is from where the text begins; lines are not looked into. */
function offsetInside(node: unknown, inside: number): number {
	if (!isScalar(node) || typeof node.value !== 'string' || node.value.includes('\n')) return 0;
	return inside + (node.type?.startsWith('QUOTE_') ? 1 : 0);
}
