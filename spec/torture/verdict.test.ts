import assert from 'node:assert/strict';
import test from 'node:test';
import { judge, type LedgerRow, type Evidence, type Verdict } from './verdict.ts';
import type { Stream } from './work.ts';

const stream = (rest: Partial<Stream> = {}): Stream => ({
	name: 's',
	aim: 'append',
	from: 'central',
	to: 'ship1',
	trace: '/ship1/s',
	accepted: 2,
	...rest,
});

/** The evidence of a stream whose two messages ended in these states. */
function evidence(rest: Partial<Stream>, states: readonly string[], files: Partial<Evidence> = {}) {
	const ledger = new Map<string, LedgerRow>(
		states.map((state, index) => [
			`s.00000${index + 1}`,
			{ state, settled: state !== 'sent' && state !== 'accepted' },
		]),
	);
	return { stream: stream(rest), ledger, trace: [], replies: [], ...files };
}

function counts(given: Evidence): Omit<Verdict, 'faults'> {
	const { accepted, settled, lost, doubled, misordered } = judge([given]);
	return { accepted, settled, lost, doubled, misordered };
}

const both = ['s.000001', 's.000002'];
const good = { accepted: 2, settled: 2, lost: 0, doubled: 0, misordered: 0 };

test('no fault is found if every line is there once and in order', () => {
	assert.deepEqual(counts(evidence({}, ['done', 'done'], { trace: both })), good);
	const replied = evidence({ aim: 'reply', replies: '/r' }, ['done', 'interrupted'], {
		trace: both,
		replies: both.slice(0, 1),
	});
	assert.deepEqual(counts(replied), good);
});

test('a message without an outcome, or unknown to its sender, is lost', () => {
	const found = counts(evidence({ accepted: 3 }, ['done', 'accepted'], { trace: both }));
	assert.deepEqual(found, { ...good, accepted: 3, settled: 1, lost: 2 });
});

test('a message that is done but has no line is lost', () => {
	for (const aim of ['append', 'command', 'again'] as const) {
		const found = counts(evidence({ aim }, ['done', 'done'], { trace: both.slice(0, 1) }));
		assert.deepEqual(found, { ...good, lost: 1 }, aim);
	}
	const replied = evidence({ aim: 'reply', replies: '/r' }, ['done', 'done'], { trace: both });
	assert.deepEqual(counts(replied), { ...good, lost: 2 });
});

test('an interrupted append must have its line; an interrupted command need not', () => {
	const states = ['done', 'interrupted'];
	const files = { trace: both.slice(0, 1) };
	assert.deepEqual(counts(evidence({}, states, files)), { ...good, lost: 1 });
	assert.deepEqual(counts(evidence({ aim: 'command' }, states, files)), good);
});

test('a line that is there twice is doubled, except for commands that may run again', () => {
	const files = { trace: [...both, 's.000002'] };
	for (const aim of ['append', 'command', 'impatient'] as const) {
		assert.equal(counts(evidence({ aim }, ['done', 'done'], files)).doubled, 1, aim);
	}
	assert.deepEqual(counts(evidence({ aim: 'again' }, ['done', 'done'], files)), good);
	const replies = ['s.000001', ...both];
	const replied = evidence({ aim: 'reply', replies: '/r' }, ['done', 'done'], {
		trace: both,
		replies,
	});
	assert.deepEqual(counts(replied), { ...good, doubled: 1 });
});

test('a message that ran although its sender was told that it never would is doubled', () => {
	for (const aim of ['impatient', 'again'] as const) {
		const found = counts(evidence({ aim }, ['expired', 'done'], { trace: both }));
		assert.deepEqual(found, { ...good, doubled: 1 }, aim);
	}
});

test('lines of an ordered stream after a later one are misordered', () => {
	const files = { trace: both.toReversed() };
	assert.deepEqual(counts(evidence({}, ['done', 'done'], files)), { ...good, misordered: 1 });
	assert.deepEqual(counts(evidence({ aim: 'command' }, ['done', 'done'], files)), good);
});

test('a line of no message, such as half of one, is a fault', () => {
	const found = judge([evidence({}, ['done', 'done'], { trace: [...both, 's.0000'] })]);
	assert.equal(found.lost, 1);
	assert.match(found.faults[0] ?? '', /"s\.0000" belongs to no message/);
});

test('the streams are added up', () => {
	const found = judge([
		evidence({}, ['done', 'sent'], { trace: both }),
		evidence({ aim: 'command' }, ['done', 'done'], { trace: [...both, ...both] }),
	]);
	assert.deepEqual(
		[found.accepted, found.settled, found.lost, found.doubled, found.faults.length],
		[4, 3, 1, 2, 3],
	);
});
