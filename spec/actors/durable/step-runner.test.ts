import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { step, type StepContext, type StepParts } from '../../../actors/definition/step.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
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
	/** The message of the last error. */
	readonly why?: string;
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
						actions: [
							{
								type: 'hear',
								params: ({ event }) => ({ text: (event.error as { code: string }).code }),
							},
							assign({ why: ({ event }) => (event.error as { message: string }).message }),
						],
					},
				},
				on: { AWAY: 'idle' },
			},
		},
	});
	return { runs, actor: defineActor({ name: 'shop', version: 1, machine }) };
}

const heard = (node: ActorNode) =>
	(node.stored('shop')?.state.context as Heard | undefined)?.heard ?? [];
const rows = (node: ActorNode) => node.journal.count('steps');

test('a step runs after its turn is on disk, and its result moves the machine', async (t) => {
	const { runs, actor } = workshop();
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	assert.equal(node.stored('shop')?.state.value, 'working');
	assert.equal(runs[0]?.input, 'plane');
	runs[0]?.end('smooth');
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['done smooth']);
	await node.stop();
});

test('a rejection is an error event with a plain error', async (t) => {
	const { runs, actor } = workshop();
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	runs[0]?.fail(new TypeError('blunt'));
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['error failed']);
	await node.stop();
});

test('a step whose state is left is aborted, and its result is dropped', async (t) => {
	const { runs, actor } = workshop();
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	await node.send('shop', 'AWAY');
	await node.idle('shop');
	assert.ok(runs[0]?.context.signal.aborted);
	runs[0]?.end('too late');
	await node.send('shop', { type: 'GO', what: 'saw' });
	await node.until(() => runs.length === 2);
	assert.deepEqual(heard(node), []);
	assert.equal(rows(node), 1);
	await node.crash();
});

test('a step of a host that was replaced stores nothing when it ends', async (t) => {
	const { runs, actor } = workshop();
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	await node.replaceHost('shop');
	await node.until(() => runs.length === 2);
	assert.ok(runs[0]?.context.signal.aborted);
	runs[0]?.end('from a dead host');
	await node.clock.settle();
	await node.journal.commit([]);
	const stored = node.journal.scan<{ result?: unknown }>('steps', rowsUnder('shop'));
	assert.deepEqual(
		stored.map(({ value }) => value.result),
		[undefined],
	);
	runs[1]?.end('smooth');
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['done smooth']);
	await node.stop();
});

test('a step that takes too long fails and is aborted', async (t) => {
	const { runs, actor } = workshop({ timeoutMs: 5000 });
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	await node.clock.advance(5000);
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['error timed_out']);
	assert.ok(runs[0]?.context.signal.aborted);
	await node.stop();
});

test('a reason that was lost: a step that was too slow says what it waited for', async (t) => {
	const { runs, actor } = workshop({ timeoutMs: 5000 });
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	runs[0]?.context.warn?.(new ReeveError('storage_full', 'write /data/f'));
	await node.clock.advance(5000);
	await node.until(() => rows(node) === 0);
	const context = node.stored('shop')?.state.context as Heard | undefined;
	assert.equal(context?.why, 'after 5000 ms: the disk is full: write /data/f');
	await node.stop();
});

test('after a crash a step is retried with the same key, which no other step has', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'retry' });
	let node = await startActorNode(t, { actors: [actor] });
	await node.send('shop', { type: 'GO', what: 'plane' });
	for (let count = 1; count <= 3; count += 1) {
		await node.until(() => runs.length === count);
		node = await node.crash();
	}
	await node.until(() => runs.length === 4);
	runs[0]?.end('from a dead process');
	runs[3]?.end('smooth');
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['done smooth']);
	await node.send('shop', { type: 'GO', what: 'saw' });
	await node.until(() => runs.length === 5);
	const keys = runs.map(({ context }) => context.idempotencyKey);
	assert.equal(new Set(keys.slice(0, 4)).size, 1);
	assert.notEqual(keys[4], keys[0]);
	await node.crash();
});

test('a step runs again after a crash whatever characters the key of its instance has', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'retry' });
	const keys = ['😀', '\u{20BB7}', '\uffff', ''];
	const first = await startActorNode(t, { actors: [actor] });
	for (const key of keys) await first.send('shop', { type: 'GO', what: key }, { key });
	await first.until(() => runs.length === keys.length);
	const node = await first.crash();
	await node.until(() => runs.length === 2 * keys.length);
	for (const { end } of runs.slice(keys.length)) end('smooth');
	await node.until(() => rows(node) === 0);
	await node.stop();
});

test('a result that is on disk is used after a crash, and the step is not run again', async (t) => {
	const { runs, actor } = workshop();
	const first = await startActorNode(t, { actors: [actor] });
	await first.send('shop', { type: 'GO', what: 'plane' });
	await first.until(() => runs.length === 1);
	// The result is written, and the host dies before its turn.
	first.hostRuntimes.get('shop')?.fence();
	const [row] = first.journal.scan<object>('steps', rowsUnder('shop'));
	assert.ok(row);
	const { pack } = await import('../../../runtime/message/codec.ts');
	const value = { ...row.value, result: pack({ output: 'smooth' }) };
	await first.journal.commit([{ table: 'steps', key: row.key, value }]);
	const node = await first.crash();
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['done smooth']);
	assert.equal(runs.length, 1);
	await node.stop();
});

test('a step with onCrash once is ambiguous after a crash while it ran', async (t) => {
	const { runs, actor } = workshop({ onCrash: 'once' });
	const first = await startActorNode(t, { actors: [actor] });
	await first.send('shop', { type: 'GO', what: 'plane' });
	await first.until(() => runs.length === 1);
	const node = await first.crash();
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['error ambiguous']);
	assert.equal(runs.length, 1);
	await node.stop();
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
		const first = await startActorNode(t, { actors: [actor] });
		await first.send('shop', { type: 'GO', what: 'plane' });
		await first.until(() => runs.length === 1);
		const node = await first.crash();
		if (answer === 'retry') {
			await node.until(() => runs.length === 2);
			runs[1]?.end('again');
		}
		await node.until(() => rows(node) === 0);
		assert.deepEqual(keys, [runs[0]?.context.idempotencyKey]);
		found.push([runs.length, ...heard(node)]);
		await node.stop();
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
	const node = await startActorNode(t, { actors: [actor], config });
	await node.send('shop', { type: 'GO', what: 'plane' });
	await node.until(() => runs.length === 1);
	runs[0]?.end('x'.repeat(2000));
	await node.until(() => rows(node) === 0);
	assert.deepEqual(heard(node), ['error output_too_large']);
	await node.stop();
});

test('at most stepsMax steps run at a time', async (t) => {
	const { runs, actor } = workshop();
	const node = await startActorNode(t, { actors: [actor], config: { stepsMax: 2 } });
	for (const key of ['a', 'b', 'c']) await node.send('shop', { type: 'GO', what: key }, { key });
	await node.idle('shop');
	assert.equal(runs.length, 2);
	runs[0]?.end('done');
	await node.until(() => runs.length === 3);
	await node.crash();
});
