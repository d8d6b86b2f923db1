/**
 * Invariants of stores that are wiped or put back, of epochs and clocks, and of lanes that fall
 * silent.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import {
	changedRows,
	note,
	rawRows,
	startWorld,
	storedContexts,
	wholeJournal,
} from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

const adopt = { choices: { identity: 'adopt' } } as const;
const yearMs = 365 * 86_400_000;

test('I30: A sender whose store was wiped, or restored from an older copy at any moment, never has a new message dropped as a duplicate nor a row deleted by an ACK meant for an older message', async (t) => {
	for (const copied of [0, 1, 3, 'wiped'] as const) {
		const { fleet, world } = startWorld(t, { seed: 5 });
		const tap = tapWire(fleet);
		await fleet.start('ship1');
		let central = await fleet.start('central');
		const copy = fleet.spareFolder();
		let old = 0;
		const send = async (arg: string) => {
			const id = await central.send(note('ship1', arg));
			await fleet.clock.advance(1000);
			return id;
		};
		for (; old < 5; old += 1) {
			if (old === copied) await central.ask({ reeve: 'backup', folder: copy });
			await send(`old${old}`);
		}
		const lastAck = tap.acks.filter(({ to }) => to === 'central').at(-1);
		fleet.kill('central');
		const folder = copied === 'wiped' ? fleet.spareFolder() : copy;
		central = await fleet.start('central', { folder, ...adopt });
		// The ACK of the old store comes late, while its number stands for another message.
		tap.swallowFrames(({ from }) => from === 'central');
		const ids = [await send('new0')];
		assert.ok(lastAck, 'the last ACK of the old store');
		await tap.replay(lastAck.publication);
		await fleet.clock.advance(100);
		const waiting = rawRows(fleet.folder('central'), 'outbox').map(({ value }) => value['id']);
		assert.ok(waiting.includes(ids[0]), `its row is there: ${copied}`);
		tap.swallowFrames();
		for (let count = 1; count < 6; count += 1) ids.push(await send(`new${count}`));
		await fleet.clock.advance(120_000);
		for (const id of ids) assert.equal((await central.row(id)).state, 'done', `${copied}`);
		const ran = world.ran('ship1').filter((arg) => arg.startsWith('new'));
		assert.deepEqual(ran, ['new0', 'new1', 'new2', 'new3', 'new4', 'new5'], `${copied}`);
		const twice = world.ran('ship1').filter((arg, at, all) => all.indexOf(arg) !== at);
		assert.deepEqual(twice, [], 'and nothing old runs again');
		await fleet.stop();
	}
});

test('I31: A receiver whose store was wiped accepts the next message of every lane without operator action, and every message that may be a repeat is flagged so', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const send = (arg: string, key: string) =>
		central.send(note('ship1', arg, { key, method: 'LATER', ACKTimeout: 3 }));
	for (const key of ['a', 'b', 'c']) await send(`settled ${key}`, key);
	await fleet.clock.advance(5000);
	world.hold();
	tap.swallowAcks(({ to }) => to === 'central');
	const maybe = [await send('maybe a', 'a'), await send('maybe b', 'b')];
	await fleet.clock.advance(1000);
	fleet.kill('ship1');
	const fresh = [await send('new a', 'a'), await send('new b', 'b'), await send('new c', 'c')];
	tap.swallowAcks();
	world.release();
	world.hold();
	await fleet.start('ship1', { folder: fleet.spareFolder() });
	await fleet.clock.advance(60_000);
	const rows = rawRows(fleet.folder('ship1'), 'mailbox').map(({ value }) => value);
	const flagged = rows.flatMap(({ id, repeat }) => (repeat === true ? [String(id)] : []));
	assert.deepEqual(rows.map(({ id }) => String(id)).toSorted(), [...maybe, ...fresh].toSorted());
	assert.deepEqual(flagged.toSorted(), maybe.toSorted(), 'those and no others may have been there');
	world.release();
	await fleet.clock.advance(60_000);
	for (const id of [...maybe, ...fresh]) assert.equal((await central.row(id)).state, 'done');
});

test('I32: A frame with an epoch lower than the highest seen for its storeId is refused and changes nothing', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	let central = await fleet.start('central');
	await central.send(note('ship1', 'one'));
	await fleet.clock.advance(1000);
	const old = tap.frames.find(({ from }) => from === 'central')?.frame;
	assert.equal(old?.epoch, 1);
	fleet.kill('central');
	central = await fleet.start('central');
	await central.send(note('ship1', 'two'));
	await fleet.clock.advance(1000);
	const before = wholeJournal(fleet.folder('ship1'));
	const acks = tap.acks.length;
	const where = { node: 'ship1', method: 'NOTE' };
	// What the old process would say next: here, and on a lane that the new one has not used.
	for (const lane of [old.lane ?? '', `${old.lane}other`]) {
		const rows = old.rows.map((row) => ({ ...row, id: 'stale' }));
		await tap.forgeFrame(where, { ...old, lane, lo: 3, first: 3, rows });
		await fleet.clock.advance(1000);
	}
	assert.deepEqual(changedRows(fleet.folder('ship1'), before), []);
	const answers = tap.acks.slice(acks).flatMap(({ ack }) => ack.lanes.map(({ nack }) => nack));
	assert.deepEqual(answers, ['stale_epoch', 'stale_epoch']);
	assert.deepEqual(world.ran('ship1'), ['one', 'two']);
	await central.send(note('ship1', 'three'));
	await fleet.clock.advance(5000);
	assert.deepEqual(world.ran('ship1'), ['one', 'two', 'three'], 'nor does it harm the new process');
});

test("I33: Setting any node's clock by plus or minus one year changes no decision about a message of another node", async (t) => {
	const stories: string[] = [];
	const shifts = [
		['nobody', 0],
		['central', yearMs],
		['central', -yearMs],
		['ship1', yearMs],
		['ship1', -yearMs],
	] as const;
	for (const [whose, shiftMs] of shifts) {
		const { fleet, world } = startWorld(t, { seed: 9 });
		const ship = await fleet.start('ship1');
		const central = await fleet.start('central');
		const [mine, other] = whose === 'central' ? [central, ship] : [ship, central];
		const othersName = whose === 'central' ? 'ship1' : 'central';
		const shiftedName = whose === 'central' ? 'central' : 'ship1';
		// Messages of the node whose clock stands, before, while and after the other one is set.
		const ids: string[] = [];
		const send = async (arg: string, more: object = {}) => {
			ids.push(await other.send(note(shiftedName, arg, more)));
			await fleet.clock.advance(1000);
		};
		await send('before');
		fleet.hub.part(shiftedName);
		await send('under way', { ttl: 600 });
		await send('runs out', { ttl: 20 });
		mine.shiftClock(shiftMs);
		await fleet.clock.advance(60_000);
		fleet.hub.heal();
		await fleet.clock.advance(120_000);
		await send('after', { ttl: 60 });
		fleet.kill(shiftedName);
		const again = await fleet.start(shiftedName);
		again.shiftClock(shiftMs);
		await send('after its restart', { ttl: 60 });
		await fleet.clock.advance(120_000);
		const states = await Promise.all(ids.map(async (id) => (await other.row(id)).state));
		stories.push(`${states.join(' ')}: ${world.ran(shiftedName).join(', ')}`);
		assert.equal(world.ran(othersName).length, 0);
		await fleet.stop();
	}
	const usual = 'done done expired done done: before, under way, after, after its restart';
	for (const story of stories) assert.equal(story, usual);
});

const bell = defineActor({
	name: 'bell',
	version: 1,
	machine: setup({
		types: { context: {} as { rings: number }, events: {} as { type: 'SET' } },
	}).createMachine({
		id: 'bell',
		context: { rings: 0 },
		initial: 'still',
		states: {
			still: { on: { SET: 'set' } },
			set: {
				after: {
					60_000: {
						target: 'still',
						actions: assign({ rings: ({ context }) => context.rings + 1 }),
					},
				},
			},
		},
	}),
});

test('I34: A backward jump of the local clock fires no timer twice and never extends a deadline by more than the jump', async (t) => {
	const jumpMs = 300_000;
	const { fleet, world } = startWorld(t, { actors: [bell] });
	const ship = await fleet.start('ship1');
	const rings = () => storedContexts<{ rings: number }>(fleet.folder('ship1'), 'bell')['']?.rings;
	await ship.send({ toNode: 'ship1', method: 'bell', methodArgs: ['SET'] });
	await fleet.clock.advance(61_000);
	assert.equal(rings(), 1);
	ship.shiftClock(-jumpMs);
	await fleet.clock.advance(2 * jumpMs);
	assert.equal(rings(), 1, 'it does not fire again');
	await ship.send({ toNode: 'ship1', method: 'bell', methodArgs: ['SET'] });
	await fleet.clock.advance(10_000);
	ship.shiftClock(-jumpMs);
	fleet.kill('ship1');
	const next = await fleet.start('ship1');
	next.shiftClock(-2 * jumpMs);
	await fleet.clock.advance(50_000 + 2 * jumpMs + 60_000);
	assert.equal(rings(), 2);
	await fleet.clock.advance(4 * jumpMs);
	assert.equal(rings(), 2);

	const central = await fleet.start('central');
	fleet.kill('ship1');
	const id = await central.send(note('ship1', 'x', { ttl: 100, ACKTimeout: 5 }));
	await fleet.clock.advance(50_000);
	central.shiftClock(-jumpMs);
	const state = async (): Promise<MessageRow['state']> => (await central.row(id)).state;
	await fleet.clock.advance(jumpMs + 60_000);
	assert.equal(await state(), 'expired');
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), []);
});

test("I50: No copy of a message can be accepted after its lane's cursor was dropped", async (t) => {
	const dayMs = 86_400_000;
	const { fleet, world } = startWorld(t, {
		config: { resendMsMin: dayMs, resendMsMax: dayMs, durability: 'os' },
	});
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const longest = 30 * 86_400;
	// The receiver has it, and its sender never hears of that, for as long as a message can live.
	tap.swallowAcks(({ to }) => to === 'central');
	const id = await central.send(note('ship1', 'x', { ttl: longest, ACKTimeout: 86_400 }));
	await fleet.clock.advance(10_000);
	assert.deepEqual(world.ran('ship1'), ['x']);
	fleet.hub.part('central');
	const copy = tap.frames.find(({ frame }) => frame.rows.some((row) => row.id === id));
	assert.ok(copy, 'a copy of it');
	const cursors = () =>
		rawRows(fleet.folder('ship1'), 'cursors').filter(({ key }) => /NOTE/.test(String(key[1])));
	await fleet.clock.advance(29 * dayMs);
	assert.equal(cursors().length, 1, 'as long as copies may come, it is known what they are');
	await tap.replay(copy.publication);
	await fleet.clock.advance(dayMs);
	assert.equal(cursors().length, 1, 'a copy makes that time begin anew');
	await fleet.clock.advance(32 * dayMs);
	assert.equal(cursors().length, 0, 'then it is dropped');
	const before = tap.frames.length;
	fleet.hub.heal();
	tap.swallowAcks();
	await fleet.clock.advance(2 * dayMs);
	const later = tap.frames.slice(before).flatMap(({ frame }) => frame.rows);
	assert.ok(
		later.some((row) => row.id === id),
		'its sender asks what has become of it',
	);
	assert.ok(
		later.every((row) => row.id !== id || row.skip === true),
		'and has no copy left to send',
	);
	assert.deepEqual(world.ran('ship1'), ['x']);
});
