/**
 * `docs/steward.md` is complete, and says nothing that no spec shows.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { stewardLists } from './support/steward-list.ts';

const root = new URL('../', import.meta.url);
const text = readFileSync(new URL('docs/steward.md', root), 'utf8');

/** The cells of each row, by the heading that it is under. */
function rowsOf(heading: string): readonly string[][] {
	const [, section = ''] = text.split(new RegExp(`^## ${heading}$`, 'm'));
	const [own = ''] = section.split(/^## /m);
	return own
		.split('\n')
		.filter((line) => line.startsWith('| '))
		.map((line) => line.slice(2, -2).split(' | '))
		.filter(([first]) => first !== 'steward');
}

const headings = [...Object.keys(stewardLists), 'From later versions of steward'];

test('everything that the README of steward promises has a row', () => {
	for (const [heading, items] of Object.entries(stewardLists)) {
		const named = rowsOf(heading).map(([first = '']) => first.replaceAll('`', ''));
		assert.deepEqual(
			items.filter((item) => !named.includes(item)),
			[],
			heading,
		);
	}
});

test('each row says what there is, and names a spec that is there', () => {
	let count = 0;
	for (const heading of headings) {
		for (const row of rowsOf(heading)) {
			const [what, ours = '', , shown = ''] = row;
			assert.equal(row.length, 4, `${heading}: ${what}: four cells`);
			assert.ok(ours.trim() !== '', `${heading}: ${what}: what is ours`);
			const [, file = '', title] = /^`(spec\/[\w./-]+\.test\.ts)`(?:: "(.+)")?$/.exec(shown) ?? [];
			const place = new URL(file, root);
			assert.ok(file !== '' && existsSync(place), `${what}: no spec ${shown}`);
			const source = readFileSync(place, 'utf8');
			const isThere = title === undefined || source.includes(title);
			assert.ok(isThere, `${what}: ${file} has no test "${title}"`);
			count += 1;
		}
	}
	assert.ok(count > 100);
});
