/**
 * The vocabulary: words of our own that gave way to words of the field, and words that hide who
 * acts. A word may stay where it has another, ordinary meaning; the table says where, and why.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { configSchema } from '../runtime/config/config.ts';
import { tableNames } from '../runtime/journal/schema.ts';
import { loadMethods } from '../runtime/method/method-registry.ts';
import { metricTable } from '../runtime/observability/metric-table.ts';
import { errorTable } from '../runtime/platform/errors.ts';
import { commandTable } from '../transports/cli/command-table.ts';
import { lineAt, sourceFile, sourceFiles, type SourceFile } from './support/source-text.ts';

interface Word {
	/** The word, or several forms of it, as a pattern of whole words in lower case. */
	readonly word: string;
	readonly say: string;
	/**
	 * `everywhere`: in names and in prose. `names`: only in names, because the word is ordinary
	 * English.
	 */
	readonly where: 'everywhere' | 'names';
	/** What may stay, where, and for which reason. Camel case and hyphens are spaces here. */
	readonly stays?: readonly (readonly [path: RegExp, pattern: RegExp, reason: string])[];
}

const everywhere = 'everywhere';
const names = 'names';

const vocabulary: readonly Word[] = [
	{ word: 'books|book entry', say: 'ledger, ledger entry', where: everywhere },
	{
		word: 'entries',
		say: 'ledger cache',
		where: names,
		stays: [
			[
				/^(?!runtime\/ledger\/|supervisors\/operations\/)/,
				/^(?:max (?:map )?)?entries(?: of| max)?$|^max map entries$/,
				'what an object, a folder or a store has',
			],
		],
	},
	{
		word: 'life',
		say: 'history (of a message); start, run or epoch (of a process)',
		where: everywhere,
		stays: [
			[/^spec\/bench\/message-actor|performance\.md$/, /\blife\b/g, 'the unit of a benchmark'],
		],
	},
	{ word: 'lives', say: 'histories; starts, runs or epochs', where: names },
	{
		word: 'post|post office',
		say: 'message router',
		where: everywhere,
		stays: [
			[
				/^runtime\/|^transports\/http\/|^examples\/|^spec\/|\.md$/,
				/\bpost (?:\S*messages?\b|request|body|route)|\bhttp post\b/g,
				'the request of HTTP',
			],
			[/\.md$/, /method: 'post'/g, 'the request of HTTP'],
			[/^spec\/transports\/http\//, /^post$/, 'the request of HTTP'],
		],
	},
	{ word: 'exchange', say: 'network', where: everywhere },
	{ word: 'sorters?', say: 'inbound router', where: everywhere },
	{ word: 'announcements?', say: 'status publisher, birth', where: everywhere },
	{ word: 'seals?|sealed|sealing', say: 'signing, signature', where: everywhere },
	{
		word: 'trust|trusting',
		say: 'authorization',
		where: names,
		stays: [
			[/^runtime\/security\/keyring\.ts$|^transports\/cli\/command/, /^trust$/, 'to trust a key'],
		],
	},
	{ word: 'foreign', say: 'public (intake, message), MQTT client', where: everywhere },
	{
		word: 'shift',
		say: 'push consumer',
		where: everywhere,
		stays: [
			[
				/^supervisors\/testing\/|^spec\/simulation\//,
				/^shift(?: clock| ms)?$/,
				'sets a clock forward or back',
			],
			[/^runtime\/mailbox\/mailbox-queue\.ts$/, /^shift$/, 'the method of a list'],
		],
	},
	{
		word: 'drawings?',
		say: 'pull consumer',
		where: everywhere,
		stays: [
			[/^transports\/cli\//, /tree drawing|(?:a|the) drawing/g, 'a picture of the tree'],
			[/^actors\/statecharts\//, /for drawing and/g, 'pictures of a chart'],
		],
	},
	{
		word: 'rooms?',
		say: 'credit, capacity',
		where: names,
		stays: [
			[/^examples\/|^actors\/declarative\//, /^room(?: at)?$/, 'has a thermostat'],
			[/^spec\//, /rooms?/g, 'the folders of this repository'],
		],
	},
	{
		word: 'room in (?:a |the |its )?mailbox(?:es)?|(?:mailbox|lane) has room',
		say: 'credit, capacity',
		where: everywhere,
	},
	{
		word: 'rooms?',
		say: 'credit, capacity',
		where: everywhere,
		stays: [
			[
				/README\.md$|^(?!(?:spec\/)?runtime\/(?:delivery|mailbox|intake)\/)/,
				/\brooms?\b/g,
				'a folder of this repository, or a place elsewhere than in a mailbox',
			],
		],
	},
	{ word: 'suspects?', say: 'crash recovery; messages that were running', where: everywhere },
	{ word: 'spare time', say: 'commit idle', where: everywhere },
	{ word: 'rewriting', say: 'change merging', where: names },
	{
		word: 'fault',
		say: 'crash point',
		where: names,
		stays: [
			[/^supervisors\/otp\//, /^(?:spec )?fault$/, 'what is wrong with a specification'],
			[
				/^runtime\/(?:delivery|journal|message|security)\/|^supervisors\/operations\//,
				/^(?:is )?fault(?: of)?$/,
				'what is wrong with a row, a disk, a topic or a rule',
			],
		],
	},
	{ word: 'inquiry|inquiries', say: 'query', where: everywhere },
	{ word: 'envelopes?', say: 'message', where: everywhere },
	{ word: 'packing', say: 'codec', where: names },
	{ word: 'sheets?', say: 'YAML definition', where: everywhere },
	{ word: 'rehears\\w*', say: 'replay', where: everywhere },
	{ word: 'movers?', say: 'machine step, stepper', where: everywhere },
	{
		word: 'wish(?:es|ed)?',
		say: 'effect request',
		where: everywhere,
		stays: [
			[
				/^docs\/steward\.md$/,
				/\bwish: the processes|\bwish: (?:messages|remove)/g,
				"a heading in steward's README",
			],
		],
	},
	{
		word: 'causes?',
		say: 'trigger',
		where: names,
		stays: [
			[
				/^(?!actors\/(?:turn|durable)\/)|\/instance\.ts$/,
				/^cause(?: text)?$/,
				'the error behind an error, as the language calls it',
			],
		],
	},
	{ word: 'causes? of (?:a|the|its) turn', say: 'trigger', where: everywhere },
	{ word: 'portions?', say: 'instance batch', where: everywhere },
	{
		word: 'drafts?',
		say: 'turn draft',
		where: names,
		stays: [
			[/^actors\//, /turn draft/g, 'the word itself'],
			[/^actors\/(?:turn|durable)\//, /^draft(?: of)?$/, 'holds or makes a turn draft'],
		],
	},
	{ word: 'hosting', say: 'host runtime', where: everywhere },
	{
		word: 'watchers?',
		say: 'monitors',
		where: names,
		stays: [[/^supervisors\/actor-hosts\/definition-watch\.ts$/, /^watcher$/, 'watches files']],
	},
	{
		word: 'recorders?',
		say: 'turn recorder',
		where: everywhere,
		stays: [
			[/^actors\/|^spec\/actors\/|^spec\/bench\/|\.md$/, /turn recorders?/g, 'the word itself'],
			[/^(?:spec\/)?actors\/(?:turn|durable)\//, /^(?:set )?recorder$/, 'holds a turn recorder'],
		],
	},
	{
		word: 'giving up',
		say: 'expiry',
		where: names,
		stays: [[/^transports\/cli\/output\//, /^giving up$/, 'a state of a message']],
	},
	{ word: 'lane traffic', say: 'lane sending', where: everywhere },
	{ word: 'moods?', say: 'backoff state', where: everywhere },
	{ word: 'belief', say: 'ack verdict', where: everywhere },
	{ word: 'heeds?|heeded', say: 'apply the ack', where: everywhere },
	{ word: 'ground(?: floor)?', say: 'node services', where: everywhere },
	{ word: 'parts? of (?:a|the) (?:tree|node)', say: 'tree children', where: everywhere },
	{ word: 'doors?', say: 'node API', where: names },
	{
		word: '(?:the|behind a|whose) doors?',
		say: 'node API',
		where: everywhere,
		stays: [
			[
				/^runtime\/|^actors\/|^transports\/|^supervisors\/|^spec\/|\.md$/,
				/the doors? (?:to|of|behind|was)\b/g,
				'the one file that imports a package, or a room',
			],
			[/./, /the front doors?/g, 'the file that a package exports'],
		],
	},
	{ word: 'rosters?', say: 'children', where: everywhere },
	{
		word: 'unanswered',
		say: 'ask diagnosis',
		where: names,
		stays: [
			[/^runtime\/platform\/errors\.ts$/, /^some unanswered$/, 'an exit code'],
			[/^transports\/mqtt\//, /^unanswered$/, 'questions that wait for their answer'],
		],
	},
	{
		word: 'looks',
		say: 'tables',
		where: names,
		stays: [[/^examples\//, /^looks$/, 'how often an actor has looked']],
	},
	{
		word: 'stages?|floors?',
		say: 'a plain noun',
		where: names,
		stays: [[/^actors\/declarative\/expression\.ts$/, /^floor$/, 'a function of mathematics']],
	},
	{
		word: 'nobody|whoever|somebody|everybody|anybody',
		say: 'who it is: the caller, the receiver, the operator, another process',
		where: everywhere,
		stays: [
			[/^runtime\/network\//, /`nobody`/g, 'the verdict of a wire on a publish'],
			[/^runtime\/platform\/|^transports\/cli\//, /nobody matched/g, 'a code of an error'],
			[/^docs\/actors\.md$/, /who: nobody|"somebody"/g, 'data of an example'],
		],
	},
	{ word: '(?:is|are|was|were) to be', say: 'a plain verb', where: everywhere },
];

/** Pages and files that may name any of these words, and why. */
const excepted: readonly (readonly [path: string, reason: string])[] = [
	['spec/words.test.ts', 'it is the list'],
	['CHANGELOG.md', 'it says which names were replaced'],
];

/** A name, a comment, a text or a paragraph: its lines, and the number of the first. */
interface Text {
	readonly path: string;
	readonly line: number;
	readonly lines: readonly string[];
	readonly kind: 'name' | 'prose';
}

/** Camel case, snake case and kebab case as words. */
const asWords = (text: string) =>
	text
		.replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
		.replaceAll(/[-_.]/g, ' ')
		.toLowerCase();

const blank = (text: string) => ' '.repeat(text.length);

/** The lines as one text, so that a phrase is found that is broken over two of them. */
const joined = (lines: readonly string[]) => lines.map(asWords).join(' ');

const patterns = new Map(
	vocabulary.map((row) => [row, new RegExp(`(?<!\\w)(?:${row.word})(?!\\w)`, 'g')]),
);

function found({ path, line, lines, kind }: Text): readonly string[] {
	const text = joined(lines);
	return [...patterns].flatMap(([{ say, where, stays = [] }, pattern]) => {
		if ((kind === 'prose' && where === 'names') || text.search(pattern) < 0) return [];
		const rest = stays
			.filter(([place]) => place.test(path))
			.reduce((left, [, free]) => left.replace(free, blank), text);
		return [...rest.matchAll(pattern)].map((match) => {
			const at = line + lineOf(lines, match.index);
			return `${path}:${at}: "${match[0]}", say: ${say}`;
		});
	});
}

/** The line, counted from zero, that holds this place of the joined text. */
function lineOf(lines: readonly string[], place: number): number {
	let end = -1;
	return lines.findIndex((line) => (end += asWords(line).length + 1) >= place);
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

/** What is declared: a value, a function or a type; a member, a parameter or a key; a method. */
const declarations: readonly RegExp[] = [
	/\b(?:const|let|function\*?|class|interface|type) (\w+)/g,
	/(?<![.\w'"])(\w+)\??: /g,
	/^\t+(?:(?:async|static|get|set|private) |[*#])*(\w+)(?:<[^(]*>)?\(.*(?:\{|\): .*;)$/gm,
];

function* namesOf({ path, code, text }: SourceFile): Generator<Text> {
	yield { path, line: 1, lines: [path.replace(/^spec\//, '')], kind: 'name' };
	for (const match of declarations.flatMap((pattern) => [...code.matchAll(pattern)])) {
		const line = lineAt(text, match.index);
		// In specs ordinary English may be used as a name.
		yield { path, line, lines: [match[1] ?? ''], kind: isProduct(path) ? 'name' : 'prose' };
	}
}

/** Lines that follow each other without an empty one between, as one text each. */
function* paragraphs(path: string, lines: readonly string[]): Generator<Text> {
	let paragraph: string[] = [];
	for (const [at, text] of [...lines, ''].entries()) {
		const words = text.replace(/^\s*(?:\/?\*+\/?|\/\/)?\s*|\s*\*\/\s*$/g, '');
		if (words !== '') paragraph.push(words);
		else if (paragraph.length > 0) {
			yield { path, line: at + 1 - paragraph.length, lines: paragraph, kind: 'prose' };
			paragraph = [];
		}
	}
}

/** Strings in which there is more than one word. */
function* stringsOf({ path, plain, code }: SourceFile): Generator<Text> {
	for (const [at, string] of difference(plain, code).entries()) {
		if (!/\w \w/.test(string)) continue;
		yield { path, line: at + 1, lines: [string.trim()], kind: 'prose' };
	}
}

/** The titles of the tests of a spec. */
function* titlesOf({ path, plain }: SourceFile): Generator<Text> {
	const title = /\btest\(\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`)/g;
	for (const match of plain.matchAll(title)) {
		const line = lineAt(plain, match.index + match[0].indexOf(match[1] ?? ''));
		yield { path, line, lines: [match[1] ?? ''], kind: 'prose' };
	}
}

function* proseOf(file: SourceFile): Generator<Text> {
	const { path, text, plain } = file;
	yield* paragraphs(path, difference(text, plain));
	yield* isProduct(path) ? stringsOf(file) : titlesOf(file);
}

/** Documentation, and whatever else holds text: settings of tools, the gate, examples. */
function* pages(folder = '.'): Generator<Text> {
	for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
		const { name } = entry;
		const path = join(folder, name);
		const isForeign = /^(?:node_modules|dist|\.git|package-lock\.json)$/.test(name);
		if (isForeign) continue;
		if (entry.isDirectory()) yield* pages(path);
		else if (/\.(?:md|json|ya?ml)$|^\.ci\//.test(path)) {
			yield* paragraphs(path, readFileSync(join(root, path), 'utf8').split('\n'));
		}
	}
}

/** The types of signals: a union of types, so they are read from the source. */
function signalTypes(): readonly string[] {
	const text = readFileSync(join(root, 'runtime/observability/signals.ts'), 'utf8');
	return [...text.matchAll(/^\t'(\w+\.\w+)': /gm)].map(([, type = '']) => type);
}

async function commandWords(): Promise<readonly string[]> {
	const rows = Object.entries(commandTable).map(async ([name, row]) => {
		const { default: command } = await row.load();
		const values = command.arguments.map((each) => each.name);
		const flags = command.options.map((each) => each.flags);
		const choices = [...command.arguments, ...command.options].flatMap(
			(each) => each.choices ?? [],
		);
		return [name, ...values, ...flags, ...choices];
	});
	return (await Promise.all(rows)).flat();
}

async function methodNames(): Promise<readonly string[]> {
	const registry = await loadMethods([join(root, 'actors/methods')]);
	return registry.list().flatMap(({ name, aliases }) => [name, ...aliases]);
}

async function settings(): Promise<readonly Text[]> {
	const lists: readonly (readonly [path: string, names: readonly string[]])[] = [
		['runtime/config/config.ts', Object.keys(configSchema.shape)],
		['runtime/platform/errors.ts', Object.keys(errorTable)],
		['runtime/journal/schema.ts', tableNames],
		['runtime/observability/signals.ts', signalTypes()],
		['runtime/observability/metric-table.ts', Object.keys(metricTable)],
		['transports/cli/command-table.ts', await commandWords()],
		['actors/methods', await methodNames()],
	];
	return lists.flatMap(([path, list]) => {
		assert.ok(list.length > 5, path);
		return list.map((name): Text => ({ path, line: 1, lines: [name], kind: 'name' }));
	});
}

function misused(texts: Iterable<Text>): readonly string[] {
	const free = new Set(excepted.map(([path]) => path));
	return [...texts].filter(({ path }) => !free.has(path)).flatMap(found);
}

function check(what: string, texts: () => Iterable<Text> | Promise<Iterable<Text>>): void {
	test(`${what} use the words of the field`, async () => {
		const wrong = misused(await texts());
		assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`);
	});
}

check('names', () => sources.flatMap((file) => [...namesOf(file)]));
check('settings, errors, tables, signals, metrics, commands and methods', settings);
check('comments, texts and titles of tests', () => sources.flatMap((file) => [...proseOf(file)]));
check('docs and the settings of tools', () => [...pages()]);

test('what may stay is used somewhere', async () => {
	const ofSources = sources.flatMap((file) => [...namesOf(file), ...proseOf(file)]);
	const all = [...ofSources, ...pages(), ...(await settings())];
	const texts = all.map(({ path, lines }) => ({ path, text: joined(lines) }));
	const idle = vocabulary
		.flatMap(({ stays = [] }) => stays)
		.filter(([place, pattern]) =>
			texts.every(({ path, text }) => !place.test(path) || text.search(pattern) < 0),
		);
	assert.deepEqual(idle, []);
});

test('a word is found in names and in prose, unless it may stay', () => {
	const hits = (text: string, kind: Text['kind'], path = 'x.ts') =>
		found({ path, line: 1, lines: text.split('\n'), kind }).length;
	assert.equal(hits('createPostOffice', 'name'), 1);
	assert.equal(hits('runtime/lane-traffic.ts', 'name'), 1);
	assert.equal(hits('what the books say', 'prose'), 1);
	assert.equal(hits('tells whoever asks', 'prose'), 1);
	assert.equal(hits('a row that is to be sent', 'prose'), 1);
	assert.equal(hits('a message is in the ledger', 'prose'), 0);
	assert.equal(hits('`POST /messages` answers 202', 'prose', 'docs/ways-in.md'), 0);
	assert.equal(hits('the cause of an error', 'prose'), 0);
	assert.equal(hits('a tree drawing', 'prose', 'transports/cli/output/tree-drawing.ts'), 0);
	assert.equal(hits('a tree drawing', 'prose', 'runtime/mailbox/mailbox.ts'), 1);
});

test('a phrase that is broken over two lines is found, on the first of them', () => {
	const comment = sourceFile('runtime/x.ts', '\n/**\n * It is a cause\n * of a turn.\n */\nx();');
	assert.deepEqual(misused(proseOf(comment)), ['runtime/x.ts:3: "cause of a turn", say: trigger']);
});

test('a name is found wherever it is declared', () => {
	const texts = [
		'const shift = 1;',
		'\tconst lastShift = 1;',
		'async function beginShift() {}',
		'interface A {\n\treadonly shift: B;\n}',
		'interface A {\n\tshift?: B;\n}',
		'interface A {\n\tshiftOf(id: string): B;\n}',
		'class A {\n\tasync shiftOf(id) {\n\t}\n}',
		'function a(shift: B) {}',
		'type A = { shift: B };',
	];
	for (const text of texts) {
		assert.equal(misused(namesOf(sourceFile('runtime/x.ts', text))).length, 1, text);
	}
	assert.deepEqual(misused(namesOf(sourceFile('runtime/x.ts', 'rows.shift();'))), []);
});

test('the title of a test is found, other strings of specs are not', () => {
	const spec = sourceFile(
		'spec/x.test.ts',
		"test(\n\t'a sealed frame',\n\t() => a('a b envelope'),\n);",
	);
	assert.deepEqual(misused(proseOf(spec)), ['spec/x.test.ts:2: "sealed", say: signing, signature']);
});
