import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { step } from '../../../actors/definition/step.ts';
import { startActorNode } from '../../support/actor-node.ts';

const codeIn = (context: unknown): unknown => Reflect.get(Object(context) as object, 'code');

const never = new Promise<null>(() => {});

/** An actor with one step, whose outcome is in its context. */
function working(run: (key: string) => Promise<null>) {
	return defineActor({
		name: 'work',
		version: 1,
		machine: setup({
			types: {
				context: {} as { code: string; key: string },
				events: {} as { type: 'GO' },
				input: {} as { key: string },
			},
			actors: { work: step<null, string>({ run }) },
		}).createMachine({
			id: 'work',
			context: ({ input }) => ({ code: '', key: input.key }),
			initial: 'idle',
			states: {
				idle: { on: { GO: 'busy' } },
				busy: {
					invoke: {
						src: 'work',
						input: ({ context }) => context.key,
						onDone: { target: 'idle', actions: assign({ code: 'done' }) },
						onError: {
							target: 'idle',
							actions: assign({ code: ({ event }) => (event.error as { code: string }).code }),
						},
					},
				},
			},
		}),
		input: ({ key }) => ({ key }),
	});
}

test('a step that ends its process is given up after attemptsMax starts, and no other step is', async (t) => {
	let deaths = 0;
	let die: () => void = () => {};
	const work = working((key) => {
		if (key !== 'k2') return Promise.resolve(null);
		deaths += 1;
		die();
		return never;
	});
	let node = await startActorNode(t, { actors: [work], isOpen: false });
	for (const key of ['k1', 'k2', 'k3']) await node.send('work', 'GO', { key });
	let isDead = false;
	const codeOf = (key: string) =>
		(node.stored('work', key)?.state.context as { code: string } | undefined)?.code ?? '';
	for (let start = 0; start < 20 && codeOf('k2') === ''; start += 1) {
		isDead = false;
		const current = node;
		die = () => {
			isDead = true;
			current.kill();
		};
		await current.openHosts();
		await current.until(() => isDead || codeOf('k2') !== '');
		if (isDead) node = await current.crash();
	}
	assert.equal(codeOf('k2'), 'max_attempts');
	assert.equal(deaths, 5);
	await node.until(() => codeOf('k1') !== '' && codeOf('k3') !== '');
	assert.deepEqual([codeOf('k1'), codeOf('k3')], ['done', 'done']);
	await node.stop();
});

test('stops of the node do not count against a step', async (t) => {
	let runs = 0;
	const work = working(() => {
		runs += 1;
		return runs > 8 ? Promise.resolve(null) : never;
	});
	let node = await startActorNode(t, { actors: [work], config: { stopTimeout: 1 } });
	await node.send('work', 'GO');
	for (let start = 1; start <= 8; start += 1) {
		const count = start;
		await node.until(() => runs >= count);
		const stopped = node.restart();
		await node.clock.advance(2000);
		node = await stopped;
	}
	await node.until(() => codeIn(node.stored('work')?.state.context) !== '');
	assert.deepEqual(node.stored('work')?.state.context, { code: 'done', key: '' });
	await node.stop();
});
