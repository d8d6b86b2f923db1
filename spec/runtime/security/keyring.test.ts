import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import {
	fingerprint,
	keyText,
	makeKey,
	openKeyring,
	readKey,
} from '../../../runtime/security/keyring.ts';
import { runScript } from '../../support/scripts.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const ship1 = { kind: 'node', name: 'ship1' } as const;
const alice = { kind: 'client', name: 'alice' } as const;
const bytes = Buffer.from('what is said');

function keyringOf(t: TestScope, node = 'central', folder = temporaryFolder(t)) {
	const clock = steppedClock();
	return { folder, clock, keyring: openKeyring({ folder, node, clock }) };
}

test('a node makes its key pair once, and only its owner may read the private half', (t) => {
	const { folder, keyring } = keyringOf(t);
	const key = keyring.ownKey();
	assert.match(key, /^ed25519:[\w-]{43}$/);
	assert.equal(statSync(join(folder, 'own.key')).mode & 0o777, 0o600);
	assert.equal(readFileSync(join(folder, 'own.pub'), 'utf8'), `${key}\n`);
	assert.equal(keyringOf(t, 'central', folder).keyring.ownKey(), key);
	assert.ok(keyring.verify({ kind: 'node', name: 'central' }, bytes, keyring.sign(bytes)));
});

test('a private key that others may read is refused', (t) => {
	const { folder, keyring } = keyringOf(t);
	const key = keyring.ownKey();
	const path = join(folder, 'own.key');
	// Its group or others may read it, write it, or both.
	for (const mode of [0o640, 0o604, 0o660, 0o606, 0o620, 0o602, 0o644, 0o666]) {
		chmodSync(path, mode);
		const again = keyringOf(t, 'central', folder).keyring;
		const refused = { code: 'bad_key', message: /chmod 600/ };
		assert.throws(() => again.ownKey(), refused, mode.toString(8));
	}
	for (const mode of [0o600, 0o400]) {
		chmodSync(path, mode);
		assert.equal(keyringOf(t, 'central', folder).keyring.ownKey(), key, mode.toString(8));
	}
});

test('a private key in another encoding is refused by that name, and taken with a byte order mark', (t) => {
	const { folder, keyring } = keyringOf(t);
	const key = keyring.ownKey();
	const path = join(folder, 'own.key');
	const text = readFileSync(path, 'utf8');
	writeFileSync(path, `\ufeff${text}`);
	assert.equal(keyringOf(t, 'central', folder).keyring.ownKey(), key);
	writeFileSync(path, Buffer.from(text, 'utf16le'));
	const again = keyringOf(t, 'central', folder).keyring;
	assert.throws(() => again.ownKey(), { code: 'bad_key', message: /UTF-16/ });
});

test('only a trusted key of the very sender verifies, and only the very bytes', (t) => {
	const { keyring } = keyringOf(t);
	const other = keyringOf(t, 'ship1').keyring;
	const signature = other.sign(bytes);
	assert.equal(keyring.knows(ship1), false);
	assert.equal(keyring.verify(ship1, bytes, signature), false);
	keyring.trust({ ...ship1, key: other.ownKey() });
	assert.ok(keyring.verify(ship1, bytes, signature));
	assert.equal(keyring.verify({ ...ship1, name: 'ship2' }, bytes, signature), false);
	assert.equal(keyring.verify({ ...ship1, kind: 'client' }, bytes, signature), false);
	assert.equal(keyring.verify(ship1, Buffer.from('something else'), signature), false);
	assert.equal(keyring.verify(ship1, bytes, signature.subarray(1)), false);
});

test('a key file that was edited where it lies is read again, though it is as long as before', async (t) => {
	const { folder, keyring, clock } = keyringOf(t);
	const [old, next] = [keyringOf(t, 'ship1').keyring, keyringOf(t, 'ship1').keyring];
	keyring.trust({ ...ship1, key: old.ownKey() });
	assert.ok(keyring.verify(ship1, bytes, old.sign(bytes)));
	const path = join(folder, 'nodes', 'ship1.pub');
	writeFileSync(path, `${next.ownKey()}\n`);
	utimesSync(path, 1, 1);
	await clock.advance(1001);
	assert.ok(keyring.verify(ship1, bytes, next.sign(bytes)));
	assert.equal(keyring.verify(ship1, bytes, old.sign(bytes)), false);
});

test('two keys of one node are trusted while one is exchanged, until the old one is revoked', (t) => {
	const { keyring } = keyringOf(t);
	const [old, next] = [keyringOf(t, 'ship1').keyring, keyringOf(t, 'ship1').keyring];
	for (const each of [old, next, next]) keyring.trust({ ...ship1, key: each.ownKey() });
	assert.equal(keyring.list().length, 2);
	assert.ok(keyring.verify(ship1, bytes, old.sign(bytes)));
	assert.ok(keyring.verify(ship1, bytes, next.sign(bytes)));
	assert.equal(keyring.revoke(ship1, old.ownKey()), 1);
	assert.equal(keyring.verify(ship1, bytes, old.sign(bytes)), false);
	assert.equal(keyring.revoke(ship1), 1);
	assert.equal(keyring.revoke(ship1), 0);
	assert.equal(keyring.knows(ship1), false);
});

test('keys that are put into the folder by hand are found within a second', async (t) => {
	const { folder, clock, keyring } = keyringOf(t);
	assert.equal(keyring.knows(alice), false);
	const key = keyText(makeKey(join(folder, 'people', 'alice.key')));
	mkdirSync(join(folder, 'clients'));
	writeFileSync(join(folder, 'clients', 'alice.pub'), `# of alice\n${key} her laptop\n\n`);
	await clock.advance(1001);
	assert.ok(keyring.knows(alice));
	assert.deepEqual(keyring.list(), [{ ...alice, key }]);
});

test('a malformed key file costs that key alone, is told, and lets its owner in without a key no more', async (t) => {
	const { folder, clock, keyring } = keyringOf(t);
	const [good, second] = [keyringOf(t, 'ship2').keyring, keyringOf(t, 'ship1').keyring];
	keyring.trust({ ...ship1, name: 'ship2', key: good.ownKey() });
	const told: string[] = [];
	keyring.onProblem(({ place, why }) => told.push(`${place}: ${why}`));
	const nodes = join(folder, 'nodes');
	writeFileSync(join(nodes, 'ship1.pub'), `\nssh-ed25519 AAAA\n${second.ownKey()}\n`);
	writeFileSync(join(nodes, 'ship3.pub'), Buffer.from([0xff, 0xfe, 0]));
	writeFileSync(join(nodes, 'ship4.pub'), '');
	mkdirSync(join(nodes, 'ship5.pub'));
	await clock.advance(1001);
	assert.ok(keyring.verify({ ...ship1, name: 'ship2' }, bytes, good.sign(bytes)));
	assert.ok(keyring.verify(ship1, bytes, second.sign(bytes)));
	assert.deepEqual(
		keyring.list().map(({ name }) => name),
		['ship1', 'ship2'],
	);
	const places = keyring.problems().map(({ place }) => place.slice(nodes.length + 1));
	assert.deepEqual(places.toSorted(), ['ship1.pub:2', 'ship3.pub', 'ship4.pub', 'ship5.pub']);
	assert.equal(told.length, 4);
	assert.ok(!told.join().includes('AAAA'), 'what it holds is not repeated');
	for (const name of ['ship3', 'ship4', 'ship5']) {
		assert.ok(keyring.knows({ ...ship1, name }), name);
		assert.equal(keyring.verify({ ...ship1, name }, bytes, second.sign(bytes)), false);
	}
});

test('a key that is revoked by an edit of its file in place is trusted no more', async (t) => {
	const { folder, clock, keyring } = keyringOf(t);
	const [old, next] = [keyringOf(t, 'ship1').keyring, keyringOf(t, 'ship1').keyring];
	keyring.trust({ ...ship1, key: old.ownKey() });
	assert.ok(keyring.verify(ship1, bytes, old.sign(bytes)));
	writeFileSync(join(folder, 'nodes', 'ship1.pub'), `# a new one\n${next.ownKey()}\n`);
	await clock.advance(1001);
	assert.equal(keyring.verify(ship1, bytes, old.sign(bytes)), false);
	assert.ok(keyring.verify(ship1, bytes, next.sign(bytes)));
});

test('what is no key, or no name, cannot be trusted', (t) => {
	const { keyring } = keyringOf(t);
	assert.throws(() => readKey('ed25519:short'), { code: 'bad_key' });
	assert.throws(() => keyring.trust({ ...ship1, name: '../x', key: 'ed25519:x' }), {
		code: 'bad_name',
	});
});

test('a key is not made over another one', (t) => {
	const path = join(temporaryFolder(t), 'alice.key');
	const text = keyText(makeKey(path));
	assert.throws(() => makeKey(path), { code: 'bad_key' });
	assert.match(fingerprint(text), /^[0-9a-f]{16}$/);
});

test('what other processes have changed meanwhile stays: the keys of one owner', (t) => {
	const folder = temporaryFolder(t);
	const [one, other] = [keyringOf(t, 'central', folder), keyringOf(t, 'central', folder)];
	const keys = ['ship1', 'ship2', 'ship3'].map((node) => keyringOf(t, node).keyring.ownKey());
	const [first = '', second = '', third = ''] = keys;
	for (const { keyring } of [one, other]) assert.deepEqual(keyring.list(), []);
	one.keyring.trust({ ...ship1, key: first });
	other.keyring.trust({ ...ship1, key: second });
	one.keyring.trust({ ...ship1, key: third });
	assert.equal(other.keyring.revoke(ship1, third), 1);
	assert.deepEqual(
		keyringOf(t, 'central', folder)
			.keyring.list()
			.map(({ key }) => key),
		[first, second],
	);
});

test(
	'several processes that make one key pair get the same one',
	{ timeout: 60_000 },
	async (t) => {
		const folder = temporaryFolder(t);
		const script = `
		import { realClock } from './runtime/platform/clock.ts';
		import { openKeyring } from './runtime/security/keyring.ts';
		const folder = ${JSON.stringify(folder)};
		const keys = [];
		for (let at = 0; at < 40; at += 1) {
			const own = { folder: folder + '/' + at, node: 'central', clock: realClock };
			keys.push(openKeyring(own).ownKey());
		}
		console.log(keys.join(' '));`;
		const said = await Promise.all([runScript(script), runScript(script)]);
		assert.equal(said[0], said[1]);
	},
);
