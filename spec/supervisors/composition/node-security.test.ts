import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { after, before } from 'node:test';
import { frameVersion, packFrames } from '../../../runtime/protocol/frame.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { fingerprint, openKeyring } from '../../../runtime/security/keyring.ts';
import { writeFirstRules } from '../../../runtime/security/access-rules.ts';
import { openPendingKeys } from '../../../runtime/security/pending-keys.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createSigner, readSigned } from '../../../runtime/security/signing.ts';
import { ask, seen, send, settled, signalOf } from '../../support/local-nodes.ts';
import { refused, startSigningFleet } from '../../support/signing-fleet.ts';
import type { NodeRow } from '../../../runtime/queries/question.ts';
import { packAcknowledgement } from '../../../runtime/protocol/acknowledgement.ts';

const timeout = 30_000;
const lane = /\/_lane\//;

// The timers of a clock keep no process alive while a node waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

const ping = { toNode: 'ship1', method: 'REQPing' };
const hello = { toNode: 'ship1', method: 'REQHello', kind: 'EventNACK' };

test('nodes that require signatures work with one another', { timeout }, async (t) => {
	const fleet = await startSigningFleet(t, ['central', 'ship1']);
	const central = await fleet.start('central');
	const ship1 = await fleet.start('ship1');
	const id = await send(central, {
		...ping,
		method: 'REQCliCommand',
		methodArgs: ['echo', 'hello'],
	});
	const row = await settled(central, id);
	assert.deepEqual([row.state, row.output], ['done', 'hello\n']);
	for (const node of [central, ship1])
		assert.equal(node.signals.counts()['signature.refused'], undefined);
	assert.equal((await fleet.mallory.overhear(lane)).payload[0], 0xc1);
});

test(
	'a frame that was changed on its way is refused, counted and reported',
	{ timeout },
	async (t) => {
		const { start, mallory } = await startSigningFleet(t, ['central', 'ship1']);
		const central = await start('central');
		const ship1 = await start('ship1');
		await settled(central, await send(central, ping));
		const { topic, payload } = await mallory.overhear(lane);
		const changed = Buffer.from(payload);
		changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
		await mallory.publish(topic, changed);
		assert.equal(await refused(ship1, 'bad_signature'), topic);
		assert.equal(ship1.signals.counts()['signature.refused'], 1);
		const report = ship1.signals.recent().find(({ type }) => type === 'error.reported');
		assert.match(JSON.stringify(report), /bad_signature: central/);
	},
);

test('a frame without a signature is refused, counted and reported', { timeout }, async (t) => {
	const { start, mallory } = await startSigningFleet(t, ['central', 'ship1'], 'on');
	const central = await start('central');
	const ship1 = await start('ship1');
	await settled(central, await send(central, ping));
	const { topic, payload } = await mallory.overhear(lane);
	await mallory.publish(topic, readSigned(payload).content);
	assert.equal(await refused(ship1, 'unsigned'), topic);
	const report = ship1.signals.recent().find(({ type }) => type === 'error.reported');
	assert.match(JSON.stringify(report), /unsigned: central/);
});

test(
	'a frame that is signed with another key is refused, counted and reported',
	{ timeout },
	async (t) => {
		const { start, mallory, keyring } = await startSigningFleet(t, ['central', 'ship1']);
		const central = await start('central');
		const ship1 = await start('ship1');
		await settled(central, await send(central, ping));
		const { topic, payload } = await mallory.overhear(lane);
		const signer = createSigner({ keyring: keyring('mallory'), signing: 'on' });
		await mallory.publish(topic, signer.sign(topic, readSigned(payload).content));
		assert.equal(await refused(ship1, 'bad_signature'), topic);
		const head = { v: frameVersion, from: 'mallory', storeId: 'hers', epoch: 1 } as const;
		const content = { lane: 'ship1/REQPing/EventACK/', lo: 1, first: 1, rows: [] };
		const frame = packFrames(head, [content]);
		await mallory.publish(topic, signer.sign(topic, frame));
		assert.equal(await refused(ship1, 'unknown_key'), topic);
		const reports = ship1.signals.recent().filter(({ type }) => type === 'error.reported');
		assert.match(JSON.stringify(reports), /bad_signature: central.*unknown_key: mallory/);
	},
);

test(
	'a frame that is played again runs nothing twice, and is refused elsewhere',
	{ timeout },
	async (t) => {
		const { start, mallory } = await startSigningFleet(t, ['central', 'ship1', 'ship2']);
		const central = await start('central');
		const [ship1, ship2] = [await start('ship1'), await start('ship2')];
		const id = await send(central, ping);
		await settled(central, id);
		const { topic, payload } = await mallory.overhear(lane);
		const again = seen(ship1, 'message.duplicate', id);
		await mallory.publish(topic, payload);
		await again;
		assert.equal(ship1.signals.counts()['call.started'], 1);
		const elsewhere = topic.replace('/ship1/', '/ship2/');
		await mallory.publish(elsewhere, payload);
		assert.equal(await refused(ship2, 'bad_signature'), elsewhere);
		const otherMethod = topic.replace('/REQPing/', '/REQCliCommand/');
		await mallory.publish(otherMethod, payload);
		assert.equal(await refused(ship1, 'bad_signature'), otherMethod);
	},
);

test(
	'a message that is sent at most once runs once, also if it is played again after a restart',
	{ timeout },
	async (t) => {
		const { start, mallory } = await startSigningFleet(t, ['central', 'ship1']);
		const central = await start('central');
		const ship1 = await start('ship1');
		await settled(central, await send(central, ping));
		await send(central, hello);
		const { topic, payload } = await mallory.overhear(/_lane\/REQHello/);
		await mallory.publish(topic, payload);
		assert.equal(await refused(ship1, 'replayed'), topic);
		await ship1.stop();
		const later = await start('ship1');
		await mallory.publish(topic, payload);
		assert.equal(await refused(later, 'replayed'), topic);
		const started = later.signals.recent().filter(({ type }) => type === 'call.started');
		assert.ok(!JSON.stringify(started).includes('REQHello'));
		const report = later.signals.recent().find(({ type }) => type === 'error.reported');
		assert.match(JSON.stringify(report), /replayed: central/);
	},
);

test(
	'a death that is played again after the return of its node is not believed',
	{ timeout },
	async (t) => {
		const { start, mallory } = await startSigningFleet(t, ['central', 'ship1']);
		const central = await start('central');
		const first = await start('ship1');
		await first.stop();
		const isDeath = (payload: Buffer) => payload.includes('offline');
		const { topic, payload } = await mallory.overhear(/ship1\/_status/, isDeath);
		await start('ship1');
		await settled(central, await send(central, ping));
		await mallory.publish(topic, payload, true);
		assert.equal(await refused(central, 'replayed'), topic);
		await mallory.publish(
			topic,
			JSON.stringify({ ...JSON.parse(payload.toString()), epoch: 9 }),
			true,
		);
		assert.equal(await refused(central, 'bad_signature'), topic);
		const rows = await ask<NodeRow>(central, { reeve: 'nodes' });
		assert.equal(rows.find(({ name }) => name === 'ship1')?.state, 'online');
		await settled(central, await send(central, ping));
	},
);

test(
	'a forged acknowledgement deletes no row of the journal when signing is on',
	{ timeout },
	async (t) => {
		for (const signing of ['off', 'required'] as const) {
			const { start, mallory } = await startSigningFleet(t, ['central', 'ship1'], signing);
			const central = await start('central');
			const first = await start('ship1');
			await settled(central, await send(central, ping));
			await first.stop();
			const id = await send(central, ping);
			const head = { v: frameVersion, from: 'ship1', storeId: first.storeId, epoch: 1 } as const;
			const answer = { epoch: central.epoch, upTo: 2, id, credit: 9 };
			const ack = packAcknowledgement({
				...head,
				forStoreId: central.storeId,
				lanes: [{ lane: 'ship1/REQPing/EventACK/', ...answer }],
			});
			await mallory.publish('reeve/central/_ack', ack);
			if (signing === 'off') {
				await new Promise<void>((resolve) => {
					central.signals.subscribe(({ type }) => type === 'delivery.acked' && resolve());
					if ((central.signals.counts()['delivery.acked'] ?? 0) > 1) resolve();
				});
				continue;
			}
			assert.equal(await refused(central, 'unsigned'), 'reeve/central/_ack');
			const [row] = await ask<{ state: string }>(central, { reeve: 'messages', ids: [id] });
			assert.notEqual(row?.state, 'accepted');
			const report = central.signals.recent().find(({ type }) => type === 'error.reported');
			assert.match(JSON.stringify(report), /unsigned: ship1/);
			await start('ship1');
			assert.equal((await settled(central, id)).state, 'done', 'it is still sent');
		}
	},
);

test('a trusted node cannot acknowledge for another', { timeout }, async (t) => {
	const { start, mallory, keyring } = await startSigningFleet(t, ['central', 'ship1', 'ship2']);
	const central = await start('central');
	const id = await send(central, ping);
	const signer = createSigner({ keyring: keyring('ship2'), signing: 'on' });
	const topic = 'reeve/central/_ack';
	const ack = packAcknowledgement({
		v: frameVersion,
		from: 'ship2',
		storeId: 'of ship2',
		epoch: 1,
		forStoreId: central.storeId,
		lanes: [{ lane: 'ship1/REQPing/EventACK/', epoch: 1, upTo: 1, id, credit: 9 }],
	});
	await mallory.publish(topic, signer.sign(topic, ack));
	assert.equal(await refused(central, 'bad_signature'), topic);
	await start('ship1');
	assert.equal((await settled(central, id)).state, 'done');
});

test('an unsigned objection does not keep a node from its name', { timeout }, async (t) => {
	const { start, mallory } = await startSigningFleet(t, ['central']);
	mallory.onPublication(({ topic, payload }) => {
		if (!topic.endsWith('/_claim')) return;
		const { process, type, count: _, signature: __, ...claim } = JSON.parse(payload.toString());
		if (type !== 'claim') return;
		const denial = { ...claim, type: 'deny', process: 'hers', to: process };
		void mallory.publish(topic, JSON.stringify(denial));
	});
	// A node seems to run there, so that the claim waits for objections.
	const birth = { v: 1, state: 'online', node: 'central', storeId: 'hers', epoch: 1 };
	await mallory.publish('reeve/central/_status', JSON.stringify(birth), true);
	const central = await start('central', { claimMs: 1000 });
	await refused(central, 'unsigned');
	assert.equal(central.signals.counts()['name.granted'], 1);
	assert.equal(central.signals.counts()['name.denied'], undefined);
});

test(
	'a trusted node that first takes the id of a store is not in the way of its owner',
	{ timeout },
	async (t) => {
		const nodes = ['central', 'ship1', 'ship2'];
		const { start, mallory, keyring } = await startSigningFleet(t, nodes);
		const first = await start('ship1');
		const { storeId } = first;
		await first.stop();
		// Central hears nothing of it before the other node speaks for its store.
		await mallory.publish('reeve/ship1/_status', '', true);
		await start('central');
		const signer = createSigner({ keyring: keyring('ship2'), signing: 'on' });
		const topic = 'reeve/central/_lane/REQPing/EventACK';
		const head = { v: frameVersion, from: 'ship2', storeId, epoch: 99 } as const;
		const lanes = [{ lane: 'central/REQPing/EventACK/', lo: 50, first: 50, rows: [] }];
		await mallory.publish(topic, signer.sign(topic, packFrames(head, lanes)));
		await mallory.overhear(/ship2\/_ack/);
		const ship1 = await start('ship1');
		const row = await settled(ship1, await send(ship1, { ...ping, toNode: 'central' }));
		assert.equal(row.state, 'done');
	},
);

test(
	'a store whose node has proven itself is not spoken for by a node without a key',
	{ timeout },
	async (t) => {
		const { start, mallory } = await startSigningFleet(t, ['central', 'ship1'], 'on');
		const central = await start('central');
		const ship1 = await start('ship1');
		await settled(ship1, await send(ship1, { ...ping, toNode: 'central' }));
		const { storeId } = ship1;
		const head = { v: frameVersion, from: 'hers', storeId, epoch: 99 } as const;
		const content = { lane: 'central/REQPing/EventACK/', lo: 50, first: 50, rows: [] };
		const topic = 'reeve/central/_lane/REQPing/EventACK';
		await mallory.publish(topic, packFrames(head, [content]));
		assert.equal(await refused(central, 'unsigned'), topic);
		await settled(ship1, await send(ship1, { ...ping, toNode: 'central' }));
	},
);

test(
	'no unsigned retained status silences a node: its owner says its birth again',
	{ timeout },
	async (t) => {
		const death = { v: 1, state: 'offline', node: 'ship1', storeId: 'hers', epoch: 99 };
		const forged = [JSON.stringify(death), '', '{', JSON.stringify({ ...death, node: 'ship2' })];
		const watchers = forged.map((_, at) => `watcher${at}`);
		const { start, mallory } = await startSigningFleet(t, ['ship1', ...watchers]);
		await start('ship1');
		for (const [at, status] of forged.entries()) {
			await mallory.publish('reeve/ship1/_status', status, true);
			const watcher = await start(`watcher${at}`);
			await signalOf(watcher, 'node.seen', ({ name }) => name === 'ship1');
		}
	},
);

test(
	'a node whose key is not accepted is listed as such with its key, whatever signing requires',
	{ timeout },
	async (t) => {
		for (const signing of ['on', 'required'] as const) {
			const { start, keyring, keysFolder } = await startSigningFleet(t, ['central'], signing);
			const central = await start('central');
			await start('ship1');
			const { name, fingerprint: print } = await signalOf(central, 'key.pending');
			const key = keyring('ship1').ownKey();
			assert.deepEqual([name, print], ['ship1', fingerprint(key)]);
			const pending = openPendingKeys({
				folder: keysFolder('central'),
				clock: steppedClock(),
				keyring: keyring('central'),
				namesMax: 9,
			});
			assert.deepEqual(pending.list(), [{ name: 'ship1', key, isOther: false }]);
			if (signing === 'required') continue;
			const rows = await ask<NodeRow>(central, { reeve: 'nodes' });
			assert.equal(rows.find((row) => row.name === 'ship1')?.key, 'pending');
		}
	},
);

test(
	'a new node trusts the key of central that its configuration names, at its first start only',
	{ timeout },
	async (t) => {
		const { start, keyring } = await startSigningFleet(t, ['central'], 'required');
		await start('central');
		const centralKey = keyring('central').ownKey();
		const trusted = () => openKeyring(around).list();
		const around = { folder: temporaryFolder(t), node: 'ship1', clock: steppedClock() };
		const values = { centralKey, keysFolder: around.folder };
		const first = await start('ship1', values);
		assert.deepEqual(trusted(), [{ kind: 'node', name: 'central', key: centralKey }]);
		await first.stop();
		openKeyring(around).revoke({ kind: 'node', name: 'central' });
		await start('ship1', values);
		assert.deepEqual(trusted(), []);
	},
);

test(
	'what a new node may send waits until its key is accepted, what it may not is refused at once',
	{ timeout: 2 * timeout },
	async (t) => {
		const { start, keyring, keysFolder } = await startSigningFleet(t, ['central'], 'on');
		writeFirstRules({
			keysFolder: keysFolder('central'),
			signing: 'on',
			centralNodeName: 'central',
		});
		const central = await start('central');
		const ship1 = await start('ship1');
		const greeting = await send(ship1, { toNode: 'central', method: 'REQErrorLog', data: 'hello' });
		await signalOf(ship1, 'delivery.waiting', ({ why }) => /not trusted/.test(why));
		const command = { toNode: 'central', method: 'REQCliCommand', methodArgs: ['id'] };
		const refusal = await settled(ship1, await send(ship1, command));
		assert.deepEqual([refusal.state, refusal.code], ['refused', 'not_allowed']);
		const key = keyring('ship1').ownKey();
		keyring('central').trust({ kind: 'node', name: 'ship1', key });
		assert.equal((await settled(ship1, greeting)).state, 'done');
		const counts = central.signals.counts();
		assert.equal(counts['message.refused'], 1, 'the command alone');
		const later = await settled(ship1, await send(ship1, command));
		assert.equal(later.code, 'not_allowed', 'its key gives it no more than the rules do');
	},
);

test(
	'what a node without signatures sends where rules are is refused, and does not wait',
	{ timeout },
	async (t) => {
		const { start, keysFolder } = await startSigningFleet(t, ['central'], 'on');
		writeFirstRules({
			keysFolder: keysFolder('central'),
			signing: 'on',
			centralNodeName: 'central',
		});
		await start('central');
		const ship1 = await start('ship1', { signing: 'off' });
		const greeting = await send(ship1, { toNode: 'central', method: 'REQErrorLog', data: 'hello' });
		assert.equal((await settled(ship1, greeting)).code, 'not_allowed');
	},
);

test(
	'a node trusts the key of central also if its first start failed, or its own key was made before',
	{ timeout },
	async (t) => {
		const { start, keyring } = await startSigningFleet(t, ['central'], 'on');
		const centralKey = keyring('central').ownKey();
		const around = { folder: temporaryFolder(t), node: 'ship1', clock: steppedClock() };
		const trusted = () =>
			openKeyring(around)
				.list()
				.map(({ key }) => key);
		const values = { centralKey, keysFolder: around.folder };
		const badAddress = { ...values, brokerAddress: 'mqtt://127.0.0.1:1:1883' };
		await assert.rejects(start('ship1', badAddress), { code: 'bad_config' });
		// As `reeve keys show` does, by which a person looks what is wrong.
		openKeyring(around).ownKey();
		const first = await start('ship1', values);
		assert.deepEqual(trusted(), [centralKey]);
		await first.stop();
		openKeyring(around).revoke({ kind: 'node', name: 'central' });
		const second = await start('ship1', values);
		assert.deepEqual(trusted(), [], 'what a person has revoked stays so');
		await second.stop();
	},
);

test(
	'a key of central that was exchanged for another one does not come back with the configuration',
	{ timeout },
	async (t) => {
		const { start, keyring } = await startSigningFleet(t, ['central'], 'on');
		const centralKey = keyring('central').ownKey();
		const next = keyring('ship9').ownKey();
		const around = { folder: temporaryFolder(t), node: 'ship1', clock: steppedClock() };
		openKeyring(around).trust({ kind: 'node', name: 'central', key: next });
		const node = await start('ship1', { centralKey, keysFolder: around.folder });
		assert.deepEqual(
			openKeyring(around)
				.list()
				.map(({ key }) => key),
			[next],
		);
		await node.stop();
	},
);
