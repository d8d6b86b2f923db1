import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';
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

function deadLetters(stage: ActorStage) {
	return stage.journal
		.scan<{ id: string; attempts: number; version: number; key: string; turn: number }>(
			'dead',
			rowsUnder(),
		)
		.map(({ value }) => value);
}

const outcomeOf = (stage: ActorStage, id: string) => stage.ledger.get(id)?.result;

/** Runs until nothing waits, moving the clock through the pauses between attempts. */
async function workedOff(stage: ActorStage, rounds = 12): Promise<void> {
	for (let round = 0; round < rounds; round += 1) {
		await stage.journal.commit([]);
		await stage.clock.advance(1000);
	}
}

test('a message at which the machine throws is tried again, then becomes a dead letter, and its lane goes on', async (t) => {
	hazard.strike = fail;
	const stage = await setActorStage(t, { actors: [fuse] });
	const bad = await stage.send('fuse', { type: 'BAD', name: 'x' });
	await stage.send('fuse', 'OK');
	await stage.send('fuse', 'OK', { key: 'other' });
	await workedOff(stage);
	assert.deepEqual(stage.stored('fuse')?.state.context, { ok: 1, worn: 0 });
	assert.deepEqual(stage.stored('fuse', 'other')?.state.context, { ok: 1, worn: 0 });
	const [letter, ...others] = deadLetters(stage);
	assert.deepEqual(others, []);
	assert.deepEqual([letter?.id, letter?.attempts, letter?.version], [bad, 5, 3]);
	assert.equal(outcomeOf(stage, bad)?.code, 'max_attempts');
	assert.equal(outcomeOf(stage, bad)?.attempts, 5);
	assert.equal(stage.seen('instance.failed').length, 5);
	await stage.stop();
});

test('while a message is being tried again no later one of its instance runs, and others do', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 3) fail();
	};
	const stage = await setActorStage(t, { actors: [fuse] });
	await stage.send('fuse', { type: 'BAD', name: 'x' });
	await stage.send('fuse', 'OK');
	await stage.send('fuse', 'OK', { key: 'other' });
	await stage.until(() => stage.stored('fuse', 'other') !== undefined);
	assert.equal(stage.stored('fuse'), undefined);
	await workedOff(stage);
	assert.deepEqual(stage.stored('fuse')?.state.context, { ok: 101, worn: 0 });
	assert.equal(strikes, 3);
	await stage.stop();
});

test('attempts are counted across restarts', async (t) => {
	hazard.strike = fail;
	let stage = await setActorStage(t, { actors: [fuse] });
	const bad = await stage.send('fuse', { type: 'BAD', name: 'x' });
	for (let start = 0; start < 3; start += 1) {
		const before = stage;
		await stage.until(() => before.seen('instance.failed').length > 0);
		await stage.journal.commit([]);
		stage = await stage.crash();
	}
	await workedOff(stage);
	assert.equal(outcomeOf(stage, bad)?.attempts, 5);
	assert.equal(stage.seen('instance.failed').length, 2);
	await stage.stop();
});

test('a message that kills the process is a dead letter after its last start, and no other is', async (t) => {
	let deaths = 0;
	let isDead = false;
	const before = await setActorStage(t, { actors: [fuse], isOpen: false });
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
	let stage = await setActorStage(t, { ...before.parts, isOpen: false });
	for (let start = 0; start < 8; start += 1) {
		isDead = false;
		const current = stage;
		kill = () => current.kill();
		await stage.openHosts();
		await stage.until(() => isDead || current.mailbox('fuse').size() === 0);
		if (!isDead) break;
		stage = await stage.crash();
	}
	await stage.idle('fuse');
	assert.equal(deaths, 5);
	const letters = deadLetters(stage);
	assert.deepEqual(
		letters.map(({ id, attempts }) => [id, attempts]),
		[[killer, 5]],
	);
	for (const n of [0, 1, 2, 3, 5, 6, 7, 8]) {
		assert.deepEqual(stage.stored('fuse', `k${n}`)?.state.context, { ok: 1, worn: 0 });
	}
	await stage.stop();
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
		const stage = await setActorStage(t, { actors: [actor] });
		await stage.send('fuse', 'WEAR');
		await stage.send('fuse', { type: 'BAD', name: 'x' });
		await workedOff(stage);
		contexts.push(stage.stored('fuse')?.state.context);
		const modes = stage.seen('instance.failed').map((fields) => fields.recovery);
		assert.deepEqual(
			modes,
			{
				resume: ['resume', 'resume'],
				fresh: ['fresh', 'fresh'],
				ladder: ['resume', 'fresh'],
			}[recovery],
		);
		await stage.stop();
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
	const stage = await setActorStage(t, { actors: [brittle] });
	const bad = await stage.send('fuse', { type: 'BAD', name: 'x' });
	const ok = await stage.send('fuse', 'OK');
	await workedOff(stage);
	assert.equal(stage.seen('instance.parked').length, 1);
	assert.equal(outcomeOf(stage, bad), undefined);
	await stage.send('fuse', 'OK', { key: 'other' });
	await workedOff(stage);
	assert.deepEqual(stage.stored('fuse', 'other')?.state.context, { ok: 1, worn: 0 });
	assert.equal(stage.mailbox('fuse').size(), 2);
	hazard.strike = () => {};
	const repaired = await stage.restart();
	await workedOff(repaired);
	assert.equal(outcomeOf(repaired, ok)?.outcome, 'done');
	assert.deepEqual(repaired.stored('fuse')?.state.context, { ok: 101, worn: 0 });
	await repaired.stop();
});
