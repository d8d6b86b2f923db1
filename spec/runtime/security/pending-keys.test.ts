import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { fingerprint, keyText, makeKey, openKeyring } from '../../../runtime/security/keyring.ts';
import { openPendingKeys } from '../../../runtime/security/pending-keys.ts';
import { announcedKey, createSigner } from '../../../runtime/security/signing.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const ship1 = { kind: 'node', name: 'ship1' } as const;

function pendingOf(t: TestScope, namesMax = 3) {
	const folder = temporaryFolder(t);
	const clock = steppedClock();
	const keyring = openKeyring({ folder, node: 'central', clock });
	const open = () => openPendingKeys({ folder, clock, keyring, namesMax });
	let made = 0;
	const newKey = () => keyText(makeKey(join(folder, 'people', `${(made += 1)}.key`)));
	return { folder, clock, keyring, open, pending: open(), newKey };
}

test('a key is pending until a person accepts it by its fingerprint, and is trusted at once then', async (t) => {
	const { pending, keyring, newKey, open, clock } = pendingOf(t);
	const key = newKey();
	assert.equal(pending.note('ship1', key), true);
	assert.equal(pending.note('ship1', key), false, 'it is told once');
	assert.deepEqual(pending.list(), [{ name: 'ship1', key, isOther: false }]);
	assert.equal(keyring.knows(ship1), false);
	assert.throws(() => pending.accept('ship1', undefined, false), {
		code: 'unconfirmed',
		message: new RegExp(fingerprint(key)),
	});
	assert.throws(() => pending.accept('ship1', '0123456789abcdef', true), { code: 'not_found' });
	// Another process does it, as the command line is one.
	assert.equal(open().accept('ship1', fingerprint(key), false).key, key);
	await clock.advance(1001);
	assert.ok(keyring.knows(ship1));
	assert.deepEqual(pending.list(), []);
	assert.equal(pending.note('ship1', key), false);
});

test('a later key of a name stands beside the earlier one, and neither is taken for the other', (t) => {
	const { pending, keyring, newKey } = pendingOf(t);
	const [first, second] = [newKey(), newKey()];
	pending.note('ship1', first);
	pending.note('ship1', second);
	assert.deepEqual(
		pending.list().map(({ key }) => key),
		[first, second],
	);
	assert.throws(() => pending.accept('ship1', undefined, true), { code: 'unconfirmed' });
	pending.accept('ship1', fingerprint(second), false);
	assert.deepEqual(
		keyring.list().map(({ key }) => key),
		[second],
	);
	assert.deepEqual(pending.list(), [{ name: 'ship1', key: first, isOther: true }]);
});

test('pending keys are limited in number, and the first ones stay', (t) => {
	const { pending, newKey } = pendingOf(t, 2);
	const keys = Array.from({ length: 6 }, newKey);
	const noted = keys.map((key) => pending.note('ship1', key));
	assert.deepEqual(noted, [true, true, true, true, false, false]);
	assert.equal(pending.note('ship2', keys[0] ?? ''), true);
	assert.equal(pending.note('ship3', keys[0] ?? ''), false);
	assert.equal(pending.list().length, 5);
});

test('a key that was rejected or revoked is not offered again', async (t) => {
	const { pending, keyring, newKey, clock } = pendingOf(t);
	const [first, second] = [newKey(), newKey()];
	pending.note('ship1', first);
	pending.note('ship1', second);
	assert.equal(pending.reject('ship1', fingerprint(first)), 1);
	assert.equal(pending.note('ship1', first), false);
	assert.equal(pending.list().length, 1);
	assert.equal(pending.reject('ship1'), 1);
	assert.throws(() => pending.reject('ship1'), { code: 'not_found' });
	const third = newKey();
	keyring.trust({ ...ship1, key: third });
	keyring.revoke(ship1);
	await clock.advance(1001);
	assert.equal(pending.note('ship1', third), false);
});

test('however many keys of a name are rejected, none of them is offered again', (t) => {
	const { pending, newKey } = pendingOf(t);
	const keys = Array.from({ length: 6 }, newKey);
	for (const key of keys) {
		assert.equal(pending.note('ship1', key), true);
		pending.reject('ship1');
	}
	for (const key of keys) assert.equal(pending.note('ship1', key), false);
	assert.deepEqual(pending.list(), []);
});

test('a key that is accepted can be accepted again by its fingerprint, which changes nothing', (t) => {
	const { pending, keyring, newKey } = pendingOf(t);
	const [first, second] = [newKey(), newKey()];
	pending.note('ship1', first);
	assert.equal(pending.accept('ship1', fingerprint(first), false).isAccepted, undefined);
	const again = pending.accept('ship1', fingerprint(first), false);
	assert.deepEqual(again, { name: 'ship1', key: first, isOther: false, isAccepted: true });
	assert.throws(() => pending.accept('ship1', undefined, true), { code: 'not_found' });
	pending.note('ship1', second);
	assert.equal(pending.accept('ship1', fingerprint(first), false).key, first);
	assert.deepEqual(
		keyring.list().map(({ key }) => key),
		[first],
	);
	keyring.revoke(ship1);
	assert.throws(() => pending.accept('ship1', fingerprint(first), false), { code: 'not_found' });
});

test('a name whose list others have filled is told, and its own key is accepted as text', (t) => {
	const { pending, keyring, newKey } = pendingOf(t);
	for (let at = 0; at < 4; at += 1) {
		assert.deepEqual(pending.full(), []);
		pending.note('ship1', newKey());
	}
	const own = newKey();
	assert.equal(pending.note('ship1', own), false);
	assert.deepEqual(pending.full(), ['ship1']);
	assert.throws(() => pending.accept('ship1', fingerprint(own), false), {
		code: 'not_found',
		message: /reeve keys trust ship1 KEY/,
	});
	keyring.trust({ ...ship1, key: own });
	assert.equal(pending.reject('ship1'), 4);
	assert.deepEqual(pending.full(), []);
});

test('a birth announces a key only if it is signed with that key', (t) => {
	const { keyring, newKey } = pendingOf(t);
	const signer = createSigner({ keyring, signing: 'on' });
	const birth = (key: unknown) => signer.signJson('reeve/x/_status', { node: 'x', key }, 1);
	const own = keyring.ownKey();
	assert.equal(announcedKey('reeve/x/_status', birth(own)), own);
	assert.equal(announcedKey('reeve/y/_status', birth(own)), undefined, 'on another topic');
	assert.equal(announcedKey('reeve/x/_status', birth(newKey())), undefined);
	for (const text of [
		'',
		'{',
		'null',
		'[]',
		JSON.stringify({ key: own }),
		JSON.stringify({ key: 5 }),
	])
		assert.equal(announcedKey('reeve/x/_status', Buffer.from(text)), undefined, text);
	assert.equal(announcedKey('reeve/x/_status', birth('no key')), undefined);
});
