import assert from 'node:assert/strict';
import test from 'node:test';
import { canonicalJson } from '../../../runtime/text/canonical-json.ts';
import { createReplayGuard, type ReplayGuard } from '../../../runtime/security/replay-guard.ts';
import { openedJournal } from '../../support/open-journal.ts';

const status = (storeId: string, epoch: number, count: number) =>
	({ v: 1, state: 'online', node: 'ship1', storeId, epoch, count }) as const;

/** Offers births one after the other, and tells which were admitted. */
function offer(guard: ReplayGuard, all: readonly (readonly [string, number, number])[]): string {
	return all
		.map(([storeId, epoch, count]) =>
			guard.admitStatus(status(storeId, epoch, count)) ? 'yes' : 'no',
		)
		.join(' ');
}

test('what was seen before a restart is recognised after it', async (t) => {
	const opened = openedJournal(t);
	const stream = ['central', 'store1'] as const;
	const changes = createReplayGuard(opened.journal).admit(stream, { epoch: 1, count: 7 });
	assert.ok(changes);
	await opened.journal.commit(changes);
	const { journal } = await opened.reopen();
	const guard = createReplayGuard(journal);
	assert.equal(guard.isNew(stream, { epoch: 1, count: 7 }), false);
	assert.equal(guard.admit(stream, { epoch: 1, count: 7 }), undefined);
	assert.ok(guard.admit(stream, { epoch: 1, count: 8 }));
	assert.ok(guard.admit(['central', 'store2'], { epoch: 1, count: 7 }));
});

test('the last birth may come again, as brokers keep it, and an earlier one may not', (t) => {
	const guard = createReplayGuard(openedJournal(t).journal);
	const births = [
		['a', 1, 2],
		['a', 1, 2],
		['a', 1, 3],
		['a', 1, 2],
		['a', 2, 0],
		['a', 1, 9],
	] as const;
	assert.equal(offer(guard, births), 'yes yes yes no yes no');
});

test('births of a store that a node had before are over, unless it has started anew with it', (t) => {
	const guard = createReplayGuard(openedJournal(t).journal);
	const births = [
		['a', 3, 0],
		['b', 1, 0],
		['a', 3, 0],
		['a', 3, 9],
		['a', 4, 0],
		['b', 1, 0],
	] as const;
	assert.equal(offer(guard, births), 'yes yes no no yes no');
});

test('a store belongs to the first node that speaks for it', (t) => {
	const guard = createReplayGuard(openedJournal(t).journal);
	assert.equal(guard.bind('store1', 'ship1')?.length, 1);
	assert.deepEqual(guard.bind('store1', 'ship1'), []);
	assert.equal(guard.bind('store1', 'ship2'), undefined);
});

test('one value has one canonical text, whatever the order of its keys', () => {
	const one = { b: [1, { d: null, c: 'ä"\n' }], a: undefined, e: -0 };
	const other = { e: 0, b: [1, { c: 'ä"\n', d: null }] };
	assert.equal(canonicalJson(one), '{"b":[1,{"c":"ä\\"\\n","d":null}],"e":0}');
	assert.equal(canonicalJson(other), canonicalJson(one));
	assert.notEqual(canonicalJson(['a', 'b']), canonicalJson(['a b']));
	assert.notEqual(canonicalJson({ a: '1' }), canonicalJson({ a: 1 }));
});
