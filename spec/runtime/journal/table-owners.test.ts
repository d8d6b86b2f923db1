import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { tableNames, tables, type Table } from '../../../runtime/journal/schema.ts';
import { sourceFile, sourceFiles, type SourceFile } from '../../support/source-text.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = sourceFiles(root, ['runtime', 'actors', 'supervisors', 'transports']);

/** Files that name a table of another file, and why. */
const exceptions: Readonly<Record<string, { tables: readonly Table[]; reason: string }>> = {
	'runtime/journal/lmdb-store.ts': {
		tables: ['meta'],
		reason: 'it gives store-record.ts the table before there is a journal',
	},
	'runtime/journal/store-salvage.ts': {
		tables: ['meta', 'mailbox'],
		reason: 'it copies all tables, and these two not as they are',
	},
	'runtime/journal/journal.ts': {
		tables: ['meta'],
		reason: 'each transaction compares the epoch on disk with its own',
	},
};

/** What reads or writes a table that is named in a literal. */
const uses = [
	/\btable:\s*['"`](?<one>\w+)['"`]/g,
	/\.(?:get|scan|keys|count|rows)\s*(?:<[^()]*>)?\(\s*['"`](?<one>\w+)['"`]/g,
	/\bstores\s*(?:\.\s*(?<one>\w+)|\[\s*['"`](?<two>\w+)['"`]\s*\])/g,
	/\b[tT]ables?\b[^;\n]*[=(]\s*\[?['"`](?<one>\w+)['"`]/g,
	/\b[tT]ables?\b[^;\n]*\?\s*['"`](?<one>\w+)['"`]\s*:\s*['"`](?<two>\w+)['"`]/g,
];

/** What passes a table on in a variable: only the journal itself may do so. */
const indirect = [
	// The types and lists of tables, and whatever could contain them.
	/import[^;]*\b(?:Table|tables|tableNames)\b[^;]*from '[^']*\/schema\.ts'/g,
	/(?:import|export)\s*\*[^;]*from '[^']*\/schema\.ts'|\bimport\('[^']*\/schema\.ts'\)/g,
	/\b(?:Journal|JournalReader|StoreReading|Change)\[\s*['"`]/g,
	// A change whose table is no literal; types of fields are not meant.
	/\btable:(?!\s*(?:string\b|readonly\b|Readonly\w*<))(?!\s*['"`]\w+['"`]\s*[,;}\n])[^,;}]*/g,
	/(?:\[\s*['"`]table['"`]\s*\]|['"`]table['"`])\s*:[^,;}]*/g,
	/\.table\s*=(?!=)[^;]*/g,
	// A read whose table is no literal.
	/\.\s*scan\b(?!\s*(?:<[^()]*>)?\(\s*['"`]\w+['"`])[^;\n]*/g,
];

const read = '(?:get|scan|keys|count)';
const readerType = String.raw`(?:Pick<\s*)?(?:Journal|JournalReader|StoreReading)\b`;

/** The names that a file gives to what reads the journal, by their types or by what they get. */
function readersIn(plain: string): string {
	const types = [...plain.matchAll(new RegExp(String.raw`\btype (\w+) = ${readerType}`, 'g'))];
	const type = [readerType, ...types.map(([, name]) => String.raw`${name}\b`)].join('|');
	const typed = [...plain.matchAll(new RegExp(String.raw`(\w+)\??:\s*(?:${type})`, 'g'))];
	const made = /\b(\w+) = (?:await )?(?:[\w.]*\b[jJ]ournal;|(?:readStore|openJournal)\()/g;
	const names = [...typed, ...plain.matchAll(made)].map(([, name]) => name);
	return `(?:${[...new Set(['[jJ]ournal', 'reader', ...names])].join('|')})`;
}

/** Reads of the journal whose table is no literal, in any disguise. */
function indirectReads(plain: string): readonly string[] {
	const readers = readersIn(plain);
	const disguises = [
		String.raw`\b${readers}\s*\??\.\s*${read}\b(?!\s*(?:<[^()]*>)?\(\s*['"\x60]\w+['"\x60])[^;\n]*`,
		String.raw`\b${readers}\s*(?:\?\.)?\[[^;\n]*`,
		String.raw`\{[^{}]*\b${read}\b[^{}]*\}\s*=\s*[^;]*\b${readers}\s*[;,)]`,
		String.raw`\{[^{}]*\b${read}\b[^{}]*\}\s*:\s*${readerType}`,
	];
	return disguises.flatMap((each) =>
		[...plain.matchAll(new RegExp(each, 'g'))].map(([place]) => place),
	);
}

/** The tables that a file names, and the places where it passes one on. */
function namedIn({ plain }: SourceFile): { named: ReadonlySet<Table>; passedOn: string[] } {
	const found = uses
		.flatMap((use) => [...plain.matchAll(use)])
		.flatMap(({ groups = {} }) => [groups['one'], groups['two']]);
	const named = new Set(tableNames.filter((name) => found.includes(name)));
	const places = indirect.flatMap((use) => [...plain.matchAll(use)].map(([place]) => place));
	return { named, passedOn: [...places, ...indirectReads(plain)] };
}

const isOfJournal = ({ path }: SourceFile) => path.startsWith('runtime/journal/');

/** The tables of other files that a file names. */
function strangeIn(file: SourceFile): readonly Table[] {
	return [...namedIn(file).named].filter((name) => tables[name].owner !== file.path);
}

/** Where other files than the owner name a table, or pass one on. */
function breaches(among: readonly SourceFile[]): readonly string[] {
	return among.flatMap((file) => {
		const excepted = exceptions[file.path]?.tables ?? [];
		const strange = strangeIn(file).filter((name) => !excepted.includes(name));
		const passedOn = isOfJournal(file) ? [] : namedIn(file).passedOn;
		return [
			...strange.map((name) => `${file.path} names ${name}, see ${tables[name].owner}`),
			...passedOn.map((place) => `${file.path}: ${place}`),
		];
	});
}

for (const name of tableNames) {
	const { owner } = tables[name];
	test(`the table ${name} is read and written by ${owner} alone`, () => {
		assert.ok(existsSync(join(root, owner)));
		const own = files.find(({ path }) => path === owner);
		assert.ok(own && namedIn(own).named.has(name), `${owner} does not name ${name}`);
		assert.deepEqual(
			breaches(files).filter((breach) => breach.includes(`names ${name},`)),
			[],
		);
	});
}

test('no file outside the journal passes a table on in a variable', () => {
	assert.deepEqual(breaches(files), []);
});

test('every exception names exactly the tables that its file needs', () => {
	for (const [path, excepted] of Object.entries(exceptions)) {
		const file = files.find((each) => each.path === path);
		assert.deepEqual(file && strangeIn(file), excepted.tables, path);
	}
});

const snippets = [
	"journal.get('started', [method, 1]);",
	"journal.scan<Record<string, number>>(\n\t'started',\n\tall,\n);",
	"const change = { table: 'started', key: [1] } as const;",
	'journal.commit([{ table: `started`, key }]);',
	"const table = 'started';",
	"const tables = ['started', 'mailbox'];",
	"import { type Change, type Table } from '../journal/schema.ts';",
	'journal.scan<number>(name, all);',
	'const { get } = parts.journal;\nget(name, [id]);',
	'function first({ scan }: Pick<Journal, "scan">) { return scan(name, all); }',
	'reader.scan(kind, all);',
	"const source: StoreReading = readStore(folder);\nsource['get']('mailbox', key);",
	'const rows = parts.journal;\nrows.count(name);',
	"type Rows = Pick<JournalReader, 'get'>;\nconst one = (rows: Rows) => rows.get(name, key);",
	'const read = journal.get.bind(journal);',
	"commit([{ table: isOpen ? 'ledger' : 'settled', key }]);",
	"const table = isOpen ? 'ledger' : 'settled';",
	"import { tableNames } from '../journal/schema.ts';\nfor (const name of tableNames) count(name);",
	"import { tables as all } from '../journal/schema.ts';",
	"import * as schema from '../journal/schema.ts';",
	"commit([{ ['table']: 'mailbox', key }]);",
	"type Name = Parameters<Journal['get']>[0];",
	"type Name = Change['table'];",
	'const rows = journal\n\t.scan(name, all);',
	'const rows = stores.mailbox.getRange({ limit: 1 });',
	'change.table = name;',
];
for (const text of snippets) {
	test(`a table is found in: ${text.replaceAll(/\s+/g, ' ')}`, () => {
		assert.notDeepEqual(breaches([sourceFile('runtime/queries/queries.ts', text)]), []);
	});
}
