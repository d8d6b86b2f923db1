import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { reportInstance } from '../../../actors/replay/instance-report.ts';
import { reply, send } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';

/** Whether the machine throws at what it is told: a bug, and its repair. */
const bug = { isThere: true };

function fragile() {
	const machine = setup({
		types: {
			context: {} as { heard: readonly string[] },
			events: {} as { type: 'HEAR'; text: string } | { type: 'RIPEN' },
		},
	}).createMachine({
		id: 'fragile',
		context: { heard: [] },
		initial: 'green',
		states: { green: { after: { 5000: 'ripe' } }, ripe: {} },
		on: {
			HEAR: {
				actions: [
					assign({
						heard: ({ context, event }) => {
							if (bug.isThere && event.text === 'bad') throw new Error('cannot hear that');
							return [...context.heard, event.text];
						},
					}),
					send(({ event }) => ({ method: sink, data: event.text })),
					reply(({ context }) => context.heard.length),
				],
			},
		},
	});
	return defineActor({ name: 'fragile', version: 1, machine, intensity: 1, period: 600 });
}

const heard = (node: ActorNode, key: string) =>
	(node.stored('fragile', key)?.state.context as { heard: string[] } | undefined)?.heard;
const hear = (node: ActorNode, text: string, key = 'a') =>
	node.send('fragile', { type: 'HEAR', text }, { key });

async function parkedStage(t: Parameters<typeof startActorNode>[0]): Promise<ActorNode> {
	bug.isThere = true;
	const node = await startActorNode(t, { actors: [fragile()], config: { attemptsMax: 5 } });
	await hear(node, 'one');
	await node.idle('fragile');
	for (const text of ['bad', 'two']) await hear(node, text);
	await node.until(() => node.seen('instance.failed').length > 0);
	await node.clock.advance(1000);
	await node.until(() => node.seen('instance.parked').length > 0);
	await hear(node, 'three');
	await hear(node, 'other', 'b');
	await node.until(() => heard(node, 'b')?.length === 1);
	return node;
}

test('a parked instance keeps its mail and takes it in order when it is unparked, with a signal', async (t) => {
	const node = await parkedStage(t);
	const hostRuntime = node.hostRuntimes.get('fragile');
	assert.ok(hostRuntime);
	assert.match(hostRuntime.parked().get('a') ?? '', /failed more than 1 times/);
	assert.equal(node.mailbox('fragile').size(), 3);
	const report = reportInstance(node.journal, fragile(), 'a');
	assert.deepEqual(
		report?.mail.map(({ event, from }) => [event, from]),
		[
			['HEAR', 'ship1'],
			['HEAR', 'ship1'],
			['HEAR', 'ship1'],
		],
	);
	bug.isThere = false;
	assert.equal(await hostRuntime.unpark('a', false), 3);
	await node.idle('fragile');
	assert.deepEqual(heard(node, 'a'), ['one', 'bad', 'two', 'three']);
	assert.deepEqual(
		node.sunk().filter((text) => /^[a-z]/.test(text)),
		['one', 'other', 'bad', 'two', 'three'],
	);
	const [signal] = node.seen('instance.unparked');
	assert.deepEqual(signal && [signal.actor, signal.key, signal.mode, signal.waiting], [
		'fragile',
		'a',
		'resume',
		3,
	]);
	assert.equal(node.journal.count('started', { from: ['fragile', 0], to: ['fragile', 1e9] }), 0);
	await node.stop();
});

test('an instance that is unparked fresh begins anew, with its timers, and then takes its mail', async (t) => {
	const node = await parkedStage(t);
	bug.isThere = false;
	await node.hostRuntimes.get('fragile')?.unpark('a', true);
	await node.idle('fragile');
	assert.deepEqual(heard(node, 'a'), ['bad', 'two', 'three']);
	assert.equal(Object.keys(node.stored('fragile', 'a')?.timers ?? {}).length, 1);
	assert.equal(node.journal.count('timers'), 2);
	await node.clock.advance(5000);
	await node.until(() => node.stored('fragile', 'a')?.state.value === 'ripe');
	await node.stop();
});

test('a timer that fell due while its instance was parked fires when it is unparked', async (t) => {
	const node = await parkedStage(t);
	await node.clock.advance(10_000);
	bug.isThere = false;
	await node.hostRuntimes.get('fragile')?.unpark('a', false);
	await node.until(() => node.stored('fragile', 'a')?.state.value === 'ripe');
	await node.idle('fragile');
	assert.deepEqual(heard(node, 'a'), ['one', 'bad', 'two', 'three']);
	await node.stop();
});

test('an instance that is not parked, or would be parked again at once, is not unparked', async (t) => {
	const first = await startActorNode(t, { actors: [fragile()] });
	bug.isThere = false;
	await hear(first, 'one');
	await first.idle('fragile');
	await assert.rejects(async () => first.hostRuntimes.get('fragile')?.unpark('a', false), {
		code: 'not_found',
	});
	const machine = setup({}).createMachine({ id: 'fragile', initial: 'x', states: { x: {} } });
	const node = await first.restart([defineActor({ name: 'fragile', version: 1, machine })]);
	await hear(node, 'two');
	await node.until(() => node.seen('instance.parked').length > 0);
	const hostRuntime = node.hostRuntimes.get('fragile');
	await assert.rejects(async () => hostRuntime?.unpark('a', false), { code: 'actor_parked' });
	assert.ok(hostRuntime?.parked().has('a'));
	assert.equal(node.mailbox('fragile').size(), 1);
	await hostRuntime?.unpark('a', true);
	await node.idle('fragile');
	assert.equal(node.stored('fragile', 'a')?.state.value, 'x');
	await node.stop();
});

test('an unparking that a stop of the host cuts off rejects, and does not stay open', async (t) => {
	for (const ends of ['drain', 'fence'] as const) {
		const node = await parkedStage(t);
		bug.isThere = false;
		const hostRuntime = node.hostRuntimes.get('fragile');
		assert.ok(hostRuntime);
		const unparked = hostRuntime.unpark('a', true);
		const ended = hostRuntime[ends]();
		const outcome = await unparked.then(
			() => 'done',
			(thrown: unknown) => String(Reflect.get(Object(thrown) as object, 'code')),
		);
		assert.match(outcome, /^(?:done|stopping)$/);
		await ended;
		node.kill();
		await node.journal.close();
	}
});

/** Begins with an effect, a state or an error of its own, once `fault.is` says so. */
function stubborn(fault: { is: string }) {
	const machine = setup({
		types: {
			context: {} as { held: string },
			events: {} as { type: 'GO' } | { type: 'FAIL' },
		},
		actors: { work: step<string, void>({ run: () => Promise.resolve('out') }) },
		actions: {
			fail: assign(({ context }) => {
				if (fault.is !== '') throw new Error('a bug');
				return context;
			}),
		},
	}).createMachine({
		id: 'stubborn',
		context: () => ({ held: fault.is === 'size' ? 'x'.repeat(2_000_000) : '' }),
		initial: 'first',
		states: {
			first: {
				entry: [
					send(() => ({
						method: sink,
						...(fault.is === 'effect' ? { note: 'half \ud800' } : {}),
					})),
					assign(({ context }) => {
						if (fault.is === 'throw') throw new Error('it cannot begin');
						return context;
					}),
				],
				on: { GO: 'later' },
			},
			later: { invoke: { src: 'work', onDone: { target: 'over', actions: 'fail' } } },
			over: {},
		},
	});
	return defineActor({ name: 'stubborn', version: 1, machine, intensity: 0, recovery: 'resume' });
}

test('an unparking that waits for ever: one whose start is refused rejects, and leaves all as it is', async (t) => {
	for (const refused of ['effect', 'size', 'throw']) {
		const fault = { is: '' };
		const node = await startActorNode(t, { actors: [stubborn(fault)] });
		await node.send('stubborn', 'GO');
		fault.is = 'step';
		await node.until(() => node.seen('instance.parked').length > 0);
		const hostRuntime = node.hostRuntimes.get('stubborn');
		const reason = hostRuntime?.parked().get('');
		fault.is = refused;
		await assert.rejects(async () => hostRuntime?.unpark('', true), refused);
		assert.equal(hostRuntime?.parked().get(''), reason);
		assert.equal(node.seen('instance.parked').length, 1, 'nothing new is told');
		fault.is = '';
		await hostRuntime?.unpark('', false);
		await node.until(() => node.stored('stubborn')?.state.value === 'over');
		await node.stop();
	}
});

test('an unparking whose start fails only in its turn rejects, and a later one keeps what waits', async (t) => {
	const fault = { is: '' };
	const node = await startActorNode(t, { actors: [stubborn(fault)] });
	await node.send('stubborn', 'GO');
	fault.is = 'step';
	await node.until(() => node.seen('instance.parked').length > 0);
	const hostRuntime = node.hostRuntimes.get('stubborn');
	// It holds when it is tried out, and fails a moment later.
	fault.is = '';
	const unparked = hostRuntime?.unpark('', true);
	fault.is = 'effect';
	await assert.rejects(async () => unparked, { code: 'actor_parked' });
	assert.ok(hostRuntime?.parked().has(''));
	fault.is = '';
	await hostRuntime?.unpark('', false);
	await node.until(() => node.stored('stubborn')?.state.value === 'over');
	await node.stop();
});

test('a message that parks its instance at its last attempt keeps its attempts for later', async (t) => {
	for (const how of ['unpark', 'restart', 'crash'] as const) {
		bug.isThere = true;
		const actors = [defineActor({ ...fragile(), intensity: 1, period: 600 })];
		const first = await startActorNode(t, { actors, config: { attemptsMax: 2 } });
		for (const text of ['bad', 'two']) await hear(first, text);
		await first.until(() => first.seen('instance.failed').length > 0);
		await first.clock.advance(1000);
		await first.until(() => first.seen('instance.parked').length > 0);
		await first.journal.commit([]);
		bug.isThere = false;
		const node = how === 'unpark' ? first : await first[how]();
		if (how === 'unpark') await node.hostRuntimes.get('fragile')?.unpark('a', false);
		await node.idle('fragile');
		assert.deepEqual(heard(node, 'a'), ['bad', 'two'], how);
		assert.equal(node.journal.count('dead'), 0);
		await node.stop();
	}
});
