import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { rooms } from '../support/rooms.ts';
import { mutants } from './mutant-table.ts';
import { occurrences, type Mutant } from './mutant.ts';
import { titlesIn, type Played } from './playing.ts';
import { faultsOf, scoresByRoom } from './score.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const mutantsMin = 150;
/** Files by path, each read once. */
const texts = new Map<string, string>();
const textOf = (file: string): string => {
	const text = texts.get(file) ?? readFileSync(join(root, file), 'utf8');
	texts.set(file, text);
	return text;
};

/** What is wrong with a row of the table; undefined if nothing is. */
function wrongWith({ id, file, from, to, specs, unnoticed }: Mutant): string | undefined {
	if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(id)) return 'its id is not in kebab case';
	if (!existsSync(join(root, file))) return `there is no ${file}`;
	if (!(dirname(file) in rooms)) return `${file} is in no room`;
	const count = occurrences(textOf(file), from);
	if (count !== 1) return `what stands there occurs ${count} times in ${file}`;
	if (from === to) return 'nothing changes';
	const missing = specs.find((spec) => !existsSync(join(root, spec)));
	if (missing !== undefined) return `there is no ${missing}`;
	if (specs.length === 0 || specs.some((spec) => !spec.endsWith('.test.ts'))) return 'no spec';
	return unnoticed === undefined || unnoticed.length > 10 ? undefined : 'its reason says nothing';
}

test('each planted mistake can be planted, and the specs beside it are there', () => {
	const wrong = mutants.flatMap((mutant) => {
		const what = wrongWith(mutant);
		return what === undefined ? [] : [`${mutant.id}: ${what}`];
	});
	assert.deepEqual(wrong, []);
});

test('each planted mistake has an id of its own', () => {
	const ids = mutants.map(({ id }) => id);
	assert.deepEqual(
		ids.filter((id, at) => ids.indexOf(id) !== at),
		[],
	);
});

test('enough mistakes are planted, and some in every room', () => {
	assert.ok(mutants.length >= mutantsMin, `${mutants.length} are planted`);
	const planted = new Set(mutants.map(({ file }) => dirname(file)));
	assert.deepEqual(
		Object.keys(rooms).filter((room) => !planted.has(room)),
		[],
	);
});

const played = (end: Played['end'], file: string, unnoticed?: string): Played => ({
	mutant: { id: 'one', file, from: 'a', to: 'b', specs: [], ...(unnoticed && { unnoticed }) },
	end,
	why: 'it is so',
	ms: 1,
});

test('mistakes that no spec notices are counted by room, and each needs a reason', () => {
	const many = Array.from({ length: 9 }, () => played('noticed', 'runtime/journal/journal.ts'));
	const one = played('unnoticed', 'runtime/journal/disk.ts', 'nothing differs');
	assert.deepEqual(scoresByRoom([...many, one]), [{ name: 'runtime/journal', noticed: 9, of: 10 }]);
	assert.deepEqual(faultsOf([...many, one]), []);
	assert.match(faultsOf([...many, one, one]).join(), /journal: 9 of 11/);
	assert.match(faultsOf([...many, played('unnoticed', 'runtime/text/a.ts')]).join(), /no reason/);
	assert.match(faultsOf([...many, played('noticed', 'runtime/text/a.ts', 'so')]).join(), /spite/);
	assert.match(faultsOf([...many, played('error', 'runtime/text/a.ts')]).join(), /error: it is so/);
});

test('of all mistakes fewer need to be noticed than where messages could be lost', () => {
	const many = Array.from({ length: 17 }, () => played('noticed', 'runtime/text/a.ts'));
	const one = played('unnoticed', 'runtime/text/a.ts', 'nothing differs');
	assert.deepEqual(faultsOf([...many, one, one, one]), []);
	assert.match(faultsOf([...many, one, one, one, one]).join(), /^all: 17 of 21/);
});

test('a spec file that could not be run is no test that has failed', () => {
	const output =
		'ok 1 - a\n    not ok 1 - b # c\nok 2 - d # SKIP\nnot ok 3 - /tmp/x/spec/a.test.ts\n';
	assert.deepEqual(titlesIn(output, 'spec/a.test.ts'), { failed: ['b # c'], passed: 1 });
});
