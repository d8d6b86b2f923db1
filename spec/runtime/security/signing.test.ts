import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { openKeyring } from '../../../runtime/security/keyring.ts';
import { createSigner, passingSigner, readSigned } from '../../../runtime/security/signing.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const topic = 'reeve/ship1/_lane/REQPing/EventACK';
const content = Buffer.from('any bytes');

/** The signers of ship1, which knows central, and of central. */
function signersOf(t: TestScope, signing: 'on' | 'required') {
	const keyringOf = (node: string) =>
		openKeyring({ folder: temporaryFolder(t), node, clock: steppedClock() });
	const [central, ship1] = [keyringOf('central'), keyringOf('ship1')];
	ship1.trust({ kind: 'node', name: 'central', key: central.ownKey() });
	return {
		central: createSigner({ keyring: central, signing: 'on' }),
		ship1: createSigner({ keyring: ship1, signing }),
		stranger: createSigner({ keyring: keyringOf('central'), signing: 'on' }),
	};
}

test('a signature proves the topic, the number and the content of a frame, all of them', (t) => {
	const { central, ship1 } = signersOf(t, 'required');
	const signed = readSigned(central.sign(topic, content));
	assert.deepEqual(Buffer.from(signed.content), content);
	assert.equal(ship1.check(topic, signed, 'central'), true);
	const wrong = { code: 'bad_signature' };
	const { proof } = signed;
	assert.ok(proof);
	assert.throws(() => ship1.check(`${topic}2`, signed, 'central'), wrong);
	assert.throws(
		() => ship1.check(topic, { ...signed, content: Buffer.from('Any bytes') }, 'central'),
		wrong,
	);
	const later = { ...proof, count: proof.count + 1 };
	assert.throws(() => ship1.check(topic, { ...signed, proof: later }, 'central'), wrong);
});

test('numbers of one sender rise, whatever the topic', (t) => {
	const { central } = signersOf(t, 'on');
	const counts = ['a', 'b', 'a'].map((on) => readSigned(central.sign(on, content)).proof?.count);
	assert.deepEqual(counts, [1, 2, 3]);
});

test('on: who has a trusted key must use it, and others are believed as before', (t) => {
	const { central, ship1, stranger } = signersOf(t, 'on');
	assert.throws(() => ship1.check(topic, { content }, 'central'), { code: 'unsigned' });
	const forged = readSigned(stranger.sign(topic, content));
	assert.throws(() => ship1.check(topic, forged, 'central'), { code: 'bad_signature' });
	assert.equal(ship1.check(topic, { content }, 'ship2'), false);
	assert.equal(ship1.check(topic, readSigned(central.sign(topic, content)), 'ship2'), false);
});

test('required: nothing unsigned, and no unknown key', (t) => {
	const { central, ship1 } = signersOf(t, 'required');
	assert.throws(() => ship1.check(topic, { content }, 'ship2'), { code: 'unsigned' });
	const unknown = readSigned(central.sign(topic, content));
	assert.throws(() => ship1.check(topic, unknown, 'ship2'), { code: 'unknown_key' });
});

test('off: signed frames are understood, and prove nothing', (t) => {
	const { central } = signersOf(t, 'on');
	const signed = readSigned(central.sign(topic, content));
	assert.deepEqual(Buffer.from(signed.content), content);
	assert.equal(passingSigner.check(topic, signed, 'central'), false);
	assert.equal(passingSigner.sign(topic, content), content);
});

test('a birth is proven as a value, however its JSON is laid out', (t) => {
	const { central, ship1 } = signersOf(t, 'required');
	const birth = { v: 1, node: 'central', methods: ['REQPing'], host: undefined };
	const payload = central.signJson(topic, birth, 6);
	assert.equal(ship1.checkJson(topic, payload, 'central'), 6);
	const said = JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
	const turned = Object.fromEntries(Object.entries(said).toReversed());
	const laidOut = Buffer.from(JSON.stringify(turned, undefined, 2));
	assert.equal(ship1.checkJson(topic, laidOut, 'central'), 6);
	const changed = Buffer.from(JSON.stringify({ ...said, count: 8 }));
	assert.throws(() => ship1.checkJson(topic, changed, 'central'), { code: 'bad_signature' });
	const { signature: _, ...bare } = said;
	const unsigned = Buffer.from(JSON.stringify(bare));
	assert.throws(() => ship1.checkJson(topic, unsigned, 'central'), { code: 'unsigned' });
});

test('a signed frame that is cut or of another version is no frame', (t) => {
	const { central } = signersOf(t, 'on');
	const signed = Buffer.from(central.sign(topic, content));
	assert.throws(() => readSigned(signed.subarray(0, 40)), { code: 'bad_frame' });
	signed[1] = 2;
	assert.throws(() => readSigned(signed), { code: 'bad_frame' });
});
