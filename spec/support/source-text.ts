/**
 * Source files as the house rules see them: the text, and the text with comments, or comments and
 * the insides of strings, blanked out. Everything keeps its place, so that a finding has a line.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One source file. */
export interface SourceFile {
	/** From the root of the repository, with slashes. */
	readonly path: string;
	readonly text: string;
	/** Without comments. */
	readonly plain: string;
	/** Without comments, and with strings, templates and regular expressions emptied. */
	readonly code: string;
}

type Kind = 'comment' | 'string' | 'regex' | 'template' | 'word' | 'space' | 'mark';

interface Token {
	readonly kind: Kind;
	readonly from: number;
	readonly text: string;
}

/** What a token of each kind looks like; the first that fits is taken. */
const grammar: readonly (readonly [Kind, RegExp])[] = [
	['comment', /\/\/[^\n]*|\/\*[\s\S]*?\*\//y],
	['string', /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y],
	['regex', /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y],
	['template', /[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y],
	['word', /[\w$]+/y],
	['space', /\s+/y],
	['mark', /[\s\S]/y],
];

/** After one of these a slash divides; after anything else it opens a regular expression. */
const endsValue = /[\w$)\]}'"`]$/;
const beforeRegex = /^(?:return|typeof|case|in|of|await|void|do|else|yield)$/;

/** Makes a source file of a text. */
export function sourceFile(path: string, text: string): SourceFile {
	const tokens = tokensOf(text);
	const plain = tokens.map(({ kind, text }) => (kind === 'comment' ? blank(text) : text)).join('');
	const code = tokens.map(emptied).join('');
	return { path, text, plain, code };
}

/** Every source file in these folders of `root`, and those that lie in `root` itself. */
export function sourceFiles(root: string, folders: readonly string[]): readonly SourceFile[] {
	const isSource = (path: string) => /\.[cm]?[jt]sx?$/.test(path);
	const inRoot = readdirSync(root, { withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map(({ name }) => name);
	const below = folders.flatMap((folder) => filesBelow(root, folder));
	return [...inRoot, ...below]
		.filter(isSource)
		.map((path) => sourceFile(path, readFileSync(join(root, path), 'utf8')));
}

/** The line, counted from one, in which a place of the text lies. */
export function lineAt(text: string, place: number): number {
	return text.slice(0, place).split('\n').length;
}

function filesBelow(root: string, folder: string): readonly string[] {
	const entries = readdirSync(join(root, folder), { withFileTypes: true });
	return entries.flatMap((entry) => {
		const path = `${folder}/${entry.name}`;
		if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(root, path);
		return entry.isFile() ? [path] : [];
	});
}

function tokensOf(text: string): readonly Token[] {
	const tokens: Token[] = [];
	/** For each template whose hole is open: how many braces are open within the hole. */
	const holes: number[] = [];
	let value = '';
	for (let at = 0; at < text.length;) {
		const token = tokenAt(text, at, { value, inHole: holes.at(-1) === 0 });
		tokens.push(token);
		at += token.text.length;
		if (token.kind === 'template') noteTemplate(holes, token.text);
		if (token.kind === 'mark') noteBrace(holes, token.text);
		if (token.kind !== 'space' && token.kind !== 'comment') value = token.text;
	}
	return tokens;
}

function tokenAt(text: string, from: number, before: { value: string; inHole: boolean }): Token {
	const { value, inHole } = before;
	const divides = endsValue.test(value) && !beforeRegex.test(value);
	for (const [kind, pattern] of grammar) {
		if (kind === 'regex' && divides) continue;
		if (kind === 'template' && text[from] === '}' && !inHole) continue;
		pattern.lastIndex = from;
		const found = pattern.exec(text)?.[0];
		if (found !== undefined) return { kind, from, text: found };
	}
	throw new Error(`no token at ${from}`);
}

function noteTemplate(holes: number[], text: string): void {
	if (text.startsWith('}')) holes.pop();
	if (text.endsWith('${')) holes.push(0);
}

function noteBrace(holes: number[], text: string): void {
	const change = text === '{' ? 1 : text === '}' ? -1 : 0;
	if (holes.length > 0) holes.push((holes.pop() ?? 0) + change);
}

function emptied({ kind, text }: Token): string {
	if (kind === 'comment' || kind === 'regex') return blank(text);
	if (kind === 'string') return text.slice(0, 1) + blank(text.slice(1, -1)) + text.slice(-1);
	if (kind !== 'template') return text;
	const end = text.endsWith('${') ? 2 : 1;
	return text.slice(0, 1) + blank(text.slice(1, -end)) + text.slice(-end);
}

/** The same length and the same lines, but nothing on them. */
function blank(text: string): string {
	return text.replaceAll(/[^\n]/g, ' ');
}
