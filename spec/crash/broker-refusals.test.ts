import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import test from 'node:test';
import { Aedes } from 'aedes';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';
import type { RunningNode } from '../../supervisors/node/node.ts';
import { missing, startMosquitto } from '../support/broker.ts';
import { until } from '../support/condition.ts';
import { startLocalNode } from '../support/local-nodes.ts';
import { temporaryFolder, type TestScope } from '../support/temporary.ts';

const skip = missing('mosquitto');
const timeout = 120_000;

const values = {
	startPubREQHello: 0,
	defaultMessageTimeout: 1,
	resendMsMin: 50,
	resendMsMax: 400,
} as const;

/** How a broker that takes no publication above 20 kB says so: what it does, by its setting. */
const brokers = {
	'hangs up': 'max_packet_size 20000',
	'drops it, or answers what cannot be read': 'message_size_limit 20000',
} as const;

async function pair(t: TestScope, broker: string, own: object) {
	const start = (name: string, more: object = {}) =>
		startLocalNode(t, { name, broker, values: { ...values, ...own, ...more } });
	const data = temporaryFolder(t);
	const central = await start('central', { subscribersDataFolder: data });
	const ship = await start('ship1');
	return { central, ship, data };
}

async function send(node: RunningNode, message: object): Promise<string> {
	const [answer] = await node.api.accept(message, 'spec');
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	return answer.id;
}

async function outcome(node: RunningNode, id: string): Promise<MessageRow> {
	let found: MessageRow | undefined;
	await until(`${id} is settled`, async () => {
		for await (const row of node.api.ask({ reeve: 'messages', ids: [id] }, AbortSignal.any([]))) {
			found = row as MessageRow;
		}
		return found?.settled === true;
	});
	assert.ok(found);
	return found;
}

const ping = { toNode: 'ship1', method: 'REQPing' };
const large = 'x'.repeat(100_000);

for (const [what, line] of Object.entries(brokers)) {
	for (const mqttVersion of ['5', '3.1.1'] as const) {
		test(
			`one publication that breaks the connection: a broker that ${what} (MQTT ${mqttVersion})`,
			{ skip, timeout },
			async (t) => {
				const broker = await startMosquitto(t, { lines: [line] });
				const { central } = await pair(t, broker.address, { mqttVersion });
				const first = await send(central, ping);
				assert.equal((await outcome(central, first)).state, 'done');
				// A reply: its output cannot pass, and its sender learns that.
				const command = await send(central, {
					toNode: 'ship1',
					method: 'REQCliCommand',
					methodArgs: ['sh', '-c', "head -c 100000 /dev/zero | tr '\\0' x"],
					fileName: 'output',
				});
				// A request, in front of and behind others of its lane.
				const fields = { toNode: 'ship1', method: 'REQToFileAppend', fileName: 'lines' };
				const ids: string[] = [];
				for (const data of ['a', large, 'b']) ids.push(await send(central, { ...fields, data }));
				const pings = await Promise.all([1, 2, 3].map(() => send(central, ping)));
				for (const id of pings) assert.equal((await outcome(central, id)).state, 'done');
				const [before, refused, behind] = await Promise.all(ids.map((id) => outcome(central, id)));
				assert.deepEqual([before?.state, behind?.state], ['done', 'done']);
				assert.equal(refused?.state, 'refused', JSON.stringify(refused));
				assert.match(refused?.code ?? '', /^(?:too_large|broker_refused)$/);
				const replied = await outcome(central, command);
				assert.equal(replied.state, 'failed');
				assert.match(replied.code ?? '', /^(?:too_large|broker_refused)$/);
			},
		);
	}
}

/** A broker that hangs up on all publications of these topics, as some do for missing rights. */
async function startStrictBroker(t: TestScope, forbidden: RegExp) {
	const broker = await Aedes.createBroker();
	const refused: string[] = [];
	broker.authorizePublish = (client, { topic }, done) => {
		// A will is no publication of a client.
		if (!client || !forbidden.test(topic)) return done(null);
		refused.push(topic);
		done(new Error('no rights'));
	};
	const server = createServer({ noDelay: true }, (socket) => broker.handle(socket));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.close();
		broker.close();
	});
	const address = server.address();
	assert.ok(typeof address === 'object' && address);
	return { address: `mqtt://127.0.0.1:${address.port}`, refused };
}

for (const [what, forbidden] of Object.entries({
	'a method of a node': /ship1\/_lane\/REQToFile\//,
	acknowledgements: /central\/_ack$/,
	'a birth': /ship1\/_status$/,
	'an outcome for an MQTT client': /^me\/answer$/,
})) {
	test(`a topic that breaks the connection: ${what}`, { timeout }, async (t) => {
		const broker = await startStrictBroker(t, forbidden);
		const { central, ship } = await pair(t, broker.address, {});
		// A node without a birth is not known to be there.
		const isAnnounced = what !== 'a birth';
		const toNode = isAnnounced ? 'ship1' : 'central';
		const sender = isAnnounced ? central : ship;
		const fields = { toNode, method: 'REQToFile', fileName: 'f', data: 'x' };
		const replyTopic = what.startsWith('an outcome') ? { replyTopic: 'me/answer' } : {};
		const ids = [await send(sender, { ...fields, ...replyTopic }), await send(sender, fields)];
		const barred = () =>
			[central, ship].flatMap(({ signals }) =>
				signals.recent().filter((signal) => signal.type === 'topic.barred'),
			);
		if (what === 'a method of a node') {
			for (const id of ids) assert.equal((await outcome(sender, id)).code, 'broker_refused');
			const late = await outcome(sender, await send(sender, fields));
			assert.equal(late.code, 'broker_refused');
		}
		await until('the broker is left in peace', () =>
			what.startsWith('an outcome')
				? sender.signals.counts()['message.dropped'] === 1
				: barred().length > 0,
		);
		const count = broker.refused.length;
		assert.ok(count <= 12, `${count} times`);
		// Without acknowledgements from ship1, lanes to it have to wait.
		if (what === 'acknowledgements') {
			const id = await send(ship, { ...ping, toNode: 'central' });
			await until('it runs at central', () =>
				central.signals.recent().some((signal) => signal.type === 'call.ended' && signal.id === id),
			);
			return;
		}
		const pings = await Promise.all([1, 2].map(() => send(sender, { ...ping, toNode })));
		if (isAnnounced) {
			for (const id of pings) assert.equal((await outcome(sender, id)).state, 'done');
		}
		assert.equal(broker.refused.length, count);
	});
}
