import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup, spawnChild } from 'xstate';
import {
	defineActor,
	type ActorDefinition,
	type ActorParts,
} from '../../../actors/definition/definition.ts';
import { step } from '../../../actors/definition/step.ts';
import { diffDefinitions } from '../../../actors/replay/definition-diff.ts';
import { replay } from '../../../actors/replay/replay.ts';
import type { Difference } from '../../../runtime/queries/actor-rows.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';

/** The gates of the steps that run, by their inputs. */
const gates = new Map<string, () => void>();
const aborted: string[] = [];
const work = step<string, string>({
	run: (input, { signal }) =>
		new Promise((resolve) => {
			gates.set(input, () => resolve(`${input} done`));
			signal.addEventListener('abort', () => void aborted.push(input));
		}),
});

type Parts = Partial<ActorParts<never>> & { readonly version?: number };

function actorOf(config: object, more: Parts = {}): ActorDefinition {
	const parts = setup({
		types: { context: {} as { seen: unknown[] } },
		actors: { work, other: work },
		actions: {
			note: assign({
				seen: ({ context, event }) => [...context.seen, Reflect.get(event, 'output')],
			}),
			spawned: spawnChild('work', { id: 'mine', input: 'x' }),
		},
	});
	const whole = { id: 'm', context: { seen: [] }, ...config };
	const machine = parts.createMachine(whole as never);
	return defineActor({ name: 'it', version: 1, machine, ...more } as never);
}

const invoke = (src: string, input: string) => ({
	src,
	input,
	onDone: { target: '#m.end', actions: 'note' },
});
const busy = (name: string, more: object = {}) => ({
	initial: 'idle',
	states: {
		idle: { on: { GO: name } },
		[name]: { invoke: invoke('work', 'x'), on: { STOP: 'end' } },
		end: {},
		...more,
	},
});
const first = actorOf(busy('busy'));
const renamed =
	(to: unknown, more: object = {}) =>
	({ value, context }: { value: unknown; context: unknown }) => ({
		value: value === 'busy' ? to : value,
		context,
		...more,
	});
const second = (config: object, to: unknown = 'working', more: object = {}) =>
	actorOf(config, { version: 2, migrate: { 1: renamed(to, more) } } as never);

/** A node on which an instance of the first version has begun its step. */
async function begun(t: TestScope, actor = first): Promise<ActorNode> {
	gates.clear();
	aborted.length = 0;
	const node = await startActorNode(t, { actors: [actor], config: { stopTimeout: 0 } });
	await node.send('it', 'GO');
	await node.until(() => gates.size > 0);
	await node.idle('it');
	return node;
}

/** What a comparison with a changed definition tells about the instance as it is now. */
async function tells(node: ActorNode, actor: ActorDefinition, before = first) {
	const told: Difference[] = [];
	const { journal } = node;
	const parts = { journal, microstepsMax: 100 };
	replay({ ...parts, definitions: [actor], node: 'ship1' }, (each) => void told.push(each));
	const { parked } = await diffDefinitions({ ...parts, before, after: actor });
	const now = told.filter(({ turn }) => turn === undefined);
	return { told: now.map(({ what, detail }) => `${what}: ${detail}`), parked };
}

async function resultOf(node: ActorNode) {
	await node.until(() => gates.has('x'));
	gates.get('x')?.();
	await node.until(() => node.seen('step.ended').length > 0);
	await node.idle('it');
	await node.journal.commit([]);
	const { state, steps } = node.stored('it') ?? {};
	return { value: state?.value, context: state?.context, steps };
}

test('a step under way goes to the state that a migration has renamed', async (t) => {
	const old = await begun(t);
	const actor = second(busy('working'));
	assert.deepEqual(await tells(old, actor), { told: [], parked: [] });
	gates.clear();
	const node = await old.crash([actor]);
	const found = await resultOf(node);
	assert.deepEqual(found, { value: 'end', context: { seen: ['x done'] }, steps: undefined });
	assert.deepEqual(node.seen('instance.parked'), []);
	await node.stop();
});

test('a step under way in a renamed state is still found after further turns and crashes', async (t) => {
	const old = await begun(t);
	const actor = second({ ...busy('working'), on: { PING: { actions: 'note' } } });
	let node = await old.crash([actor]);
	await node.send('it', 'PING');
	await node.idle('it');
	assert.deepEqual(Object.keys(node.stored('it')?.steps ?? {}), ['0.m.working']);
	gates.clear();
	node = await node.crash();
	assert.equal((await resultOf(node)).value, 'end');
	await node.stop();
});

test('a step under way in a renamed state is aborted when that state is left', async (t) => {
	const old = await begun(t);
	const node = await old.crash([second(busy('working'))]);
	await node.send('it', 'STOP');
	await node.idle('it');
	await node.until(() => aborted.length > 0);
	assert.equal(node.stored('it')?.steps, undefined);
	assert.equal(node.journal.count('steps'), 0);
	await node.stop();
});

test('a step under way that no state invokes any more parks its instance, and is told before', async (t) => {
	const states = { idle: {}, working: { on: { GO: 'end' } }, end: {} };
	const actor = second({ initial: 'idle', states });
	const old = await begun(t);
	const why = /step_without_state: .*work \(0\.m\.busy\)/;
	const { told, parked } = await tells(old, actor);
	assert.equal(told.length, 1);
	assert.match(told[0] ?? '', why);
	assert.match(parked[0]?.reason ?? '', why);
	gates.clear();
	const node = await old.crash([actor]);
	await node.until(() => gates.has('x'));
	gates.get('x')?.();
	await node.until(() => node.seen('instance.parked').length > 0);
	assert.match(node.seen('instance.parked')[0]?.reason ?? '', why);
	await assert.rejects(async () => node.hostRuntimes.get('it')?.unpark('', false), {
		code: 'step_without_state',
	});
	await node.journal.commit([]);
	// With a definition that has a state for it, its result arrives.
	const again = await node.crash([second(busy('working'))]);
	await again.until(() => again.stored('it')?.state.value === 'end');
	await again.stop();
});

test('a step under way that two states may take parks its instance, unless the migration says which', async (t) => {
	const region = (input: string) => ({
		initial: 'on',
		states: { on: { invoke: { src: 'work', input, onDone: 'off' } }, off: {} },
	});
	const both = { type: 'parallel', states: { one: region('1'), two: region('2') } };
	const config = busy('working', { working: both });
	const to = { working: { one: 'on', two: 'on' } };
	const old = await begun(t);
	const { told } = await tells(old, second(config, to));
	assert.match(told.join('\n'), /^step_without_state: .*more than one state/);
	const steps = { '0.m.busy': '0.m.working.two.on' };
	gates.clear();
	const node = await old.crash([second(config, to, { steps })]);
	const { value } = await resultOf(node);
	assert.deepEqual(value, { working: { one: 'on', two: 'off' } });
	await node.stop();
});

test('a migration drops a step under way only if it says so', async (t) => {
	const states = { idle: {}, working: { on: { GO: 'end' } }, end: {} };
	const actor = second({ initial: 'idle', states }, 'working', { steps: { '0.m.busy': null } });
	const old = await begun(t);
	assert.deepEqual(await tells(old, actor), { told: [], parked: [] });
	gates.clear();
	const node = await old.crash([actor]);
	const { value, steps } = await resultOf(node);
	assert.deepEqual([value, steps], ['working', undefined]);
	await node.until(() => node.journal.count('steps') === 0);
	await node.stop();
});

test('a result goes to the invocation of its source, though the order of invocations has changed', async (t) => {
	const two = (one: string, other: string) =>
		busy('busy', {
			busy: {
				invoke: [one, other].map((src) => ({ src, input: src, onDone: { actions: `${src}Done` } })),
			},
		});
	const setupOf = (config: object): ActorDefinition => {
		const seen = (name: string) => assign({ seen: [name] });
		const named: object = { actions: { workDone: seen('work'), otherDone: seen('other') } };
		const parts = setup({
			types: { context: {} as { seen: string[] } },
			actors: { work, other: work },
			...named,
		});
		const machine = parts.createMachine({ id: 'm', context: { seen: [] }, ...config } as never);
		return defineActor({ name: 'it', version: 1, machine } as never);
	};
	const old = await begun(t, setupOf(two('work', 'other')));
	gates.clear();
	const node = await old.crash([setupOf(two('other', 'work'))]);
	await node.until(() => gates.has('work'));
	gates.get('work')?.();
	await node.until(() => node.seen('step.ended').length > 0);
	await node.until(() => node.journal.count('steps') === 1);
	assert.deepEqual(node.stored('it')?.state.context, { seen: ['work'] });
	node.kill();
	await node.journal.close();
});

test('a spawned step belongs to no state, and stays over a migration', async (t) => {
	const config = (name: string) => ({
		initial: 'idle',
		on: { 'xstate.done.actor.mine': { actions: 'note' } },
		states: { idle: { on: { GO: { target: name, actions: 'spawned' } } }, [name]: {} },
	});
	const old = await begun(t, actorOf(config('busy')));
	gates.clear();
	const node = await old.crash([second(config('working'))]);
	const { value, context } = await resultOf(node);
	assert.deepEqual([value, context], ['working', { seen: ['x done'] }]);
	await node.stop();
});

test('history of a state that is gone parks its instance, unless the migration gives another', async (t) => {
	const config = (name: string) => ({
		initial: 'group',
		on: { OUT: '.idle', BACK: '.group.again' },
		states: {
			idle: {},
			group: {
				initial: 'a',
				states: { a: { on: { GO: name } }, [name]: {}, again: { type: 'history' } },
			},
		},
	});
	const before = actorOf(config('busy'));
	const old = await startActorNode(t, { actors: [before] });
	for (const event of ['GO', 'OUT']) await old.send('it', event);
	await old.idle('it');
	const { told, parked } = await tells(old, second(config('working')), before);
	assert.match(told.join('\n'), /^state_gone: .*m\.group\.again remembers m\.group\.busy/);
	assert.equal(parked.length, 1);
	const history = { 'm.group.again': ['m.group.working'] };
	const node = await old.crash([second(config('working'), 'idle', { history })]);
	await node.send('it', 'BACK');
	await node.idle('it');
	assert.deepEqual(node.stored('it')?.state.value, { group: 'working' });
	await node.stop();
});
