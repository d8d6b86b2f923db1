/** Invariants of the receiving end: what was accepted runs once, ends once, and is told right. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import type { SimulatedFleet } from '../../supervisors/testing/simulated-fleet.ts';
import {
	changedRows,
	forSeeds,
	note,
	rawReceipts,
	rawRows,
	startWorld,
	storedContexts,
	wholeJournal,
} from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';
import { laneName } from '../../runtime/protocol/lane.ts';

const counter = defineActor({
	name: 'counter',
	version: 1,
	machine: setup({
		types: {
			context: {} as { heard: readonly string[] },
			events: {} as { type: 'ADD'; name: string },
		},
	}).createMachine({
		id: 'counter',
		context: { heard: [] },
		on: {
			ADD: {
				actions: assign({ heard: ({ context, event }) => [...context.heard, event.name] }),
			},
		},
	}),
});

const add = (name: string) => ({
	toNode: 'ship1',
	method: 'counter',
	methodArgs: ['ADD', JSON.stringify({ name })],
});

const receiptsOf = (fleet: SimulatedFleet, node: string) => rawReceipts(fleet.folder(node));

test('I9: Each accepted message is the cause of at most one committed turn', async (t) => {
	let deaths = 0;
	await forSeeds(4, async (seed) => {
		const faults = { loss: 0.1, double: 0.4, reorder: 0.4, delayMs: [0, 300] } as const;
		const { fleet } = startWorld(t, { seed, faults, actors: [counter] });
		const central = await fleet.start('central');
		const names: string[] = [];
		const ids: string[] = [];
		let point = 1;
		await fleet.start('ship1', { crashAt: 'journal.committed:4' });
		for (let count = 0; count < 40; count += 1) {
			names.push(`${count}`);
			ids.push(await central.send(add(`${count}`)));
			await fleet.clock.advance(fleet.clock.random() * 400);
			if (!fleet.isAlive('ship1')) {
				point += 1;
				const where = ['journal.flushed', 'frame.accepted', 'journal.committed'][point % 3];
				await fleet
					.start('ship1', { crashAt: `${where}:${3 + (point % 5)}` })
					.catch(() => undefined);
			}
		}
		fleet.hub.disturb({ loss: 0, double: 0, reorder: 0, delayMs: [0, 0] });
		await fleet.start('ship1');
		await fleet.clock.advance(300_000);
		for (const id of ids) assert.equal((await central.row(id)).state, 'done');
		const stored = storedContexts<{ heard: readonly string[] }>(fleet.folder('ship1'), 'counter');
		const heard = stored['']?.heard;
		assert.deepEqual(heard, names, 'each has moved the machine once, in order');
		const settled = central.node.signals
			.recent()
			.flatMap((signal) => (signal.type === 'message.settled' ? [signal.id] : []));
		assert.deepEqual(settled.toSorted(), ids.toSorted(), 'and was settled once');
		deaths += point - 1;
		await fleet.stop();
	});
	assert.ok(deaths > 3, `it was killed ${deaths} times`);
});

test('I10: Each accepted message ends in exactly one of: committed turn, DLQ entry, expired record, skipped', async (t) => {
	await forSeeds(3, async (seed) => {
		const { fleet, world } = startWorld(t, { seed });
		world.strike = ({ node, arg }) => {
			if (arg.startsWith('poison')) fleet.kill(node);
		};
		await fleet.start('ship1');
		const central = await fleet.start('central');
		const ids: string[] = [];
		const send = async (arg: string, more: object = {}) =>
			void ids.push(await central.send(note('ship1', arg, more)));
		for (let count = 0; count < 5; count += 1) await send(`fine${count}`);
		await send('poison', { method: 'CROWD' });
		for (let start = 0; start < 8; start += 1) {
			await fleet.clock.advance(3000);
			if (!fleet.isAlive('ship1')) await fleet.start('ship1').catch(() => undefined);
		}
		world.hold();
		await send('first of two', { method: 'LATER' });
		await send('waits too long', { method: 'LATER', ttl: 20 });
		await fleet.clock.advance(30_000);
		world.release();
		await fleet.clock.advance(10_000);
		fleet.hub.part('ship1');
		await send('given up', { retries: 2, ACKTimeout: 2 });
		await fleet.clock.advance(60_000);
		fleet.hub.heal();
		await fleet.clock.advance(120_000);

		const receipts = receiptsOf(fleet, 'ship1');
		const dead = rawRows(fleet.folder('ship1'), 'dead').map(({ value }) => String(value['id']));
		const found = { turn: 0, dead: 0, expired: 0, skipped: 0 };
		for (const id of ids) {
			const own = receipts.filter((receipt) => receipt.id === id);
			const isDead = dead.includes(id);
			const isExpired = own.some(({ outcome }) => outcome === 'expired');
			const { state, code } = await central.row(id);
			const ends = {
				turn: own.some(({ attempts }) => attempts > 0) && !isDead,
				dead: isDead,
				expired: isExpired,
				skipped: own.length === 0 && state === 'expired',
			};
			const reached = Object.entries(ends).filter(([, is]) => is);
			assert.equal(reached.length, 1, `${id} ${state} ${JSON.stringify(ends)}`);
			assert.ok(own.length <= 1, 'one settlement');
			for (const end of ['turn', 'dead', 'expired', 'skipped'] as const) {
				if (ends[end]) found[end] += 1;
			}
			assert.equal(code === 'max_attempts', isDead);
		}
		assert.deepEqual(found, { turn: 6, dead: 1, expired: 1, skipped: 1 });
		await fleet.stop();
	});
});

test('I11: While seq n of a lane is in retry, no seq > n of that lane starts processing; other lanes make progress meanwhile', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	let lost = '';
	tap.swallowFrames(({ frame }) => frame.rows.some(({ id }) => id === lost));
	const send = (arg: string, key: string) => central.send(note('ship1', arg, { key }));
	await send('a1', 'a');
	await fleet.clock.advance(1000);
	lost = 'a2';
	await central.send(note('ship1', 'a2', { key: 'a', id: 'a2' }));
	for (const arg of ['a3', 'a4']) {
		await fleet.settle();
		await send(arg, 'a');
	}
	for (let count = 1; count <= 20; count += 1) {
		await send(`b${count}`, 'b');
		await fleet.clock.advance(2000);
	}
	const laneOfA = laneName({ toNode: 'ship1', method: 'NOTE', kind: 'CommandACK', key: 'a' });
	const behind = tap.frames.filter(({ frame }) => frame.lane === laneOfA && frame.first > 2);
	assert.ok(behind.length > 0, 'what is behind it has reached the receiver');
	assert.deepEqual(
		world.ran('ship1').filter((arg) => arg.startsWith('a')),
		['a1'],
	);
	assert.equal(world.ran('ship1').filter((arg) => arg.startsWith('b')).length, 20);
	lost = '';
	await fleet.clock.advance(60_000);
	assert.deepEqual(
		world.ran('ship1').filter((arg) => arg.startsWith('a')),
		['a1', 'a2', 'a3', 'a4'],
	);
});

test('I12: A retryable NACK leaves receiver state unchanged, and the same message is accepted later', async (t) => {
	const { fleet, world } = startWorld(t, { config: { mailboxMessagesMax: 1 } });
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const send = (arg: string) => central.send(note('ship1', arg, { method: 'LATER', key: arg }));
	await send('second');
	await fleet.clock.advance(1000);
	world.hold();
	await send('first');
	await fleet.clock.advance(1000);
	const before = wholeJournal(fleet.folder('ship1'));
	const id = await send('second');
	await fleet.clock.advance(30_000);
	const lane = laneName({ toNode: 'ship1', method: 'LATER', kind: 'CommandACK', key: 'second' });
	const nacks = tap.laneAcks(lane).filter(({ nack }) => nack);
	assert.ok(nacks.length > 0 && nacks.every(({ nack }) => nack === 'mailbox_full'), 'turned away');
	assert.deepEqual(changedRows(fleet.folder('ship1'), before), []);
	world.release();
	await fleet.clock.advance(60_000);
	assert.equal((await central.row(id)).state, 'done');
	const { id: ran } = world.runs.at(-1) ?? {};
	assert.equal(ran, id);
});

test('I13: A final refusal is answered with the same reason to every resend, also when the first answer was lost and the receiver restarted, and is never reported as accepted', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	const poor = { methods: world.methods.filter(({ name }) => name !== 'CROWD') };
	await fleet.start('ship1', poor);
	const central = await fleet.start('central');
	tap.swallowAcks();
	tap.swallowAcks(({ to }) => to === 'central');
	const id = await central.send(note('ship1', 'x', { method: 'CROWD', ACKTimeout: 2 }));
	await fleet.clock.advance(20_000);
	fleet.kill('ship1');
	// It has been taught the method meanwhile; but it has given its word.
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	const lane = 'ship1/CROWD/CommandACK/';
	const answers = tap.laneAcks(lane).filter(({ upTo }) => upTo > 0);
	assert.ok(answers.length > 3, 'it was answered again and again');
	for (const { upTo, except } of answers) {
		assert.deepEqual([upTo, except], [1, [[1, 'unknown_method']]]);
	}
	tap.swallowAcks();
	await fleet.clock.advance(120_000);
	const { state, code } = await central.row(id);
	assert.deepEqual([state, code], ['refused', 'unknown_method']);
	const life13 = await central.ask<{ events: readonly { what: string }[] }>({
		reeve: 'message',
		id,
	});
	const words = life13.flatMap(({ events }) => events.map(({ what }) => what));
	assert.ok(words.includes('settled'), 'it is settled');
	assert.ok(!words.includes('acked'), 'never accepted');
	const again = await central.send(note('ship1', 'y', { method: 'CROWD' }));
	await fleet.clock.advance(5000);
	assert.equal((await central.row(again)).state, 'done', 'a new message is another matter');
	assert.deepEqual(world.ran('ship1'), ['y']);
});

test('I14: Delivery and processing attempt counters never decrease over restarts; a message whose handler kills the process reaches the DLQ after exactly maxAttempts starts, and no message that was only in progress beside it does', async (t) => {
	const { fleet, world } = startWorld(t);
	world.strike = ({ node, arg }) => {
		if (arg === 'poison') fleet.kill(node);
	};
	world.hold();
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const crowd = (arg: string) => central.send(note('ship1', arg, { method: 'CROWD' }));
	const beside = [await crowd('beside 1'), await crowd('beside 2')];
	await fleet.clock.advance(1000);
	const poison = await crowd('poison');
	for (let start = 0; start < 30; start += 1) {
		await fleet.clock.advance(3000);
		if (!fleet.isAlive('ship1')) await fleet.start('ship1').catch(() => undefined);
		else if (start > 10) world.release();
	}
	await fleet.clock.advance(10_000);
	const attempts = world.runs.filter(({ arg }) => arg === 'poison').map(({ attempt }) => attempt);
	assert.deepEqual(attempts, [1, 2, 3, 4, 5]);
	const dead = rawRows(fleet.folder('ship1'), 'dead').map(({ value }) => value);
	assert.deepEqual(
		dead.map(({ id, attempts: starts }) => [id, starts]),
		[[poison, 5]],
	);
	for (const id of beside) assert.equal((await central.row(id)).state, 'done');
	for (const arg of ['beside 1', 'beside 2']) {
		const seen = world.runs.filter((run) => run.arg === arg).map(({ attempt }) => attempt);
		assert.deepEqual(
			seen,
			seen.toSorted((one, other) => one - other),
		);
	}

	fleet.hub.part('ship1');
	const away = await central.send(note('ship1', 'away', { ACKTimeout: 2 }));
	let last = 0;
	for (let start = 0; start < 5; start += 1) {
		await fleet.clock.advance(15_000);
		const row = rawRows(fleet.folder('central'), 'outbox').find(
			({ value }) => value['id'] === away,
		);
		const count = Number(row?.value['attempts']);
		assert.ok(count >= last, `${count} attempts, after ${last}`);
		last = count;
		fleet.kill('central');
		await fleet.start('central');
	}
	assert.ok(last >= 3, 'it was tried again and again');
});

test('I15: A DLQ entry holds the original payload, msgId, lane, seq, reason and attempts, and redriving it causes at most one further committed turn per redrive', async (t) => {
	const { fleet, world } = startWorld(t);
	let isPoisonous = true;
	world.strike = ({ arg }) => {
		if (arg === 'poison' && isPoisonous) throw new TypeError('of no use');
	};
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	await central.send(note('ship1', 'fine'));
	const id = await central.send(note('ship1', 'poison', { data: 'what it was about' }));
	await fleet.clock.advance(60_000);
	assert.equal((await central.row(id)).code, 'max_attempts');
	const [row] = rawRows(fleet.folder('ship1'), 'dead');
	const { body, ...letter } = row?.value ?? {};
	assert.deepEqual(
		[
			letter['id'],
			letter['fromNode'],
			letter['lane'],
			letter['seq'],
			letter['code'],
			letter['attempts'],
		],
		[id, 'central', 'ship1/NOTE/CommandACK/', 2, 'max_attempts', 5],
	);
	assert.ok(body instanceof Uint8Array, 'the payload is there');
	assert.match(Buffer.from(body).toString('latin1'), /what it was about/);
	const letters = async () => ship.ask<{ dead: string; id: string }>({ reeve: 'dead' });
	assert.equal((await letters()).length, 1);

	isPoisonous = false;
	const before = world.runs.length;
	const redrive = () => ship.ask<{ newId?: string; error?: string }>({ reeve: 'retry', ids: [id] });
	const [both, none] = await Promise.all([redrive(), redrive().catch(() => [])]);
	assert.equal([...both, ...none].filter(({ newId }) => newId !== undefined).length, 1);
	await fleet.clock.advance(1000);
	fleet.kill('ship1');
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	assert.equal(world.runs.length, before + 1);
	assert.deepEqual(rawRows(fleet.folder('ship1'), 'dead'), []);
});

test('I16: An expired message is never started after its local deadline, and its sender is told expired only after the receiver confirmed that it has not run and will not run', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	world.hold();
	await fleet.start('ship1');
	const central = await fleet.start('central');
	await central.send(note('ship1', 'long', { method: 'LATER' }));
	const waits = await central.send(note('ship1', 'waits', { method: 'LATER', ttl: 30 }));
	await fleet.clock.advance(29_000);
	assert.equal((await central.row(waits)).settled, false);
	await fleet.clock.advance(60_000);
	assert.equal((await central.row(waits)).settled, false, 'its receiver has not said so yet');
	world.release();
	await fleet.clock.advance(5000);
	assert.equal((await central.row(waits)).state, 'expired');

	// On its way, too: the sender cannot know whether a message was accepted without the ACK.
	tap.swallowFrames(({ frame }) => frame.rows.some((row) => row.id === 'lost' && !row.skip));
	let mayAnswer = false;
	tap.swallowAcks(({ to }) => to === 'central' && !mayAnswer);
	await central.send(note('ship1', 'lost', { id: 'lost', ttl: 30, ACKTimeout: 5 }));
	await fleet.clock.advance(120_000);
	assert.equal((await central.row('lost')).settled, false);
	mayAnswer = true;
	await fleet.clock.advance(120_000);
	assert.equal((await central.row('lost')).state, 'expired');
	const skipped = tap.laneAcks('ship1/NOTE/CommandACK/').at(-1)?.except;
	assert.deepEqual(skipped, [[1, 'skipped']]);
	const late = tap.frames.find(({ frame }) =>
		frame.rows.some((row) => row.id === 'lost' && !row.skip),
	);
	if (late) await tap.replay(late.publication);
	await fleet.clock.advance(10_000);
	assert.deepEqual(world.ran('ship1'), ['long'], 'neither has run, nor does a late copy');
});

test('I17: A message accepted before its deadline whose sender gives up is reported was-accepted', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	world.hold();
	await fleet.start('ship1');
	const central = await fleet.start('central');
	tap.swallowAcks(({ to }) => to === 'central');
	const id = await central.send(
		note('ship1', 'accepted', { method: 'LATER', ttl: 60, retries: 2, ACKTimeout: 2 }),
	);
	await fleet.clock.advance(50_000);
	const states = async (): Promise<MessageRow> => central.row(id);
	assert.equal((await states()).state, 'giving_up');
	tap.swallowAcks();
	await fleet.clock.advance(60_000);
	assert.ok(
		tap.frames.some(({ frame }) => frame.rows.some(({ skip }) => skip)),
		'it was given up',
	);
	assert.equal((await states()).state, 'accepted', 'it has run out of tries, and is not lost');
	world.release();
	await fleet.clock.advance(5000);
	assert.equal((await states()).state, 'done');
	assert.deepEqual(world.ran('ship1'), ['accepted']);
});
