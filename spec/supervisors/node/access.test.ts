import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { signAsClient, withSignatureLine } from '../../../runtime/security/client-signature.ts';
import { keyText, makeKey } from '../../../runtime/security/keyring.ts';
import type { RunningNode } from '../../../supervisors/node/node.ts';
import { send, settled } from '../../support/local-nodes.ts';
import { refused, startSigningFleet } from '../../support/signing-fleet.ts';

const timeout = 30_000;
const topic = 'reeve/ship1/REQPing/EventACK';
const pingOf = (fields: object) => ({ toNode: 'ship1', method: 'REQPing', ...fields });

// The timers of a clock keep no process alive while a node waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

/** Resolves with the detail of the next refusal with this code. */
function refusal(node: RunningNode, code: string): Promise<string> {
	return new Promise((resolve) => {
		const unsubscribe = node.signals.subscribe((signal) => {
			if (signal.type !== 'message.refused' || signal.code !== code) return;
			unsubscribe();
			resolve(signal.detail);
		});
	});
}

/** Resolves when a message of this id has been taken. */
function taken(node: RunningNode, id: string): Promise<void> {
	return new Promise((resolve) => {
		const unsubscribe = node.signals.subscribe((signal) => {
			if (signal.type !== 'call.ended' || signal.id !== id) return;
			unsubscribe();
			resolve();
		});
	});
}

test(
	'a call that no rule allows is refused for good, and its sender is told why',
	{ timeout },
	async (t) => {
		const { start, keysFolder } = await startSigningFleet(t, ['central', 'ship1', 'ship2']);
		const rules =
			"rules:\n  - {from: central, method: '*'}\n" +
			'  - {from: ship2, method: REQCliCommand, command: echo hello}\n' +
			'  - {from: ship2, method: REQPing}\n' +
			'  - {from: ship2, method: REQPing, effect: deny}\n';
		writeFileSync(join(keysFolder('ship1'), 'acl.yaml'), rules);
		const [central, ship2, ship1] = [
			await start('central'),
			await start('ship2'),
			await start('ship1'),
		];
		const exec = (...methodArgs: string[]) => ({
			toNode: 'ship1',
			method: 'REQCliCommand',
			methodArgs,
		});
		assert.equal((await settled(central, await send(central, exec('uptime')))).state, 'done');
		assert.equal(
			(await settled(ship2, await send(ship2, exec('echo', 'hello', 'you')))).state,
			'done',
		);
		const why = refusal(ship1, 'not_allowed');
		const row = await settled(ship2, await send(ship2, exec('uptime')));
		assert.deepEqual([row.state, row.code], ['refused', 'not_allowed']);
		assert.equal(await why, 'no rule allows ship2 REQCliCommand');
		// A deny decides, though it comes behind the rule that allows.
		const denied = refusal(ship1, 'not_allowed');
		assert.equal((await settled(ship2, await send(ship2, pingOf({})))).state, 'refused');
		assert.equal(await denied, 'ship2 is denied REQPing');
	},
);

test('a reply is allowed as it was asked for, and no other', { timeout }, async (t) => {
	const { start, keysFolder } = await startSigningFleet(t, ['central', 'ship1']);
	writeFileSync(join(keysFolder('central'), 'acl.yaml'), 'rules: []\n');
	const [central, ship1] = [await start('central'), await start('ship1')];
	const fields = {
		method: 'REQCliCommand',
		methodArgs: ['echo', 'hi'],
		directory: 'd',
		fileName: 'f',
	};
	assert.equal((await settled(central, await send(central, pingOf(fields)))).state, 'done');
	const unasked = { toNode: 'central', method: 'REQToFileAppend', directory: 'd', fileName: 'f' };
	const row = await settled(ship1, await send(ship1, { ...unasked, data: 'x' }));
	assert.deepEqual([row.state, row.code], ['refused', 'not_allowed']);
});

async function publicEstate(t: TestContext, rules?: string) {
	const fleet = await startSigningFleet(t, ['ship1']);
	const { keysFolder, keyring, start, mallory } = fleet;
	const key = makeKey(join(keysFolder('ship1'), 'people', 'alice.key'));
	keyring('ship1').trust({ kind: 'client', name: 'alice', key: keyText(key) });
	if (rules !== undefined) writeFileSync(join(keysFolder('ship1'), 'acl.yaml'), rules);
	const ship1 = await start('ship1');
	const sign = (message: object, count: number, on = topic) => {
		const body = Buffer.from(JSON.stringify(message));
		const proof = signAsClient(body, { topic: on }, { by: 'alice', count, key });
		return Buffer.from(withSignatureLine(body, proof)).toString();
	};
	return { ship1, mallory, sign };
}

test(
	'where signatures are required, an unsigned public message is refused and a signed one taken',
	{
		timeout,
	},
	async (t) => {
		const { ship1, mallory, sign } = await publicEstate(t);
		const why = refusal(ship1, 'unsigned');
		await mallory.publish(topic, JSON.stringify({ id: 'one' }));
		assert.match(await why, /^REQPing on /);
		const done = taken(ship1, 'two');
		await mallory.publish(topic, sign({ id: 'two' }, 1));
		await done;
	},
);

test(
	'a signed public message that was changed, moved or played again is refused',
	{ timeout },
	async (t) => {
		const { ship1, mallory, sign } = await publicEstate(t);
		const done = taken(ship1, 'one');
		const genuine = sign({ id: 'one', note: 'mine' }, 5);
		await mallory.publish(topic, genuine);
		await done;
		const expect = async (code: string, text: string, on = topic) => {
			const why = refusal(ship1, code);
			await mallory.publish(on, text);
			await why;
		};
		await expect('bad_signature', genuine.replace('mine', 'hers'));
		await expect('bad_signature', genuine, 'reeve/ship1/REQHello/EventACK');
		await expect('bad_signature', genuine.replace(' 5 ', ' 6 '));
		await expect('unknown_key', genuine.replace('alice', 'bob'));
		await expect('bad_message', sign({ note: 'no id' }, 9));
		// The number is used up, under whatever id.
		await expect('replayed', sign({ id: 'two' }, 5));
		// The same message is a repetition, as brokers make them, and does not run again.
		const known = new Promise<void>((resolve) => {
			ship1.signals.subscribe(({ type }) => type === 'message.duplicate' && resolve());
		});
		await mallory.publish(topic, genuine);
		await known;
		assert.equal(ship1.signals.recent().filter(({ type }) => type === 'call.started').length, 1);
	},
);

test(
	'a rule can open a method to all clients, those that sign and those that do not',
	{ timeout },
	async (t) => {
		const rules = 'rules:\n  - {from: client, method: REQPing}\n';
		const { ship1, mallory, sign } = await publicEstate(t, rules);
		const done = taken(ship1, 'one');
		await mallory.publish(topic, JSON.stringify({ id: 'one' }));
		await done;
		const signed = taken(ship1, 'two');
		await mallory.publish(topic, sign({ id: 'two' }, 1));
		await signed;
	},
);

test('only central hands out keys and rules, and only signed', { timeout }, async (t) => {
	const { start, keyring } = await startSigningFleet(t, ['central', 'ship1', 'ship2'], 'on');
	const [central, ship2] = [await start('central'), await start('ship2')];
	const ship1 = await start('ship1');
	const keys = (...methodArgs: string[]) => pingOf({ method: 'keys-update', methodArgs });
	const key = keyring('ship3').ownKey();
	const row = await settled(central, await send(central, keys('trust', 'node:ship3', key)));
	assert.equal(row.state, 'done');
	assert.ok(row.output?.includes(`node:ship3  ${key}`));
	const acl = pingOf({ method: 'acl-update', methodArgs: ['--yes', 'allow', 'central', '*'] });
	assert.equal((await settled(central, await send(central, acl))).state, 'done');
	const stolen = await settled(ship2, await send(ship2, keys('trust', 'node:ship3', key)));
	assert.equal(stolen.code, 'not_allowed');
	// Who relayed it would lend it a signature, or a place on the socket.
	for (const by of ['ship1', 'central']) {
		const methodArgs = ['ship1', 'keys-update', 'trust', 'node:ship3', key];
		const relayed = await send(ship2, { toNode: by, method: 'REQRelay', methodArgs });
		assert.equal((await settled(ship2, relayed)).code, 'not_allowed', by);
	}
	keyring('ship1').revoke({ kind: 'node', name: 'central' });
	// The node looks into its folder again within a second. From then on its store is not believed.
	let isClosed = false;
	const closed = refused(ship1, 'unsigned').then(() => (isClosed = true));
	while (!isClosed) {
		await Promise.race([closed, settled(central, await send(central, keys('list')))]);
	}
	const [answer] = await ship1.api.accept(keys('list'), 'spec');
	assert.ok(answer && 'id' in answer, 'who is on the socket may');
});

test(
	'central tests calls on a node, is asked before it locks the fleet out, and keeps a way back',
	{ timeout },
	async (t) => {
		const { start } = await startSigningFleet(t, ['central', 'ship1'], 'on');
		const central = await start('central');
		await start('ship1');
		const told = async (...methodArgs: string[]) => {
			const id = await send(central, pingOf({ method: 'acl-update', methodArgs }));
			const { state, code, output = '' } = await settled(central, id);
			return state === 'done' ? output : code;
		};
		const ping = async () => (await settled(central, await send(central, pingOf({})))).state;
		assert.equal(await told('deny', 'client', 'exec'), 'unconfirmed');
		assert.equal(await told('deny', 'ship7', 'exec'), 'unknown_node');
		assert.equal(await told('deny', 'central', 'exce'), 'unknown_method');
		assert.equal(await ping(), 'done');
		assert.match((await told('--yes', 'deny', '*', '*')) ?? '', /effect: deny/);
		assert.equal(await ping(), 'refused');
		assert.equal(await told('test', 'central', 'ping'), 'refused: rule 1, deny * *\n');
		assert.match((await told('test', 'central', 'acl-update')) ?? '', /^allowed: only central/);
		assert.equal(await told('clear'), 'unconfirmed');
		assert.match((await told('--yes', 'clear')) ?? '', /no rules/);
		assert.equal(await ping(), 'done');
		const revoke = pingOf({ method: 'keys-update', methodArgs: ['revoke', 'central'] });
		assert.equal((await settled(central, await send(central, revoke))).code, 'unconfirmed');
	},
);

test(
	'where signatures are required and there are no rules, central may call, and others may report',
	{ timeout },
	async (t) => {
		const { start, keysFolder } = await startSigningFleet(t, ['central', 'ship1', 'ship2']);
		for (const node of ['central', 'ship1', 'ship2']) rmSync(join(keysFolder(node), 'acl.yaml'));
		const [central, ship2] = [await start('central'), await start('ship2')];
		const ship1 = await start('ship1');
		assert.equal((await settled(central, await send(central, pingOf({})))).state, 'done');
		const row = await settled(ship2, await send(ship2, pingOf({})));
		assert.deepEqual([row.state, row.code], ['refused', 'not_allowed']);
		const report = { toNode: 'central', method: 'REQErrorLog', data: 'x' };
		assert.equal((await settled(ship1, await send(ship1, report))).state, 'done');
		const told = async (...methodArgs: string[]) => {
			const asked = pingOf({ method: 'acl-update', methodArgs });
			return (await settled(central, await send(central, asked))).output ?? '';
		};
		assert.match(
			await told('test', 'ship2', 'ping'),
			/^refused: no rule allows ship2 REQPing \(there is no acl.yaml\)/,
		);
		assert.match(
			await told('test', 'ship2,central', 'ping'),
			/^refused: asked by ship2 through central\nship2: refused.*\ncentral: allowed/,
		);
		assert.match(await told('allow', 'ship2', 'ping'), /from: central[^]*from: ship2/);
		assert.equal((await settled(ship2, await send(ship2, pingOf({})))).state, 'done');
		assert.equal((await settled(central, await send(central, pingOf({})))).state, 'done');
	},
);
