import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { step, type StepContext, type StepParts } from '../../../actors/definition/step.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

/** A run of a step that is under way in the world outside, and ends when the test says so. */
interface Run {
	readonly input: string;
	readonly context: StepContext;
	readonly end: (output: string) => void;
	readonly fail: (thrown: unknown) => void;
}

interface Heard {
	readonly heard: readonly string[];
}

/** An actor that runs a step in one state, and a world that sees the runs. */
function workshop(more: Omit<StepParts<string, string>, 'run'> = {}) {
	const runs: Run[] = [];
	const work = step<string, string>({
		...more,
		run: (input, context) =>
			new Promise((end, fail) => {
				runs.push({ input, context, end, fail });
			}),
	});
	const machine = setup({
		types: {
			context: {} as Heard,
			events: {} as { type: 'GO'; what: string } | { type: 'AWAY' },
		},
		actors: { work },
		actions: {
			hear: assign({
				heard: ({ context, event }, params: { text: string }) => [
					...context.heard,
					`${event.type.split('.')[1] ?? event.type} ${params.text}`,
				],
			}),
		},
	}).createMachine({
		id: 'shop',
		context: { heard: [] },
		initial: 'idle',
		states: {
			idle: { on: { GO: 'working' } },
			working: {
				invoke: {
					src: 'work',
					input: ({ event }) => (event.type === 'GO' ? event.what : ''),
					onDone: {
						target: 'idle',
						actions: { type: 'hear', params: ({ event }) => ({ text: event.output }) },
					},
					onError: {
						target: 'idle',
						actions: {
							type: 'hear',
							params: ({ event }) => ({ text: (event.error as { code: string }).code }),
						},
					},
				},
				on: { AWAY: 'idle' },
			},
		},
	});
	return { runs, actor: defineActor({ name: 'shop', version: 1, machine }) };
}

const heard = (stage: ActorStage) =>
	(stage.stored('shop')?.state.context as Heard | undefined)?.heard ?? [];
const rows = (stage: ActorStage) => stage.journal.count('steps');

test('a step runs after its turn is on disk, and its result moves the machine', async (t) => {
	const { runs, actor } = workshop();
	const stage = await setActorStage(t, { actors: [actor] });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	await stage.until(() => runs.length === 1);
	assert.equal(stage.stored('shop')?.state.value, 'working');
	assert.equal(runs[0]?.input, 'plane');
	runs[0]?.end('smooth');
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['done smooth']);
	await stage.stop();
});

test('a rejection is an error event with a plain error', async (t) => {
	const { runs, actor } = workshop();
	const stage = await setActorStage(t, { actors: [actor] });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	await stage.until(() => runs.length === 1);
	runs[0]?.fail(new TypeError('blunt'));
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['error failed']);
	await stage.stop();
});

test('a step whose state is left is aborted, and its result is dropped', async (t) => {
	const { runs, actor } = workshop();
	const stage = await setActorStage(t, { actors: [actor] });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	await stage.until(() => runs.length === 1);
	await stage.send('shop', 'AWAY');
	await stage.idle('shop');
	assert.ok(runs[0]?.context.signal.aborted);
	runs[0]?.end('too late');
	await stage.send('shop', { type: 'GO', what: 'saw' });
	await stage.until(() => runs.length === 2);
	assert.deepEqual(heard(stage), []);
	assert.equal(rows(stage), 1);
	await stage.crash();
});

test('a step that takes too long fails and is aborted', async (t) => {
	const { runs, actor } = workshop({ timeoutMs: 5000 });
	const stage = await setActorStage(t, { actors: [actor] });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	await stage.until(() => runs.length === 1);
	await stage.clock.advance(5000);
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['error timed_out']);
	assert.ok(runs[0]?.context.signal.aborted);
	await stage.stop();
});

test('after a crash a step is retried with the same key, which no other step has', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'retry' });
	let stage = await setActorStage(t, { actors: [actor] });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	for (let count = 1; count <= 3; count += 1) {
		await stage.until(() => runs.length === count);
		stage = await stage.crash();
	}
	await stage.until(() => runs.length === 4);
	runs[0]?.end('from a dead process');
	runs[3]?.end('smooth');
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['done smooth']);
	await stage.send('shop', { type: 'GO', what: 'saw' });
	await stage.until(() => runs.length === 5);
	const keys = runs.map(({ context }) => context.idempotencyKey);
	assert.equal(new Set(keys.slice(0, 4)).size, 1);
	assert.notEqual(keys[4], keys[0]);
	await stage.crash();
});

test('a step runs again after a crash whatever characters the key of its instance has', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'retry' });
	const keys = ['😀', '\u{20BB7}', '\uffff', ''];
	const first = await setActorStage(t, { actors: [actor] });
	for (const key of keys) await first.send('shop', { type: 'GO', what: key }, { key });
	await first.until(() => runs.length === keys.length);
	const stage = await first.crash();
	await stage.until(() => runs.length === 2 * keys.length);
	for (const { end } of runs.slice(keys.length)) end('smooth');
	await stage.until(() => rows(stage) === 0);
	await stage.stop();
});

test('a result that is on disk is used after a crash, and the step is not run again', async (t) => {
	const { runs, actor } = workshop();
	const first = await setActorStage(t, { actors: [actor] });
	await first.send('shop', { type: 'GO', what: 'plane' });
	await first.until(() => runs.length === 1);
	// The result is written, and the host dies before its turn.
	first.hostRuntimes.get('shop')?.fence();
	const [row] = first.journal.scan<object>('steps', rowsUnder('shop'));
	assert.ok(row);
	const { pack } = await import('../../../runtime/message/codec.ts');
	const value = { ...row.value, result: pack({ output: 'smooth' }) };
	await first.journal.commit([{ table: 'steps', key: row.key, value }]);
	const stage = await first.crash();
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['done smooth']);
	assert.equal(runs.length, 1);
	await stage.stop();
});

test('a step with onCrash once is ambiguous after a crash while it ran', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'once' });
	const first = await setActorStage(t, { actors: [actor] });
	await first.send('shop', { type: 'GO', what: 'plane' });
	await first.until(() => runs.length === 1);
	const stage = await first.crash();
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['error ambiguous']);
	assert.equal(runs.length, 1);
	await stage.stop();
});

test('a step with onCrash reconcile is reconciled after a crash while it ran', async (t) => {
	const answers = [{ done: 'smooth' }, 'retry', 'ambiguous'] as const;
	const found = [];
	for (const answer of answers) {
		const keys: string[] = [];
		const { runs, actor } = workshop({
			onCrash: 'reconcile',
			reconcile(_input, { idempotencyKey }) {
				keys.push(idempotencyKey);
				return Promise.resolve(answer);
			},
		});
		const first = await setActorStage(t, { actors: [actor] });
		await first.send('shop', { type: 'GO', what: 'plane' });
		await first.until(() => runs.length === 1);
		const stage = await first.crash();
		if (answer === 'retry') {
			await stage.until(() => runs.length === 2);
			runs[1]?.end('again');
		}
		await stage.until(() => rows(stage) === 0);
		assert.deepEqual(keys, [runs[0]?.context.idempotencyKey]);
		found.push([runs.length, ...heard(stage)]);
		await stage.stop();
	}
	assert.deepEqual(found, [
		[1, 'done smooth'],
		[2, 'done again'],
		[1, 'error ambiguous'],
	]);
});

test('a result that cannot be stored, or is too large, becomes an error event', async (t) => {
	const { runs, actor } = workshop();
	const config = { messageBytesMax: 1000 };
	const stage = await setActorStage(t, { actors: [actor], config });
	await stage.send('shop', { type: 'GO', what: 'plane' });
	await stage.until(() => runs.length === 1);
	runs[0]?.end('x'.repeat(2000));
	await stage.until(() => rows(stage) === 0);
	assert.deepEqual(heard(stage), ['error output_too_large']);
	await stage.stop();
});

test('at most stepsMax steps run at a time', async (t) => {
	const { runs, actor } = workshop();
	const stage = await setActorStage(t, { actors: [actor], config: { stepsMax: 2 } });
	for (const key of ['a', 'b', 'c']) await stage.send('shop', { type: 'GO', what: key }, { key });
	await stage.idle('shop');
	assert.equal(runs.length, 2);
	runs[0]?.end('done');
	await stage.until(() => runs.length === 3);
	await stage.crash();
});
