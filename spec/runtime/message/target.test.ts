import assert from 'node:assert/strict';
import test from 'node:test';
import {
	limited,
	readTarget,
	resolveTarget,
	type Candidate,
} from '../../../runtime/message/target.ts';

const known: readonly Candidate[] = [
	{ name: 'central', facts: { os: 'linux', role: 'control' } },
	{ name: 'ship1', facts: { os: 'linux', role: 'db-main', site: 'oslo', path: '/srv/db' } },
	{ name: 'ship2', facts: { os: 'darwin', role: 'web', site: 'bergen' } },
	{ name: 'ship10', facts: { os: 'linux', role: 'web and db', site: 'oslo' } },
	{ name: 'buoy.1' },
];
const meant = (text: string) => resolveTarget(readTarget(text), known).join(' ');

/** A target, and the nodes that it means. */
const rows: readonly (readonly [target: string, nodes: string])[] = [
	['ship1', 'ship1'],
	['ship1,ship2', 'ship1 ship2'],
	['ship2 ship1  ship1', 'ship1 ship2'],
	['ship1,ship9', 'ship1 ship9'],
	[' ship1, ship2,,ship1 ', 'ship1 ship2'],
	['ship*', 'ship1 ship10 ship2'],
	['ship?', 'ship1 ship2'],
	['ship[12]', 'ship1 ship2'],
	['{central,buoy}*', 'buoy.1 central'],
	['*', 'buoy.1 central ship1 ship10 ship2'],
	['ship2,cent*,ship9', 'central ship2 ship9'],
	['os=linux', 'central ship1 ship10'],
	['os = linux', 'central ship1 ship10'],
	['os=linux and role~db', 'ship1 ship10'],
	['os=linux and role=db', ''],
	['role=db*', 'ship1'],
	['role="web and db"', 'ship10'],
	['path~/db', 'ship1'],
	['path=/srv/*', 'ship1'],
	['not os=linux', 'buoy.1 ship2'],
	['os!=linux', 'buoy.1 ship2'],
	['ship* and not site=oslo', 'ship2'],
	['site=bergen or role=control', 'central ship2'],
	['os=linux and site=oslo or os=darwin', 'ship1 ship10 ship2'],
	['os=linux and (site=bergen or role=control)', 'central'],
	['not (os=linux or os=darwin)', 'buoy.1'],
	['site=bergen,central', 'central ship2'],
	['site=bergen, ship9', 'ship2 ship9'],
	['ship9 or site=bergen', 'ship2 ship9'],
	['ship9 and site=bergen', ''],
	['not ship9 and site=bergen', 'ship2'],
	['toString=x', ''],
];

for (const [target, nodes] of rows) {
	test(`${target} means ${nodes || 'no node'}`, () => assert.equal(meant(target), nodes));
}

test('what cannot be understood is an error that names the word', () => {
	for (const text of [
		'',
		'  ',
		'os=',
		'and',
		'ship1 and',
		'(ship1',
		'ship1)',
		'a=b=c',
		'=x',
		'!',
	]) {
		assert.throws(() => readTarget(text), { code: 'bad_target' }, text);
	}
	for (const text of ['ship* ship?', 'os=linux role=db', 'a~b c', 'sh"ip', '/etc/*', '{a', 'a}']) {
		assert.throws(() => readTarget(text), { code: 'bad_target' }, text);
	}
	assert.throws(() => readTarget('os=linux )'), { detail: /"\)"/ });
	assert.throws(() => readTarget('x'.repeat(200_000)), { code: 'bad_target' });
});

test('any text is understood or refused, and never hangs', () => {
	const pieces = [
		'ship',
		'*',
		'?',
		'[',
		']',
		'{',
		'}',
		'(',
		')',
		',',
		'=',
		'~',
		'!',
		' and ',
		'"',
		' ',
	];
	let seed = 1;
	for (let round = 0; round < 3000; round += 1) {
		let text = '';
		for (let count = 0; count < 12; count += 1) {
			seed = (seed * 48_271) % 2_147_483_647;
			text += pieces[seed % pieces.length];
		}
		try {
			meant(text);
		} catch (thrown) {
			assert.equal(Reflect.get(Object(thrown), 'code'), 'bad_target', text);
		}
	}
});

test('a limit takes the first ones, by number or by percentage, and at least one', () => {
	const names = ['a', 'b', 'c', 'd', 'e'];
	assert.deepEqual(limited(names, '2'), ['a', 'b']);
	assert.deepEqual(limited(names, '9'), names);
	assert.deepEqual(limited(names, '10%'), ['a']);
	assert.deepEqual(limited(names, '50%'), ['a', 'b', 'c']);
	assert.deepEqual(limited(names, '100%'), names);
	for (const wrong of ['0', '-1', 'x', '101%', '0%', '', '1.5']) {
		assert.throws(() => limited(names, wrong), { code: 'bad_target' }, wrong);
	}
});
