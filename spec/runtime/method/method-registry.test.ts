import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadMethods } from '../../../runtime/method/method-registry.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const args = '{ safeParse: (value) => ({ success: true, data: value }) }';

/** The source of a method file; `more` replaces or adds fields. */
function source(name: string, more = ''): string {
	return `export default {
		name: '${name}', aliases: ['${name}-short'], summary: 'Example', kind: 'EventACK',
		ordering: 'concurrent', onCrash: 'retry', replies: true, args: ${args}, example: {},
		run: async () => ({ data: '${name}' }), ${more}
	};\n`;
}

test('every file of a folder is a method, found by its name and its aliases', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'one.mjs'), source('One'));
	writeFileSync(join(folder, 'two.ts'), source('Two'));
	writeFileSync(join(folder, 'two.d.ts'), 'not even TypeScript');
	writeFileSync(join(folder, 'two.test.ts'), 'throw new Error("a spec is no method");');
	writeFileSync(join(folder, 'notes.md'), 'not a method');
	writeFileSync(join(folder, '.hidden.mjs'), 'not a method');
	mkdirSync(join(folder, 'below'));
	const methods = await loadMethods([folder]);
	assert.deepEqual(
		methods.list().map(({ name }) => name),
		['One', 'Two'],
	);
	assert.equal(methods.find('One'), methods.find('One-short'));
	assert.equal(methods.find('Two')?.name, 'Two');
});

test('names are case-sensitive, and what is not there is not found', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'one.mjs'), source('One'));
	const methods = await loadMethods([folder]);
	for (const name of ['one', 'ONE', '', 'constructor', '__proto__']) {
		assert.equal(methods.find(name), undefined);
	}
});

test('several folders make one registry, as paths or as addresses', async (t) => {
	const [first, second] = [temporaryFolder(t), temporaryFolder(t)];
	writeFileSync(join(first, 'b.mjs'), source('B'));
	writeFileSync(join(second, 'a.mjs'), source('A'));
	const methods = await loadMethods([pathToFileURL(first), second]);
	assert.deepEqual(
		methods.list().map(({ name }) => name),
		['A', 'B'],
	);
});

test('declarations are frozen', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'one.mjs'), source('One'));
	assert.ok(Object.isFrozen((await loadMethods([folder])).find('One')));
});

test('two methods of one name are refused, and both files are named', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'a.mjs'), source('Same'));
	writeFileSync(join(folder, 'b.mjs'), source('Other', "aliases: ['Same']"));
	await assert.rejects(loadMethods([folder]), {
		code: 'bad_declaration',
		detail: `Same is declared twice: ${join(folder, 'a.mjs')} and ${join(folder, 'b.mjs')}`,
	});
});

test('a method whose alias is its own name is refused', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'a.mjs'), source('Same', "aliases: ['Same']"));
	await assert.rejects(loadMethods([folder]), { code: 'bad_declaration' });
});

const broken = [
	['no default export', 'export const method = {};', /no default export/],
	['a syntax error', 'export default {', /a\.mjs: /],
	['an error of its own', "throw new Error('at load time');", /at load time/],
	[
		'an import that is not there',
		"import 'no-such-package'; export default {};",
		/no-such-package/,
	],
	['something else than an object', 'export default 7;', /expected object/],
	['a name that topics could not hold', source('A', "name: 'a/b'"), /name: not a name/],
	['no function', source('A', "run: 'this'"), /run: not a function/],
	['no schema', source('A', 'args: {}'), /args: not a zod schema/],
	['an unknown kind', source('A', "kind: 'Maybe'"), /kind: not a kind of message/],
	['an unknown policy', source('A', "onCrash: 'hope'"), /onCrash: /],
	['several mistakes', source('A', "ordering: 1, summary: ''"), /summary: .*; ordering: /],
] as const;

for (const [what, text, detail] of broken) {
	test(`a file with ${what} is refused with its path`, async (t) => {
		const folder = temporaryFolder(t);
		writeFileSync(join(folder, 'a.mjs'), text);
		await assert.rejects(loadMethods([folder]), (thrown: unknown) => {
			assert.ok(thrown instanceof Error);
			assert.equal(Reflect.get(thrown, 'code'), 'bad_declaration');
			assert.ok(thrown.message.includes(join(folder, 'a.mjs')), thrown.message);
			assert.match(thrown.message, detail);
			return true;
		});
	});
}

test('a folder that cannot be read is an error of the configuration', async (t) => {
	const folder = join(temporaryFolder(t), 'missing');
	await assert.rejects(loadMethods([folder]), {
		code: 'bad_config',
		detail: `methods folder ${folder}`,
	});
});
