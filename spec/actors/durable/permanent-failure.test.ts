import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, createMachine, setup, type AnyStateMachine } from 'xstate';
import { defineActor, type Recovery } from '../../../actors/definition/definition.ts';
import { ask, reply, send, toActor } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { scanDeadLetters } from '../../../runtime/ledger/dead-letters.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';

const create = createMachine as (config: object) => AnyStateMachine;

/** Keeps a value that cannot be stored, except in its initial state. */
const choosy = (always: boolean) =>
	create({
		id: 'm',
		context: { held: null },
		initial: 'first',
		states: {
			first: { on: { NEXT: 'later', PUT: { actions: assign({ held: always ? () => /x/ : 1 }) } } },
			later: { on: { PUT: { actions: assign({ held: () => /x/ }) } } },
		},
	});

async function failed(t: TestScope, recovery: Recovery, always: boolean) {
	const actor = defineActor({ name: 'it', version: 1, recovery, machine: choosy(always) });
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('it', 'NEXT');
	await node.idle('it');
	const id = await node.send('it', 'PUT');
	for (let count = 0; node.mailbox('it').size() > 0; count += 1) {
		await node.until(() => node.mailbox('it').size() === 0 || failures(node) > count);
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
	await node.idle('it');
	const { outcome, code, attempts } = node.ledger.get(id)?.result ?? {};
	const [dead] = scanDeadLetters(node.journal);
	const value = node.stored('it')?.state.value;
	await node.stop();
	return { outcome, code, attempts, dead: dead?.letter.code, value };
}

const failures = (node: ActorNode) => node.seen('instance.failed').length;

test('a failure that another attempt cannot change ends at the first attempt, with its own code', async (t) => {
	assert.deepEqual(await failed(t, 'resume', true), {
		outcome: 'failed',
		code: 'not_storable',
		attempts: 1,
		dead: 'not_storable',
		value: 'later',
	});
});

test('such a failure is tried once more from the initial state, if the definition wants that', async (t) => {
	for (const recovery of ['fresh', 'ladder'] as const) {
		const { outcome, attempts, value } = await failed(t, recovery, false);
		assert.deepEqual([recovery, outcome, attempts, value], [recovery, 'done', 2, 'first']);
		const again = await failed(t, recovery, true);
		assert.deepEqual(
			[recovery, again.code, again.attempts, again.value],
			[recovery, 'not_storable', 2, 'first'],
		);
	}
});

const echo = defineActor({
	name: 'echo',
	version: 1,
	machine: setup({ types: { events: {} as { type: 'ECHO' } } }).createMachine({
		id: 'echo',
		on: { ECHO: { actions: reply('heard') } },
	}),
});

type WaitEvent = { type: 'STEP' | 'TIMER' | 'ASK' } | { type: 'reply.it' };

/** Waits for a step, a timer and an answer, and fails in the turn of each while `bug.isThere`. */
function waiting(bug: { isThere: boolean; throws?: boolean }, recovery: Recovery = 'resume') {
	const machine = setup({
		types: { context: {} as { held: unknown }, events: {} as WaitEvent },
		actors: { work: step<string, void>({ run: () => Promise.resolve('out') }) },
		actions: {
			keep: assign(() => {
				if (bug.isThere && bug.throws) throw new Error('a bug');
				return { held: bug.isThere ? () => /x/ : 'kept' };
			}),
		},
	}).createMachine({
		id: 'wait',
		context: { held: '' },
		initial: 'idle',
		states: {
			idle: {
				entry: send({ method: sink, data: 'begun' }),
				on: { STEP: 'step', TIMER: 'timer', ASK: 'ask' },
			},
			step: { invoke: { src: 'work', onDone: { target: 'over', actions: 'keep' } } },
			timer: { after: { 5000: { target: 'over', actions: 'keep' } } },
			ask: {
				entry: ask({ id: 'it', timeoutMs: 60_000, ...toActor(echo, { type: 'ECHO' }) }),
				on: { 'reply.it': { target: 'over', actions: 'keep' } },
			},
			over: {},
		},
	});
	return defineActor({ name: 'wait', version: 1, machine, recovery, intensity: 99 });
}

const kinds = ['STEP', 'TIMER', 'ASK'] as const;

async function waitedFor(t: TestScope, kind: (typeof kinds)[number], throws: boolean) {
	const bug = { isThere: true, throws };
	const node = await startActorNode(t, { actors: [waiting(bug), echo] });
	await node.send('wait', kind);
	await node.idle('wait');
	for (let round = 0; round < 40 && node.seen('instance.parked').length === 0; round += 1) {
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
	return { bug, node };
}

test('what an instance waits for is never dropped: a turn that fails for good parks it', async (t) => {
	for (const kind of kinds) {
		for (const throws of [false, true]) {
			const { bug, node } = await waitedFor(t, kind, throws);
			const code = throws ? 'max_attempts' : 'not_storable';
			assert.match(node.seen('instance.parked')[0]?.reason ?? '', new RegExp(`^${code} at `), kind);
			assert.deepEqual(scanDeadLetters(node.journal), []);
			assert.equal(node.stored('wait')?.state.value, kind.toLowerCase());
			bug.isThere = false;
			await node.hostRuntimes.get('wait')?.unpark('', false);
			await node.until(() => node.stored('wait')?.state.value === 'over');
			await node.stop();
		}
	}
});

test('a restart of the node tries what parked an instance again', async (t) => {
	for (const kind of kinds) {
		const { bug, node: first } = await waitedFor(t, kind, true);
		bug.isThere = false;
		const node = await first.restart();
		await node.clock.advance(1000);
		await node.until(() => node.stored('wait')?.state.value === 'over');
		assert.equal(node.journal.count('started', { from: ['wait', 0], to: ['wait', 1e9] }), 0);
		await node.stop();
	}
});

test('an effect done twice: an instance that is unparked fresh begins once', async (t) => {
	for (const kind of kinds) {
		const { bug, node } = await waitedFor(t, kind, true);
		const begun = () => node.sunk().filter((text) => text === 'begun').length;
		assert.equal(begun(), 1);
		bug.isThere = false;
		await node.hostRuntimes.get('wait')?.unpark('', true);
		await node.idle('wait');
		assert.equal(node.stored('wait')?.state.value, 'idle');
		assert.equal(begun(), 2, kind);
		await node.stop();
	}
});

test('an instance that begins anew is not parked by what it does not wait for any more', async (t) => {
	for (const kind of kinds) {
		for (const [recovery, attemptsMax] of [
			['fresh', 1],
			['ladder', 2],
		] as const) {
			const actors = [waiting({ isThere: true, throws: true }, recovery), echo];
			const node = await startActorNode(t, { actors, config: { attemptsMax } });
			await node.send('wait', kind);
			await node.idle('wait');
			for (let round = 0; round < 40 && failures(node) < attemptsMax; round += 1) {
				await node.journal.commit([]);
				await node.clock.advance(1000);
			}
			await node.idle('wait');
			assert.deepEqual(node.seen('instance.parked'), [], kind);
			assert.equal(node.stored('wait')?.state.value, 'idle');
			for (const table of ['timers', 'steps'] as const) assert.equal(node.journal.count(table), 0);
			assert.equal(node.mailbox('wait').size(), 0);
			await node.stop();
		}
	}
});

test('what has ended the process too often waits for an unparking, and no restart tries it again', async (t) => {
	for (const kind of kinds) {
		let [isDeadly, isDead] = [true, false];
		let kill: () => void = () => {};
		const bug = {
			get isThere() {
				if (!isDeadly) return false;
				isDead = true;
				kill();
				throw new Error('dead');
			},
		};
		const actors = [waiting(bug), echo];
		let node = await startActorNode(t, { actors, config: { attemptsMax: 2 }, isOpen: false });
		const parked = () => node.hostRuntimes.get('wait')?.parked().get('') ?? '';
		let turns = 0;
		const comesTo = (holds: () => boolean) =>
			node.until(() => {
				turns += 1;
				// The disk works in real time.
				if (turns % 50 === 0) void node.clock.advance(1000);
				return holds();
			});
		for (let deaths = 0; deaths < 5 && parked() === ''; deaths += 1) {
			isDead = false;
			const current = node;
			kill = () => current.kill();
			// One that dies meanwhile does not open the others.
			void node.openHosts();
			if (deaths === 0) await node.send('wait', kind);
			await comesTo(() => isDead || parked() !== '');
			if (isDead) node = await node.crash();
		}
		const reason = /^max_attempts at .*: the process died while it was handled$/;
		assert.match(parked(), reason, kind);
		isDeadly = false;
		node = await node.restart();
		await node.openHosts();
		await comesTo(() => parked() !== '');
		assert.match(parked(), reason, kind);
		await node.hostRuntimes.get('wait')?.unpark('', false);
		await node.until(() => node.stored('wait')?.state.value === 'over');
		assert.equal(node.journal.count('started', { from: ['wait', 0], to: ['wait', 1e9] }), 0);
		await node.stop();
	}
});
