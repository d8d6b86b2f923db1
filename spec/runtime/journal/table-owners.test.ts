import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { tableNames, tables, type Table } from '../../../runtime/journal/schema.ts';
import { sourceFile, sourceFiles, type SourceFile } from '../../support/source-text.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = sourceFiles(root, ['runtime', 'actors', 'supervisors', 'transports']);

/** Files that may name any table, and why. */
const exceptions: ReadonlyMap<string, string> = new Map([
	['runtime/journal/store-fork.ts', 'a fork moves the promises of a store as a whole'],
	['runtime/journal/store-record.ts', 'it reads what a store says of itself before it is opened'],
]);

/** What reads or writes a table that is named in a literal. */
const uses = [
	/\btable:\s*(?:'(?<one>\w+)'|"(?<two>\w+)"|`(?<three>\w+)`)/g,
	/\.(?:get|scan|keys|count|rows)\s*(?:<[^()]*>)?\(\s*['"`](?<one>\w+)['"`]/g,
	/\b[tT]ables?\b[^;\n]*[=(]\s*\[?['"`](?<one>\w+)['"`]/g,
];

/** What passes a table on in a variable: only the journal itself may do so. */
const indirect = [
	/import[^;]*\bTable\b[^;]*from '[^']*\/schema\.ts'/g,
	/\b[jJ]ournal\.(?:get|scan|keys|count)\s*(?:<[^()]*>)?\(\s*(?!['"`])\S+/g,
];

/** The tables that a file names, and the places where it passes one on. */
function namedIn({ plain }: SourceFile): { named: Set<Table>; passedOn: string[] } {
	const found = uses
		.flatMap((use) => [...plain.matchAll(use)])
		.map(({ groups = {} }) => groups['one'] ?? groups['two'] ?? groups['three'] ?? '');
	const named = new Set(tableNames.filter((name) => found.includes(name)));
	const passedOn = indirect.flatMap((use) => [...plain.matchAll(use)].map(([place]) => place));
	return { named, passedOn };
}

const isOfJournal = ({ path }: SourceFile) => path.startsWith('runtime/journal/');

/** Where other files than the owner name a table, or pass one on. */
function breaches(among: readonly SourceFile[]): readonly string[] {
	return among
		.filter(({ path }) => !exceptions.has(path))
		.flatMap((file) => {
			const { named, passedOn } = namedIn(file);
			const strange = [...named].filter((name) => tables[name].owner !== file.path);
			return [
				...strange.map((name) => `${file.path} names ${name}, see ${tables[name].owner}`),
				...(isOfJournal(file) ? [] : passedOn.map((place) => `${file.path}: ${place}`)),
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

test('every exception is needed', () => {
	for (const path of exceptions.keys()) {
		const file = files.find((each) => each.path === path);
		assert.ok(file && tableNames.some((name) => file.text.includes(`'${name}'`)), path);
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
];
for (const text of snippets) {
	test(`a table is found in: ${text.replaceAll(/\s+/g, ' ')}`, () => {
		assert.notDeepEqual(breaches([sourceFile('runtime/queries/queries.ts', text)]), []);
	});
}
