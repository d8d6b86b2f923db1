/**
 * YAML, which includes JSON: parses a text with the places of its values, so that an error can name
 * line and column.
 *
 * This file is the door to yaml.
 *
 * @module
 */
import {
	isAlias,
	isCollection,
	isMap,
	isPair,
	isScalar,
	isSeq,
	Lexer,
	LineCounter,
	parseDocument,
	Parser,
	stringify,
} from 'yaml';
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
	/** Whether it may use aliases; by default it may. */
	readonly mayAlias?: boolean;
}

/** A text that was read. */
export interface YamlText {
	readonly document: YamlDocument;
	/** The first error of the text, if any; then the rest of this object is unreliable. */
	readonly problem: { readonly place: TextPlace; readonly text: string } | undefined;
	/** The place of the character at an offset. */
	readonly placeAt: (offset: number) => TextPlace;
}

/** How often a text may use aliases: the whole text is searched for each. */
const aliasesPerText = 100;
/** How many values all aliases of a text may stand for: a small text must not become large. */
const aliasedMax = 10_000;

/**
 * How deep a text may nest. The parser calls itself for each level, and a stack that overflows in a
 * regular expression ends the whole process.
 */
const depthMax = 200;
const tooDeepText = `nested deeper than ${depthMax}`;

/** Parses a text. It never throws for errors in the text. */
export function parseYaml(text: string): YamlText {
	if (isTooDeep(text)) return tooDeep();
	const lines = new LineCounter();
	// Its own search for keys that occur twice takes time that grows with the square of the text.
	const kind = { schema: 'core', resolveKnownTags: false } as const;
	const options = { ...kind, lineCounter: lines, prettyErrors: false, uniqueKeys: false };
	const document = parseDocument(text, options);
	const placeAt = (offset: number): TextPlace => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(1, line), column: Math.max(1, col) };
	};
	const found = documentProblem(document);
	const problem = found && { place: placeAt(found.at), text: found.text };
	return { document, problem, placeAt };
}

/** A problem, and the offset of the character at which it is. */
interface Problem {
	readonly at: number;
	readonly text: string;
}

function documentProblem(document: YamlDocument): Problem | undefined {
	const { errors, warnings, directives, contents } = document;
	// A warning tells of something that is taken otherwise than it is written.
	const [fault] = [...errors, ...warnings];
	if (fault) return { at: fault.pos[0], text: fault.message };
	if (directives?.yaml.version === '1.1') return { at: 0, text: 'only YAML 1.2 is read' };
	return contentProblem(contents);
}

/** A text that is not parsed to its end. */
function tooDeep(): YamlText {
	const place = { line: 1, column: 1 };
	const problem = { place, text: tooDeepText };
	return { document: parseDocument(''), problem, placeAt: () => place };
}

/** Without one of these there is no level; with one there are two at most, as in `[a: b]`. */
const levelSigns = /[-?:](?=\s|$)|[[{]/gm;

/** What the parser has open beside levels: a document, a value, and an end that it waits for. */
const openMax = 5;

/** Whether a text nests too deep for the first stage of the parser, which is no recursion. */
function isTooDeep(text: string): boolean {
	if ((text.match(levelSigns)?.length ?? 0) <= depthMax / 2) return false;
	try {
		const tokens = outermostTokens(text);
		if (!tokens) return true;
		const level = tokens.map((token): [part: unknown, depth: number] => [token, 0]);
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

/**
 * The tokens that are in no other; undefined for a text that has too many levels open at once, of
 * which no more is read: that would be a waste of time, and a recursion of the parser at its end.
 */
function outermostTokens(text: string): readonly unknown[] | undefined {
	const parser = new Parser();
	const tokens: unknown[] = [];
	for (const lexeme of new Lexer().lex(text)) {
		tokens.push(...parser.next(lexeme));
		if (parser.stack.length > depthMax + openMax) return undefined;
	}
	tokens.push(...parser.end());
	return tokens;
}

/** The tokens of the parser that have others in them. */
interface LeveledToken {
	readonly items: readonly { readonly key?: unknown; readonly value?: unknown }[];
	readonly value: unknown;
}

/** How large a part of a text is, aliases included. */
interface Extent {
	/** How many levels it has. */
	readonly levels: number;
	/** How many values. */
	readonly values: number;
}

/** What an alias can stand for. */
interface Anchored {
	readonly node: unknown;
	/** Undefined while the text is still within it. */
	extent?: Extent;
}

const oneValue: Extent = { levels: 0, values: 1 };

/**
 * What is wrong with the parts of a text: aliases that make it too large, or keys that an object of
 * JavaScript cannot hold. It calls itself for each level, of which there are few.
 */
function contentProblem(contents: unknown): Problem | undefined {
	const anchors = new Map<string, Anchored>();
	let problem: Problem | undefined;
	let aliases = 0;
	let aliased = 0;

	const blame = (node: unknown, text: string): void => {
		problem ??= { at: offsetOf(node), text };
	};
	const ofAlias = (alias: unknown, source: string, depth: number): Extent => {
		const target = anchors.get(source);
		const { levels, values } = target?.extent ?? oneValue;
		aliases += 1;
		aliased += values;
		if (!target) blame(alias, `there is no anchor ${source} before this alias`);
		else if (!target.extent) blame(alias, 'this alias stands in what it stands for');
		else if (aliases > aliasesPerText) blame(alias, `more than ${aliasesPerText} aliases`);
		else if (depth + levels > depthMax) blame(alias, tooDeepText);
		else if (aliased > aliasedMax) blame(alias, `aliases for more than ${aliasedMax} values`);
		return { levels, values };
	};
	const checkKey = (key: unknown, keys: Set<string>): void => {
		const node = isAlias(key) ? anchors.get(key.source)?.node : key;
		if (isCollection(node)) return blame(key, 'a key is a text, not a list or a map');
		const name = nameOfKey(node);
		if (name === '__proto__') blame(key, 'no key may be __proto__');
		if (keys.has(name)) blame(key, 'Map keys must be unique');
		keys.add(name);
	};
	const ofParts = (items: readonly unknown[], depth: number): Extent => {
		let [levels, values] = [0, 1];
		const keys = new Set<string>();
		const add = (part: unknown): void => {
			const extent = extentOf(part, depth + 1);
			levels = Math.max(levels, extent.levels + 1);
			values += extent.values;
		};
		for (const item of items) {
			if (!isPair(item)) add(item);
			else {
				add(item.key);
				checkKey(item.key, keys);
				add(item.value);
			}
		}
		return { levels, values };
	};
	const extentOf = (node: unknown, depth: number): Extent => {
		if (isAlias(node)) return ofAlias(node, node.source, depth);
		const { anchor } = Object(node) as { readonly anchor?: string };
		const anchored: Anchored = { node };
		if (anchor !== undefined) anchors.set(anchor, anchored);
		const extent = isCollection(node) ? ofParts(node.items, depth) : oneValue;
		anchored.extent = extent;
		return extent;
	};
	extentOf(contents, 0);
	return problem;
}

/** What a key is called in an object of JavaScript. */
function nameOfKey(key: unknown): string {
	const value = isScalar<string | number | boolean | null>(key) ? key.value : null;
	return value === null ? '' : String(value);
}

/**
 * The value of a text that was read, and has no problem.
 *
 * @throws ReeveError `bad_json` if it uses an alias and may not
 */
export function yamlValue(
	{ document }: Pick<YamlText, 'document'>,
	{ mayAlias = true }: YamlLimits = {},
): unknown {
	try {
		// How much they may stand for was checked before.
		return document.toJS({ maxAliasCount: mayAlias ? -1 : 0 });
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
	const isMeant = (key: unknown) => nameOfKey(key) === String(step);
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
