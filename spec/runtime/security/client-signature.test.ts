import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { createPublicIntake } from '../../../runtime/intake/public-intake.ts';
import type { MethodDefinition } from '../../../runtime/method/method.ts';
import type { PublicProperties } from '../../../runtime/network/transport.ts';
import { openAccess } from '../../../runtime/security/access-rules.ts';
import {
	createClientCheck,
	signAsClient,
	withSignatureLine,
} from '../../../runtime/security/client-signature.ts';
import { keyText, makeKey, openKeyring } from '../../../runtime/security/keyring.ts';
import { createReplayGuard } from '../../../runtime/security/replay-guard.ts';
import { readPayload } from '../../../runtime/text/payload.ts';
import { composedNode } from '../../support/composed-node.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const topic = 'reeve/ship1/REQPing/EventACK';

interface Given {
	readonly signing?: 'off' | 'on' | 'required';
	readonly rules?: string;
}

/** The public intake of ship1, which trusts a key of alice, with its parser counted. */
function intakeOf(t: TestScope, { signing = 'required', rules }: Given = {}) {
	const node = composedNode(t);
	const folder = temporaryFolder(t);
	const { clock, journal, services } = node;
	const keyring = openKeyring({ folder, node: 'ship1', clock });
	const key = makeKey(join(folder, 'alice.key'));
	keyring.trust({ kind: 'client', name: 'alice', key: keyText(key) });
	if (rules !== undefined) writeFileSync(join(folder, 'acl.yaml'), rules);
	const access = openAccess({ path: join(folder, 'acl.yaml'), clock });
	const accepted: unknown[] = [];
	const refused: string[] = [];
	let parsed = 0;
	const intake = createPublicIntake({
		node: 'ship1',
		clock,
		config: configOf({}),
		signals: services.signals,
		journal,
		authority: services.authority,
		ledger: services.ledger,
		methods: { find: (name) => ({ name }) as MethodDefinition },
		accept(raw, _via, { caller }) {
			const { id = 'new' } = raw as { id?: string };
			accepted.push([id, caller.kind === 'client' ? caller.name : caller.kind]);
			return Promise.resolve([{ id, toNode: 'ship1' }]);
		},
		refuse(error, detail) {
			refused.push(error);
			return { error, detail, hint: '' };
		},
		clientCheck: createClientCheck({
			authorization: { access, keyring },
			signing,
			guard: createReplayGuard(journal),
		}),
		read(...given) {
			parsed += 1;
			return readPayload(...given);
		},
	});
	/** How often a body was parsed, and what was refused meanwhile. */
	const costOf = async (
		payload: string | Uint8Array,
		properties?: PublicProperties,
		method = 'REQPing',
	) => {
		const before = parsed;
		refused.length = 0;
		await intake(Buffer.from(payload), { method, kind: 'EventACK' }, properties);
		return `${parsed - before} ${refused.join()}`;
	};
	return { key, accepted, costOf };
}

type Around = PublicProperties & { readonly count?: number };
type Key = ReturnType<typeof makeKey>;
const signed = (key: Key, body: string, { count = 1, ...around }: Around = {}) =>
	signAsClient(Buffer.from(body), { topic, ...around }, { by: 'alice', count, key });
const withLine = (key: Key, body: string, count = 1) =>
	Buffer.from(withSignatureLine(Buffer.from(body), signed(key, body, { count }))).toString();

/** Bodies that take a parser long, or did. */
const slow: readonly string[] = [
	Array.from({ length: 40_000 }, (_, index) => `k${index}: 1\n`).join(''),
	'['.repeat(4_000_000),
	'- '.repeat(2_000_000),
	`{"data": ${'[1],'.repeat(100_000)}`,
];

test('work before knowing: nothing that a stranger publishes is parsed where signatures are required', async (t) => {
	const { costOf, accepted, key } = intakeOf(t);
	for (const body of slow) {
		assert.equal(await costOf(body), '0 unsigned');
		assert.equal(
			await costOf(`reeve-signature: 1 mallory 1 ${'A'.repeat(86)}\n${body}`),
			'0 unknown_key',
		);
		assert.equal(
			await costOf(`reeve-signature: 1 alice 1 ${'A'.repeat(86)}\n${body}`),
			'0 bad_signature',
		);
		assert.equal(await costOf(`reeve-signature: ${body}`), '0 bad_signature');
	}
	assert.equal(await costOf('x'.repeat(5_000_000)), '0 too_large');
	assert.equal(await costOf(withLine(key, '{"id": "a"}')), '1 ');
	assert.deepEqual(accepted, [['a', 'alice']]);
});

test('work before knowing: only a method that a rule can open to strangers has its arguments read', async (t) => {
	const rules =
		'groups: {people: [client]}\ncommands: {some: [uptime]}\nrules:\n' +
		'  - {from: client, method: REQPing}\n' +
		"  - {from: '*', method: REQHello}\n" +
		"  - {from: '@people', method: REQCliCommand, command: '@some'}\n" +
		'  - {from: client, method: REQToFile}\n' +
		"  - {from: '*', method: REQToFile, effect: deny}\n";
	const { costOf } = intakeOf(t, { rules });
	const cost = (method: string, message: object) => costOf(JSON.stringify(message), {}, method);
	assert.equal(await cost('REQPing', {}), '1 ');
	assert.equal(await cost('REQHello', {}), '0 unsigned');
	assert.equal(await cost('REQCliCommand', { methodArgs: ['uptime'] }), '1 ');
	assert.equal(await cost('REQCliCommand', { methodArgs: ['sh'] }), '1 unsigned');
	assert.equal(await cost('REQToFile', {}), '0 unsigned');
});

test('a stranger is told nothing where signatures are required: an answer would be written for him', async (t) => {
	const asked = { responseTopic: 'client/a', correlationData: Buffer.from('c') };
	const node = composedNode(t, { signing: 'required', keysFolder: temporaryFolder(t) });
	await node.services.listener.publicMessage(topic, Buffer.from('{"id": "a"}'), asked);
	assert.equal(node.services.outcomePublisher.waiting(), 0);
	assert.equal(node.seen('message.refused').length, 1);
});

test('a signature covers the topic, the number, the body, and where the answer goes, in either form', async (t) => {
	const { costOf, key, accepted } = intakeOf(t);
	const body = '{"id": "a"}';
	const around = { responseTopic: 'me/answer', correlationData: Buffer.from('c1') };
	const proof = signed(key, body, { count: 7, ...around });
	assert.equal(await costOf(body, { ...around, proof }), '1 ');
	const changed: readonly [string, PublicProperties, string?][] = [
		[body, { responseTopic: 'hers/answer', correlationData: around.correlationData, proof }],
		[body, { responseTopic: 'me/answer', correlationData: Buffer.from('c2'), proof }],
		[body, { responseTopic: 'me/answer', proof }],
		[body, { proof }],
		[`${body} `, { ...around, proof }],
		[body, { ...around, proof: { ...proof, count: '8' } }],
		[body, { ...around, proof }, 'REQHello'],
		[body, { ...around, proof: { by: 'alice', count: '7' } }],
		[body, { ...around, proof: { ...proof, count: '7e0' } }],
		[withLine(key, body), { proof }],
	];
	for (const [text, properties, method] of changed) {
		assert.equal(await costOf(text, properties, method), '0 bad_signature');
	}
	const line = withLine(key, body, 9);
	assert.equal(await costOf(line, { responseTopic: 'hers/answer' }), '0 bad_signature');
	for (const text of [
		line.replace('\n', ' x\n'),
		line.replace(': 1 ', ': 2 '),
		line.replace('\n', ' '),
		line.replace(' 9 ', ' 10 '),
		line.replace(' alice ', ` ${'a'.repeat(400)} `),
	]) {
		assert.equal(await costOf(text), '0 bad_signature', text);
	}
	assert.equal(await costOf(line), '1 ');
	assert.deepEqual(accepted, [
		['a', 'alice'],
		['a', 'alice'],
	]);
});

test('one signature is for all messages of a body, and its number is used up by them together', async (t) => {
	const { costOf, key, accepted } = intakeOf(t);
	assert.equal(
		await costOf(withLine(key, '[{"id": "a"}, {"ID": "b"}, {"note": "c"}]', 3)),
		'1 bad_message',
	);
	assert.deepEqual(accepted, [
		['a', 'alice'],
		['b', 'alice'],
	]);
	assert.equal(await costOf(withLine(key, '{"id": "d"}', 3)), '1 replayed');
	assert.equal(await costOf(withLine(key, '{"id": "d"}', 4)), '1 ');
});

test('a node that checks no signatures takes the body of what is signed, from a client without a name', async (t) => {
	const { costOf, key, accepted } = intakeOf(t, { signing: 'off' });
	assert.equal(await costOf(withLine(key, '{"id": "a"}')), '1 ');
	assert.equal(await costOf('{"id": "b"}', { proof: signed(key, 'another') }), '1 ');
	assert.deepEqual(accepted, [
		['a', undefined],
		['b', undefined],
	]);
});
