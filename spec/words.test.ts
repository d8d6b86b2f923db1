/**
 * The vocabulary: words of our own that gave way to words of the field, and where they are looked
 * for. A word may stay where it has another, ordinary meaning; the table says where, and why.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../runtime/config/config.ts';
import { tableNames } from '../runtime/journal/schema.ts';
import { errorTable } from '../runtime/platform/errors.ts';
import { sourceFiles, type SourceFile } from './support/source-text.ts';

interface Word {
	/** The word, or several forms of it, as a pattern of whole words in lower case. */
	readonly word: string;
	readonly say: string;
	/**
	 * `everywhere`: in names and in prose. `names`: only in names, because the word is ordinary
	 * English.
	 */
	readonly where: 'everywhere' | 'names';
	/** What may stay, each with the reason. Camel case and hyphens are spaces here. */
	readonly stays?: readonly (readonly [pattern: RegExp, reason: string])[];
}

const everywhere = 'everywhere';
const names = 'names';

const vocabulary: readonly Word[] = [
	{ word: 'books|book entry', say: 'ledger, ledger entry', where: everywhere },
	{ word: 'entries', say: 'ledger cache', where: names },
	{
		word: 'life|lives',
		say: 'history (of a message); start, run or epoch (of a process)',
		where: names,
	},
	{
		word: '(?:its|whole|the|one|a|former|earlier|later) life|life of',
		say: 'history (of a message); start, run or epoch (of a process)',
		where: everywhere,
		stays: [[/one life takes/g, 'the unit of a benchmark']],
	},
	{
		word: 'post|post office',
		say: 'message router',
		where: everywhere,
		stays: [
			[/\bpost (?:\S*messages?\b|request|body|route)|\bhttp post\b/g, 'the request of HTTP'],
			[/'post'|\bgithub post\b|\bpost 200\b/g, 'the request of HTTP'],
		],
	},
	{
		word: 'exchange',
		say: 'network',
		where: everywhere,
	},
	{ word: 'sorters?', say: 'inbound router', where: everywhere },
	{ word: 'announcements?', say: 'status publisher, birth', where: everywhere },
	{
		word: 'seals?|sealed|sealing',
		say: 'signing, signature',
		where: everywhere,
	},
	{ word: 'trust|trusting', say: 'authorization', where: names },
	{
		word: 'foreign',
		say: 'public (intake, message), MQTT client',
		where: everywhere,
	},
	{ word: 'shift', say: 'push consumer', where: everywhere },
	{
		word: 'drawings?',
		say: 'pull consumer',
		where: everywhere,
		stays: [
			[/tree drawing|(?:a|the) drawing|for drawing and/g, 'a picture of the tree or a chart'],
		],
	},
	{ word: 'room', say: 'credit, capacity', where: names },
	{
		word: 'room in (?:a |the |its )?mailbox(?:es)?|(?:mailbox|lane) has room',
		say: 'credit, capacity',
		where: everywhere,
	},
	{ word: 'suspects?', say: 'crash recovery; messages that were running', where: everywhere },
	{ word: 'spare time', say: 'commit idle', where: everywhere },
	{ word: 'rewriting', say: 'change merging', where: names },
	{
		word: 'fault',
		say: 'crash point',
		where: names,
		stays: [[/spec fault/g, 'what is wrong with the specification of a child']],
	},
	{ word: 'inquiry|inquiries', say: 'query', where: everywhere },
	{ word: 'envelopes?', say: 'message', where: everywhere },
	{ word: 'packing', say: 'codec', where: names },
	{
		word: 'sheets?',
		say: 'YAML definition',
		where: everywhere,
	},
	{ word: 'rehears\\w*', say: 'replay', where: everywhere },
	{ word: 'movers?', say: 'machine step, stepper', where: everywhere },
	{
		word: 'wish(?:es|ed)?',
		say: 'effect request',
		where: everywhere,
		stays: [
			[/\bwish the processes|\bwish (?:messages|remove)|wish: /g, "a heading in steward's README"],
		],
	},
	{ word: 'causes?', say: 'trigger', where: names },
	{ word: 'causes? of (?:a|the|its) turn', say: 'trigger', where: everywhere },
	{ word: 'portions?', say: 'instance batch', where: everywhere },
	{
		word: 'drafts?',
		say: 'turn draft',
		where: names,
		stays: [[/turn draft/g, 'the word itself']],
	},
	{ word: 'hosting', say: 'host runtime', where: everywhere },
	{ word: 'watchers?', say: 'monitors', where: names },
	{
		word: 'recorders?',
		say: 'turn recorder',
		where: everywhere,
		stays: [[/turn recorders?/g, 'the word itself']],
	},
	{ word: 'giving up', say: 'expiry', where: names },
	{ word: 'lane traffic', say: 'lane sending', where: everywhere },
	{ word: 'moods?', say: 'backoff state', where: everywhere },
	{ word: 'belief', say: 'ack verdict', where: everywhere },
	{ word: 'heeds?|heeded', say: 'apply the ack', where: everywhere },
	{
		word: 'ground(?: floor)?',
		say: 'node services',
		where: everywhere,
	},
	{ word: 'parts? of (?:a|the) (?:tree|node)', say: 'tree children', where: everywhere },
	{ word: 'doors?', say: 'node API', where: names },
	{
		word: '(?:the|behind a|whose) doors?',
		say: 'node API',
		where: everywhere,
		stays: [
			[/the doors? (?:to|of|behind|was)\b/g, 'the one file that imports a package, or a room'],
			[/the front doors?/g, 'the file that a package exports'],
		],
	},
	{ word: 'rosters?', say: 'children', where: everywhere },
	{ word: 'unanswered', say: 'ask diagnosis', where: names },
	{ word: 'looks', say: 'tables', where: names },
	{ word: 'stages?|floors?', say: 'a plain noun', where: names },
];

/** Pages and files that may name any of these words, and why. */
const excepted: readonly (readonly [path: string, reason: string])[] = [
	['spec/words.test.ts', 'it is the list'],
	['CHANGELOG.md', 'it says which names were replaced'],
];

interface Text {
	readonly path: string;
	readonly line: number;
	readonly text: string;
	readonly kind: 'name' | 'prose';
}

/** Camel case, snake case and kebab case as words. */
const asWords = (text: string) =>
	text
		.replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
		.replaceAll(/[-_.]/g, ' ')
		.toLowerCase();

function found({ text, kind }: Text): readonly string[] {
	const line = asWords(text);
	return vocabulary.flatMap(({ word, say, where, stays = [] }) => {
		if (kind === 'prose' && where === 'names') return [];
		const rest = stays.reduce((left, [pattern]) => left.replaceAll(pattern, ' '), line);
		const match = new RegExp(`(?<![\\w])(?:${word})(?![\\w])`).exec(rest);
		return match ? [`"${match[0]}", say: ${say}`] : [];
	});
}

const root = fileURLToPath(new URL('..', import.meta.url));
const folders = ['runtime', 'actors', 'supervisors', 'transports', 'spec', 'examples'];
const isProduct = (path: string) => !path.startsWith('spec/');
const sources = sourceFiles(root, folders).filter(({ path }) => path.includes('/'));

/** The places where two forms of a file differ, line by line, with all else blanked out. */
function difference(one: string, other: string): readonly string[] {
	let text = '';
	for (let at = 0; at < one.length; at += 1) {
		const isSame = one[at] === other[at] && one[at] !== '\n';
		text += isSame ? ' ' : one[at];
	}
	return text.split('\n');
}

function* namesOf({ path, code }: SourceFile): Generator<Text> {
	yield { path, line: 1, text: path.replace(/^spec\//, ''), kind: 'name' };
	if (!isProduct(path)) return;
	const kinds = 'const|let|function\\*?|class|interface|type';
	const declared = new RegExp(`^export (?:default |async |abstract )*(?:${kinds}) (\\w+)`);
	for (const [at, line] of code.split('\n').entries()) {
		const [, name] = declared.exec(line) ?? [];
		if (name !== undefined) yield { path, line: at + 1, text: name, kind: 'name' };
	}
}

/** Comments, and in the product also texts: strings in which there is more than one word. */
function* proseOf({ path, text, plain, code }: SourceFile): Generator<Text> {
	const comments = difference(text, plain);
	const strings = isProduct(path) ? difference(plain, code) : [];
	for (const [at, comment] of comments.entries()) {
		if (comment.trim() !== '') yield { path, line: at + 1, text: comment, kind: 'prose' };
		const string = strings[at] ?? '';
		if (/\w \w/.test(string)) yield { path, line: at + 1, text: string, kind: 'prose' };
	}
}

function* pages(folder = '.'): Generator<Text> {
	for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory() && !/^(?:node_modules|dist|\..+)$/.test(entry.name)) yield* pages(path);
		if (!entry.isFile() || !entry.name.endsWith('.md')) continue;
		const lines = readFileSync(join(root, path), 'utf8').split('\n');
		for (const [at, text] of lines.entries()) yield { path, line: at + 1, text, kind: 'prose' };
	}
}

function* settings(): Generator<Text> {
	const lists: readonly (readonly [path: string, names: readonly string[]])[] = [
		['runtime/config/config.ts', Object.keys(configSchema.shape)],
		['runtime/platform/errors.ts', Object.keys(errorTable)],
		['runtime/journal/schema.ts', tableNames],
	];
	for (const [path, list] of lists) {
		for (const text of list) yield { path, line: 1, text, kind: 'name' };
	}
}

function misused(texts: Iterable<Text>): readonly string[] {
	const free = new Set(excepted.map(([path]) => path));
	return [...texts]
		.filter(({ path }) => !free.has(path))
		.flatMap((text) => found(text).map((what) => `${text.path}:${text.line}: ${what}`));
}

function check(what: string, texts: () => Iterable<Text>): void {
	test(`${what} use the words of the field`, () => {
		const wrong = misused(texts());
		assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`);
	});
}

check('file names and exports', () => sources.flatMap((file) => [...namesOf(file)]));
check('settings, errors and tables', settings);
check('comments and texts', () => sources.flatMap((file) => [...proseOf(file)]));
check('docs', () => pages());

test('what may stay is used somewhere', () => {
	const all = [...sources.flatMap((file) => [...namesOf(file), ...proseOf(file)]), ...pages()];
	const lines = all.map(({ text }) => asWords(text));
	const idle = vocabulary
		.flatMap(({ stays = [] }) => stays)
		.filter(([pattern]) => lines.every((line) => line.search(pattern) < 0));
	assert.deepEqual(idle, []);
});

test('a word is found in names and in prose, unless it may stay', () => {
	const at = { path: 'x.ts', line: 1 };
	const hits = (text: string, kind: Text['kind']) => found({ ...at, text, kind }).length;
	assert.equal(hits('createPostOffice', 'name'), 1);
	assert.equal(hits('runtime/lane-traffic.ts', 'name'), 1);
	assert.equal(hits('what the books say', 'prose'), 1);
	assert.equal(hits('a message is in the ledger', 'prose'), 0);
	assert.equal(hits('`POST /messages` answers 202', 'prose'), 0);
	assert.equal(hits('the cause of an error', 'prose'), 0);
});
