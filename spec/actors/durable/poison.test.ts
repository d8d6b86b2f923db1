import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

type FuseEvent =
	| { readonly type: 'OK' }
	| { readonly type: 'BAD'; readonly name: string }
	| { readonly type: 'WEAR' };

/** What happens when a machine is given BAD; the machine itself is as pure as any. */
const hazard: { strike: (name: string) => void } = { strike: () => {} };

const fuse = defineActor({
	name: 'fuse',
	version: 3,
	machine: setup({
		types: { context: {} as { ok: number; worn: number }, events: {} as FuseEvent },
		guards: {
			harmless: ({ event }) => {
				if (event.type === 'BAD') hazard.strike(event.name);
				return true;
			},
		},
	}).createMachine({
		id: 'fuse',
		context: { ok: 0, worn: 0 },
		initial: 'on',
		states: {
			on: {
				on: {
					OK: { actions: assign({ ok: ({ context }) => context.ok + 1 }) },
					WEAR: { actions: assign({ worn: ({ context }) => context.worn + 1 }) },
					BAD: { guard: 'harmless', actions: assign({ ok: ({ context }) => context.ok + 100 }) },
				},
			},
		},
	}),
});

const fail = (): never => {
	throw new Error('poisonous');
};

function deadLetters(node: ActorNode) {
	return node.journal
		.scan<{ id: string; attempts: number; version: number; key: string; turn: number }>(
			'dead',
			rowsUnder(),
		)
		.map(({ value }) => value);
}

const outcomeOf = (node: ActorNode, id: string) => node.ledger.get(id)?.result;

/** Runs until nothing waits, moving the clock through the pauses between attempts. */
async function workedOff(node: ActorNode, rounds = 12): Promise<void> {
	for (let round = 0; round < rounds; round += 1) {
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
}

test('a message at which the machine throws is tried again, then becomes a dead letter, and its lane goes on', async (t) => {
	hazard.strike = fail;
	const node = await startActorNode(t, { actors: [fuse] });
	const bad = await node.send('fuse', { type: 'BAD', name: 'x' });
	await node.send('fuse', 'OK');
	await node.send('fuse', 'OK', { key: 'other' });
	await workedOff(node);
	assert.deepEqual(node.stored('fuse')?.state.context, { ok: 1, worn: 0 });
	assert.deepEqual(node.stored('fuse', 'other')?.state.context, { ok: 1, worn: 0 });
	const [letter, ...others] = deadLetters(node);
	assert.deepEqual(others, []);
	assert.deepEqual([letter?.id, letter?.attempts, letter?.version], [bad, 5, 3]);
	assert.equal(outcomeOf(node, bad)?.code, 'max_attempts');
	assert.equal(outcomeOf(node, bad)?.attempts, 5);
	assert.equal(node.seen('instance.failed').length, 5);
	await node.stop();
});

test('while a message is being tried again no later one of its instance runs, and others do', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 3) fail();
	};
	const node = await startActorNode(t, { actors: [fuse] });
	await node.send('fuse', { type: 'BAD', name: 'x' });
	await node.send('fuse', 'OK');
	await node.send('fuse', 'OK', { key: 'other' });
	await node.until(() => node.stored('fuse', 'other') !== undefined);
	assert.equal(node.stored('fuse'), undefined);
	await workedOff(node);
	assert.deepEqual(node.stored('fuse')?.state.context, { ok: 101, worn: 0 });
	assert.equal(strikes, 3);
	await node.stop();
});

test('attempts are counted across restarts', async (t) => {
	hazard.strike = fail;
	let node = await startActorNode(t, { actors: [fuse] });
	const bad = await node.send('fuse', { type: 'BAD', name: 'x' });
	for (let start = 0; start < 3; start += 1) {
		const before = node;
		await node.until(() => before.seen('instance.failed').length > 0);
		await node.journal.commit([]);
		node = await node.crash();
	}
	await workedOff(node);
	assert.equal(outcomeOf(node, bad)?.attempts, 5);
	assert.equal(node.seen('instance.failed').length, 2);
	await node.stop();
});

test('a message that kills the process is a dead letter after its last start, and no other is', async (t) => {
	let deaths = 0;
	let isDead = false;
	const before = await startActorNode(t, { actors: [fuse], isOpen: false });
	for (let n = 0; n < 4; n += 1) await before.send('fuse', 'OK', { key: `k${n}` });
	const killer = await before.send('fuse', { type: 'BAD', name: 'killer' }, { key: 'k4' });
	for (let n = 5; n < 9; n += 1) await before.send('fuse', 'OK', { key: `k${n}` });
	let kill: () => void = () => {};
	// The process dies in the middle of the turn.
	hazard.strike = () => {
		deaths += 1;
		isDead = true;
		kill();
		fail();
	};
	await before.stop();
	let node = await startActorNode(t, { ...before.parts, isOpen: false });
	for (let start = 0; start < 8; start += 1) {
		isDead = false;
		const current = node;
		kill = () => current.kill();
		await node.openHosts();
		await node.until(() => isDead || current.mailbox('fuse').size() === 0);
		if (!isDead) break;
		node = await node.crash();
	}
	await node.idle('fuse');
	assert.equal(deaths, 5);
	const letters = deadLetters(node);
	assert.deepEqual(
		letters.map(({ id, attempts }) => [id, attempts]),
		[[killer, 5]],
	);
	for (const n of [0, 1, 2, 3, 5, 6, 7, 8]) {
		assert.deepEqual(node.stored('fuse', `k${n}`)?.state.context, { ok: 1, worn: 0 });
	}
	await node.stop();
});

test('what was running when the process died has its turns before all new mail, one by one', async (t) => {
	const struck: string[] = [];
	hazard.strike = (name) => void struck.push(name);
	const before = await startActorNode(t, { actors: [fuse], isOpen: false });
	for (const name of ['one', 'two']) {
		await before.send('fuse', { type: 'BAD', name }, { key: name });
	}
	const arrivals = before.journal.keys('mailbox', rowsUnder('fuse')).map(([, at]) => Number(at));
	const value = {
		epoch: before.journal.epoch,
		arrivals: arrivals.flatMap((at) => [at, at]),
		marks: [],
	};
	await before.journal.commit([{ table: 'started', key: ['fuse', 'batch'], value }]);
	const node = await before.crash();
	for (const name of ['three', 'four']) {
		await node.send('fuse', { type: 'BAD', name }, { key: name });
	}
	await node.openHosts();
	await node.idle('fuse');
	assert.deepEqual(struck, ['one', 'two', 'three', 'four']);
	await node.stop();
});

test('a second restart: a message that was tried again leaves no start that charges a later one', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 2) fail();
	};
	let node = await startActorNode(t, { actors: [fuse] });
	await node.send('fuse', { type: 'BAD', name: 'x' });
	await workedOff(node);
	assert.equal(strikes, 2);
	const keys = node.journal.scan('started', rowsUnder('fuse')).map(({ key }) => key.join(' '));
	assert.deepEqual(
		keys.filter((key) => key !== 'fuse batch'),
		[],
	);
	// The mailbox is empty at the start, so the next message may get the same arrival.
	for (let restart = 0; restart < 2; restart += 1) {
		node = await node.crash();
		await node.send('fuse', 'OK');
		await workedOff(node, 3);
		assert.deepEqual(node.seen('replay.decided'), []);
	}
	assert.deepEqual(node.stored('fuse')?.state.context, { ok: 102, worn: 0 });
	await node.stop();
});

test('recovery says whether the event is tried again in the old state or in the initial one', async (t) => {
	const contexts = [];
	for (const recovery of ['resume', 'fresh', 'ladder'] as const) {
		let strikes = 0;
		hazard.strike = () => {
			strikes += 1;
			if (strikes < 3) fail();
		};
		const actor: ActorDefinition = defineActor({ ...fuse, recovery });
		const node = await startActorNode(t, { actors: [actor] });
		await node.send('fuse', 'WEAR');
		await node.send('fuse', { type: 'BAD', name: 'x' });
		await workedOff(node);
		contexts.push(node.stored('fuse')?.state.context);
		const modes = node.seen('instance.failed').map((fields) => fields.recovery);
		assert.deepEqual(
			modes,
			{
				resume: ['resume', 'resume'],
				fresh: ['fresh', 'fresh'],
				ladder: ['resume', 'fresh'],
			}[recovery],
		);
		await node.stop();
	}
	assert.deepEqual(contexts, [
		{ ok: 100, worn: 1 },
		{ ok: 100, worn: 0 },
		{ ok: 100, worn: 0 },
	]);
});

test('an instance that fails too often is parked with its mail, and others go on', async (t) => {
	hazard.strike = fail;
	const brittle = defineActor({ ...fuse, intensity: 3, period: 60 });
	const node = await startActorNode(t, { actors: [brittle] });
	const bad = await node.send('fuse', { type: 'BAD', name: 'x' });
	const ok = await node.send('fuse', 'OK');
	await workedOff(node);
	assert.equal(node.seen('instance.parked').length, 1);
	assert.equal(outcomeOf(node, bad), undefined);
	await node.send('fuse', 'OK', { key: 'other' });
	await workedOff(node);
	assert.deepEqual(node.stored('fuse', 'other')?.state.context, { ok: 1, worn: 0 });
	assert.equal(node.mailbox('fuse').size(), 2);
	hazard.strike = () => {};
	const repaired = await node.restart();
	await workedOff(repaired);
	assert.equal(outcomeOf(repaired, ok)?.outcome, 'done');
	assert.deepEqual(repaired.stored('fuse')?.state.context, { ok: 101, worn: 0 });
	await repaired.stop();
});
