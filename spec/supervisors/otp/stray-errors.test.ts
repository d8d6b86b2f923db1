import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { fromCallback, setup, type AnyActorRef } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { reply } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { driveActor } from '../../../supervisors/testing/testing.ts';
import { actorChild, actorOf } from '../../../supervisors/otp/actor-child.ts';
import type { ChildSpec } from '../../../supervisors/otp/child-spec.ts';
import type { ExitReason } from '../../../supervisors/otp/exit-reason.ts';
import { serviceChild } from '../../../supervisors/otp/service-child.ts';
import { abnormal, childOf, fate, createSupervision, worker } from '../../support/supervised.ts';
import { strayErrors } from '../../support/strays.ts';
import { type TestScope, temporaryFolder } from '../../support/temporary.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Why a child has ended, once it has; its sibling and its supervisor must not notice. */
async function endOf(
	t: TestScope,
	spec: ChildSpec,
	go: (actor: AnyActorRef | undefined) => void = () => {},
): Promise<ExitReason | undefined> {
	const publicMessage = strayErrors(t);
	const { clock, run } = createSupervision(t);
	const top = await run('one_for_one', [worker('sibling'), spec], { intensity: 5 });
	const [sibling, child] = [await childOf(top, 'sibling'), await childOf(top, spec.id)];
	go(actorOf(child));
	for (let round = 0; round < 20 && child.exitReason === undefined; round += 1) {
		await clock.settle();
	}
	assert.deepEqual([fate(sibling), fate(top)], ['alive', 'alive']);
	assert.deepEqual(publicMessage, []);
	return child.exitReason;
}

test('a rejection crashes its actor across awaits', async (t) => {
	const work = async () => {
		await turn();
		await turn();
		throw abnormal;
	};
	const logic = setup({}).createMachine({ on: { GO: { actions: () => void work() } } });
	const spec = { id: 'ch', start: actorChild({ logic }) };
	assert.equal(await endOf(t, spec, (actor) => actor?.send({ type: 'GO' })), abnormal);
});

test("an error that an action's timer or listener throws crashes its actor", async (t) => {
	const emitter = new EventEmitter();
	const ways = {
		timer: () =>
			void setImmediate(() => {
				throw abnormal;
			}),
		listener: () => void turn().then(() => emitter.emit('news')),
	};
	emitter.on('news', () => {
		throw abnormal;
	});
	for (const way of Object.values(ways)) {
		const logic = setup({}).createMachine({ entry: way });
		const spec = { id: 'ch', start: actorChild({ logic }), restart: 'temporary' } as const;
		assert.equal(await endOf(t, spec), abnormal);
	}
});

test('the stray of an invoked actor is a crash of the actor that is supervised', async (t) => {
	const helper = fromCallback(() => {
		void turn().then(() => {
			throw abnormal;
		});
	});
	const logic = setup({ actors: { helper } }).createMachine({ invoke: { src: 'helper' } });
	const spec = { id: 'ch', start: actorChild({ logic }), restart: 'temporary' } as const;
	assert.equal(await endOf(t, spec), abnormal);
});

test('a service that fails in the background is stopped first, then it has crashed', async (t) => {
	const words: string[] = [];
	const start = serviceChild({
		start() {
			void turn().then(() => {
				throw abnormal;
			});
			return 'service';
		},
		async stop(service) {
			await turn();
			words.push(`${service} stopped`);
		},
	});
	assert.equal(await endOf(t, { id: 'ch', start, restart: 'temporary' }), abnormal);
	assert.deepEqual(words, ['service stopped']);
});

test('a stray error of no actor goes to the catcher, and crashes no actor', async (t) => {
	const publicMessage = strayErrors(t);
	const top = await createSupervision(t).start({ children: [worker('ch')] });
	void Promise.reject(abnormal);
	await turn();
	assert.deepEqual(publicMessage, [abnormal]);
	assert.equal(fate(await childOf(top, 'ch')), 'alive');
});

test('nothing is caught once the last catcher is gone', async () => {
	const count = () => process.listenerCount('unhandledRejection');
	const before = count();
	const ends: (() => void)[] = [];
	const t = { after: (run: () => void) => void ends.push(run) };
	strayErrors(t);
	strayErrors(t);
	for (const end of ends.toReversed()) end();
	assert.equal(count(), before);
});

test('an error that is swallowed: a script with a node in it fails as it would without', async (t) => {
	const outcome = async (lines: readonly string[]) => {
		const path = join(temporaryFolder(t), 'script.mjs');
		writeFileSync(path, lines.join('\n'));
		let output = '';
		const child = spawn(process.execPath, ['--import', 'tsx', path], { cwd: process.cwd() });
		let text = '';
		child.stderr.on('data', (chunk) => (text += String(chunk)));
		child.stdout.on('data', (chunk) => (output += String(chunk)));
		const [code] = (await once(child, 'close')) as [number];
		return { code, tellsOf: text.includes('a bug of the script'), output };
	};
	const testing = new URL('../../../supervisors/testing/testing.ts', import.meta.url).href;
	const definition = new URL('../../../actors/definition/definition.ts', import.meta.url).href;
	const drive = [
		`import { createMachine } from ${JSON.stringify(import.meta.resolve('xstate'))};`,
		`import { driveActor } from ${JSON.stringify(testing)};`,
		`import { defineActor } from ${JSON.stringify(definition)};`,
		`const machine = createMachine({ on: { GO: {} } });`,
		`const driven = await driveActor(defineActor({ name: 'a', version: 1, machine }));`,
		`await driven.send({ type: 'GO' });`,
		`process.on('exit', (code) => console.log('exit ' + code));`,
	];
	for (const fault of [
		`throw new Error('a bug of the script');`,
		`setImmediate(() => { throw new Error('a bug of the script'); });`,
		`void Promise.reject(new Error('a bug of the script'));`,
	]) {
		const told = { code: 1, tellsOf: true, output: 'exit 1\n' };
		assert.deepEqual(await outcome([...drive, fault]), told, fault);
	}
	const own = `process.on('uncaughtException', () => process.exit(0));`;
	const caught = [
		...drive,
		own,
		`setImmediate(() => { throw new Error('a bug of the script'); });`,
	];
	assert.deepEqual(await outcome(caught), { code: 0, tellsOf: false, output: 'exit 0\n' });
	const rejected = [...drive, own, `void Promise.reject(new Error('a bug of the script'));`];
	assert.deepEqual(await outcome(rejected), { code: 0, tellsOf: false, output: 'exit 0\n' });
});

test('late errors of a step and of a raw action are theirs: the step fails, the actor goes on', async (t) => {
	const strays = strayErrors(t);
	const late = (how: string) => {
		if (how === 'timer') {
			setImmediate(() => {
				throw abnormal;
			});
		} else void Promise.reject(abnormal);
	};
	const machine = setup({
		types: { events: {} as { type: 'STEP' | 'RAW' | 'PING'; how: string } },
		actors: {
			work: step<string, string>({
				run: async (how) => {
					late(how);
					await turn();
					await turn();
					await turn();
					return 'out';
				},
			}),
		},
		actions: { raw: ({ event }) => void turn().then(() => late(event.how)) },
	}).createMachine({
		id: 'm',
		initial: 'idle',
		states: {
			idle: { on: { STEP: 'work', RAW: { actions: 'raw' }, PING: { actions: reply('alive') } } },
			work: {
				invoke: {
					src: 'work',
					input: ({ event }) => event.how,
					onDone: 'idle',
					onError: 'failed',
				},
			},
			failed: { on: { PING: 'idle' } },
		},
	});
	const actor = defineActor({ name: 'it', version: 1, machine, volatile: true });
	const driven = await driveActor(actor);
	for (const how of ['timer', 'rejection']) {
		await driven.send({ type: 'RAW', how });
		for (let round = 0; round < 10; round += 1) await turn();
		assert.equal((await driven.send({ type: 'PING', how })).data, 'alive');
		await driven.send({ type: 'STEP', how });
		for (let round = 0; round < 20; round += 1) await turn();
		assert.equal(await driven.value(), 'failed', how);
		await driven.send({ type: 'PING', how });
	}
	await driven.stop();
	assert.deepEqual(strays, []);
});
