import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
	and,
	assign,
	cancel,
	createActor,
	emit,
	enqueueActions,
	forwardTo,
	fromCallback,
	fromPromise,
	log,
	not,
	or,
	raise,
	sendParent,
	sendTo,
	setup,
	spawnChild,
	stateIn,
	stopChild,
	type AnyStateMachine,
} from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { ask, monitor, send } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { scanDeadLetters } from '../../../runtime/ledger/dead-letters.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { sink, startActorNode, type ActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';

interface Counts {
	readonly n: number;
	readonly seen: readonly string[];
}
type Args = { readonly context: Counts; readonly event: { readonly type: string } };

type Typed = { readonly type: string };

/** An event, or milliseconds that pass. */
type Incident = object | string | number;

const note = (text: string | ((args: Args) => string)) =>
	assign({
		seen: (args: Args) => [...args.context.seen, typeof text === 'string' ? text : text(args)],
	});
const noteOutput = note(({ event }) => `${event.type.split('.')[1]} ${outputOf(event)}`);
const outputOf = (event: object): string =>
	JSON.stringify(Reflect.get(event, 'output') ?? Reflect.get(event, 'data'));

interface Read {
	readonly value: unknown;
	readonly context: Counts;
	hasTag(tag: string): boolean;
}

/** What is made of the snapshot that an action reads. */
function readBy(make: (snapshot: Read) => string): (args: Args) => string {
	return (args) => {
		const self = Reflect.get(args, 'self') as { getSnapshot(): Read };
		return make(self.getSnapshot());
	};
}

/** A step that ends only when it is aborted. */
const endless = step({
	run: (_input, { signal }) =>
		new Promise<void>((resolve) => {
			signal.addEventListener('abort', () => resolve());
		}),
});

const named: object = { actions: { open: note('open'), shut: note('shut') } };

function machineOf(config: object, more: object = {}): AnyStateMachine {
	const parts = setup({
		guards: { isOpen: () => true, isShut: () => false },
		delays: { patience: 1000, nothing: (() => undefined) as never },
		actors: {
			pay: step({ run: (cents: number) => cents * 2 }),
			fail: step({ run: () => Promise.reject(new Error('no money')) }),
			endless,
		},
		...named,
		...more,
	});
	const whole = { id: 'm', context: { n: 0, seen: [] }, ...config };
	const create = parts.createMachine as (whole: object) => AnyStateMachine;
	return create(whole);
}

const defined = (config: object, more: object = {}): ActorDefinition =>
	defineActor({ name: 'it', version: 1, autostart: true, machine: machineOf(config), ...more });

/** The reason why a machine is refused when it is declared. */
function refusal(config: object, more: object = {}): string {
	try {
		defineActor({ name: 'it', version: 1, machine: machineOf(config, more) });
		return 'taken';
	} catch (thrown) {
		return String(thrown);
	}
}

/** Plain XState, in memory. */
async function plainly(machine: AnyStateMachine, incidents: readonly Incident[]) {
	const clock = steppedClock(1);
	const actor = createActor(machine, {
		clock: {
			setTimeout: (run, delayMs) => clock.after(delayMs, () => run()),
			clearTimeout: (timer: { cancel(): void } | undefined) => timer?.cancel(),
		},
	});
	actor.subscribe({ error: () => {} });
	actor.start();
	await clock.settle();
	for (const incident of incidents) {
		if (typeof incident === 'number') await clock.advance(incident);
		else actor.send(typeof incident === 'string' ? { type: incident } : (incident as Typed));
		await clock.settle();
	}
	const { status, value, context, output } = actor.getSnapshot();
	actor.stop();
	return { status, value, context, ...(output === undefined ? {} : { output }) };
}

/** Waits until no step of the node runs and all of its turns are on disk. */
async function quiet(node: ActorNode): Promise<void> {
	for (let count = 0; count < 3; count += 1) {
		await node.idle('it');
		await node.clock.settle();
		await node.until(() => node.seen('step.started').length === node.seen('step.ended').length);
	}
}

/** The durable actor, whose process dies after each incident. */
async function durably(t: TestScope, machine: AnyStateMachine, incidents: readonly Incident[]) {
	const actor = defineActor({ name: 'it', version: 1, autostart: true, machine });
	let node = await startActorNode(t, { actors: [actor] });
	await node.until(() => node.stored('it') !== undefined);
	await quiet(node);
	for (const incident of incidents) {
		node = await node.crash();
		if (typeof incident === 'number') await node.clock.advance(incident);
		else await node.send('it', incident, { replyMethod: 'REQNone' });
		await quiet(node);
	}
	node = await node.crash();
	const { history: _, ...state } = node.stored('it')?.state ?? {};
	await node.stop();
	return state;
}

/** A machine ends as in plain XState, though the process dies after each incident. */
async function same(t: TestScope, config: object, incidents: readonly Incident[]) {
	const expected = await plainly(machineOf(config), incidents);
	assert.deepEqual(await durably(t, machineOf(config), incidents), expected);
	return expected;
}

/** The node of a machine after some events, and what it has printed and reported. */
async function after(t: TestScope, definition: ActorDefinition, events: readonly Incident[]) {
	const node = await startActorNode(t, { actors: [definition] });
	for (const event of events) {
		if (typeof event === 'number') await node.clock.advance(event);
		else await node.send('it', event);
		await node.idle('it');
	}
	return node;
}

/** Lets a turn be tried until it is given up. */
async function failing(node: ActorNode): Promise<void> {
	for (let count = 1; scanDeadLetters(node.journal).length === 0; count += 1) {
		await node.until(() => node.seen('instance.failed').length >= count);
		await node.journal.commit([]);
		await node.clock.advance(2000);
	}
}

/** Ends a node whose steps may never end. */
async function end(node: ActorNode): Promise<void> {
	node.kill();
	await node.journal.close();
}

/** How the first event of a machine has ended. */
async function outcomeOf(t: TestScope, config: object, more: object = {}) {
	const node = await after(t, defined(config, more), ['A']);
	const [ended] = node.seen('call.ended');
	await end(node);
	return `${ended?.outcome} ${ended?.code}: ${ended?.detail} (${ended?.attempts})`;
}

/** The rows of the table in docs/actors.md, each with its spec. */
const rows: Readonly<Record<string, (t: TestScope) => Promise<void> | void>> = {
	async 'parallel states'(t) {
		const region = (to: string) => ({
			initial: 'off',
			states: { off: { on: { [to]: 'on' } }, on: { on: { R: { target: 'off', reenter: true } } } },
		});
		const config = { type: 'parallel', states: { one: region('A'), two: region('B') } };
		const { value } = await same(t, config, ['A', 'B', 'R', 'A']);
		assert.deepEqual(value, { one: 'on', two: 'off' });
	},
	async 'history, shallow and deep'(t) {
		for (const history of ['shallow', 'deep']) {
			const inner = { initial: 'x', states: { x: { on: { B: 'y' } }, y: {} } };
			const config = {
				initial: 'work',
				on: { OUT: '.rest', BACK: '.work.again' },
				states: {
					rest: {},
					work: {
						initial: 'a',
						states: { a: { on: { A: 'b' } }, b: inner, again: { type: 'history', history } },
					},
				},
			};
			const { value } = await same(t, config, ['A', 'B', 'OUT', 'BACK']);
			assert.deepEqual(value, { work: { b: history === 'deep' ? 'y' : 'x' } });
		}
	},
	async 'final states and `output`'(t) {
		const config = {
			initial: 'open',
			output: ({ context, event }: Args) => ({ n: context.n, last: outputOf(event) }),
			states: { open: { on: { A: 'shut' } }, shut: { type: 'final', output: { by: 'A' } } },
		};
		const { status, output } = await same(t, config, ['A']);
		assert.deepEqual({ status, output }, { status: 'done', output: { n: 0, last: '{"by":"A"}' } });
	},
	async '`onDone` of a state'(t) {
		const inner = { on: { A: 'over' } };
		const region = { initial: 'x', states: { x: inner, over: { type: 'final', output: 7 } } };
		const config = {
			initial: 'both',
			states: {
				both: { type: 'parallel', states: { one: region, two: region }, onDone: 'single' },
				single: { ...region, onDone: { target: 'end', actions: noteOutput } },
				end: {},
			},
		};
		const { value, context } = await same(t, config, ['A', 'A']);
		assert.deepEqual([value, context.seen], ['end', ['done 7']]);
	},
	async '`invoke` with `onDone` and `onError`'(t) {
		const config = {
			initial: 'paying',
			states: {
				paying: {
					invoke: { src: 'pay', input: 4, onDone: { target: 'failing', actions: noteOutput } },
				},
				failing: { invoke: { src: 'fail', onError: { target: 'end', actions: note('failed') } } },
				end: {},
			},
		};
		const { value, context } = await same(t, config, ['A']);
		assert.deepEqual([value, context.seen], ['end', ['done 8', 'failed']]);
	},
	async '`invoke` without `onError`'(t) {
		const invoke = { src: 'fail' };
		const config = { initial: 'a', states: { a: { on: { A: 'b' } }, b: { invoke } } };
		const node = await after(t, defined(config), ['A']);
		for (let round = 0; node.seen('instance.parked').length === 0; round += 1) {
			assert.ok(round < 20);
			await node.journal.commit([]);
			await node.clock.advance(1000);
		}
		assert.match(
			node.seen('instance.parked')[0]?.reason ?? '',
			/^max_attempts at xstate\.error\.actor\.0\.m\.b: failed: /,
		);
		assert.equal(node.stored('it')?.state.value, 'b');
		await node.stop();
	},
	'`invoke` of other logic'() {
		const invoke = { src: 'other' };
		const others = { machine: machineOf({}), calls: fromCallback(() => {}) };
		const promise = fromPromise(() => Promise.resolve());
		for (const other of [others.machine, others.calls, promise]) {
			assert.match(refusal({ invoke }, { actors: { other } }), /the actor other .* is not a step/);
			assert.match(refusal({ invoke: { src: other } }), /inline: name it in setup/);
			assert.match(refusal({ entry: spawnChild(other as never) }), /inline: name it in setup/);
		}
	},
	async '`input`'(t) {
		const context = ({ input }: { readonly input: string }) => ({ n: 0, seen: [input] });
		const about = ({ context: { seen } }: Args) => seen.length * 10;
		const invoke = { src: 'pay', input: about, onDone: { actions: noteOutput } };
		const machine = machineOf({ context, invoke });
		const input = ({ key, node }: { key: string; node: string }) => `${node}/${key}`;
		const actor = defineActor({ name: 'it', version: 1, machine, input } as never);
		const node = await startActorNode(t, { actors: [actor] });
		await node.send('it', 'xstate', { key: 'k' });
		await quiet(node);
		assert.equal(node.stored('it', 'k'), undefined);
		await node.stop();
		const again = await startActorNode(t, { actors: [defined({ context, invoke }, { input })] });
		await again.until(() => again.seen('step.ended').length === 1);
		await quiet(again);
		assert.deepEqual(again.stored('it')?.state.context, { n: 0, seen: ['ship1/', 'done 20'] });
		await again.stop();
	},
	async '`onSnapshot`, `syncSnapshot`'(t) {
		const invoke = { src: 'pay', input: 1, onSnapshot: { actions: note('x') } };
		assert.match(refusal({ invoke }), /in m, .*onSnapshot.*use onDone/);
		const sync = { id: 'x', input: 1, syncSnapshot: true } as const;
		assert.match(refusal({ entry: spawnChild('pay', sync) }), /in m, .*syncSnapshot/);
		const actions = enqueueActions(({ enqueue }) => enqueue.spawnChild('pay' as never, sync));
		assert.match(await outcomeOf(t, { on: { A: { actions } } }), /bad_declaration: .*syncSnapshot/);
	},
	async '`systemId`'(t) {
		assert.match(refusal({ invoke: { src: 'pay', systemId: 's' } }), /in m, .*systemId/);
		const named = { id: 'x', input: 1, systemId: 's' };
		assert.match(refusal({ entry: spawnChild('pay', named) }), /in m, .*systemId/);
		const inner = { initial: 'a', states: { a: { exit: spawnChild('pay', named) } } };
		assert.match(refusal(inner), /in m\.a, .*systemId/);
		const actions = enqueueActions(({ enqueue }) => enqueue.spawnChild('pay' as never, named));
		const config = { on: { A: { actions } } };
		const node = await after(t, defined(config), ['A', { type: 'A' }]);
		await node.send('it', 'A', { key: 'other' });
		await node.idle('it');
		const codes = node.seen('call.ended').map(({ code, detail }) => `${code} ${detail}`);
		assert.equal(codes.length, 3);
		for (const code of codes) assert.match(code, /^bad_declaration .*systemId/);
		await node.stop();
	},
	async '`spawnChild`'(t) {
		const on = {
			A: { actions: spawnChild('pay', { id: 'mine', input: 3 }) },
			'xstate.done.actor.mine': { actions: noteOutput },
		};
		const { context } = await same(t, { on }, ['A', 'A']);
		assert.deepEqual(context.seen, ['done 6', 'done 6']);
		const unnamed = { A: { actions: spawnChild('pay', { input: 3 }) } };
		const heard = { 'xstate.done.actor.*': { actions: noteOutput } };
		const both = await same(t, { on: { ...unnamed, ...heard } }, ['A', 'A']);
		assert.deepEqual(both.context.seen, ['done 6', 'done 6']);
	},
	async '`spawn` in `assign`'(t) {
		const spawning = assign(({ spawn }: { spawn: (src: string, more: object) => unknown }) => {
			spawn('pay', { id: 'mine', input: 3 });
			return {};
		});
		const on = {
			A: { actions: spawning },
			B: { actions: [spawning, stopChild('mine')] },
			'xstate.done.actor.mine': { actions: noteOutput },
		};
		const { context } = await same(t, { on }, ['A', 'B', 'A']);
		assert.deepEqual(context.seen, ['done 6', 'done 6']);
		const kept = assign({ seen: ({ spawn }: { spawn: (src: string) => unknown }) => spawn('pay') });
		const outcome = await outcomeOf(t, { on: { A: { actions: kept } } });
		assert.match(outcome, /not_storable: context\.seen is a reference to an actor \(1\)/);
		const inline = assign(({ spawn }: { spawn: (src: unknown) => unknown }) => {
			spawn(fromPromise(() => Promise.resolve()));
			return {};
		});
		assert.match(await outcomeOf(t, { on: { A: { actions: inline } } }), /bad_declaration/);
	},
	async '`stopChild`'(t) {
		const on = {
			A: { actions: spawnChild('endless', { id: 'mine' }) },
			B: { actions: [stopChild('mine'), stopChild('unknown')] },
			'xstate.done.actor.mine': { actions: noteOutput },
		};
		const node = await after(t, defined({ on }), ['A']);
		assert.deepEqual(Object.keys(node.stored('it')?.steps ?? {}), ['mine']);
		await node.send('it', 'B');
		await node.idle('it');
		assert.equal(node.stored('it')?.steps, undefined);
		assert.deepEqual(node.stored('it')?.state.context, { n: 0, seen: [] });
		await end(node);
	},
	async '`after`'(t) {
		const states = {
			a: { after: { patience: 'b' } },
			b: { after: { 500: { target: 'c', actions: note('late') } } },
			c: {},
		};
		const { value } = await same(t, { initial: 'a', states }, [999, 1, 600]);
		assert.equal(value, 'c');
		assert.match(refusal({ after: { patiense: {} } }), /no delay patiense; is it patience\?/);
	},
	async '`raise`'(t) {
		const on = {
			A: { actions: [raise({ type: 'B' }), note('A')] },
			B: { actions: note('B') },
		};
		const { context } = await same(t, { on }, ['A']);
		assert.deepEqual(context.seen, ['A', 'B']);
	},
	async '`raise` with a delay'(t) {
		const late = (delay: unknown) => raise({ type: 'B' }, { delay } as never);
		const on = {
			A: { actions: [late('patience'), late(5), note('A')] },
			B: { actions: note('B') },
		};
		const { context } = await same(t, { on }, ['A', 5, 995]);
		assert.deepEqual(context.seen, ['A', 'B', 'B']);
		const missing = { A: { actions: late(() => undefined) }, B: { actions: note('B') } };
		const atOnce = await same(t, { on: missing }, ['A']);
		assert.deepEqual(atOnce.context.seen, ['B']);
		const named = { on: { A: { actions: late('nothing') } } };
		assert.match(await outcomeOf(t, named), /bad_delay: the delay nothing is undefined \(1\)/);
		const nan = { on: { A: { actions: late(() => NaN) } } };
		assert.match(await outcomeOf(t, nan), /bad_delay: .* is NaN \(1\)/);
		for (const delay of ['86400000', null, 5n, {}]) {
			const odd = { A: { actions: late(() => delay) }, B: { actions: note('B') } };
			assert.match(await outcomeOf(t, { on: odd }), /bad_delay: the delay of B is .* \(1\)/);
		}
		const id = { delay: 5, id: 7 } as never;
		const numbered = { on: { A: { actions: raise({ type: 'B' }, id) } } };
		assert.match(await outcomeOf(t, numbered), /bad_name: the id of a timer is 7.* \(1\)/);
		for (const timeoutMs of ['5', null, 5n]) {
			const asked = () => ({ id: 'it', method: 'REQPing', timeoutMs }) as never;
			const asking = { on: { A: { actions: ask(asked) } } };
			const bad = `failed bad_delay: the delay of timeout.it is ${timeoutMs} (1)`;
			assert.equal(await outcomeOf(t, asking), bad);
		}
		for (const odd of [7, {}, null, 'half \ud800', 'nul \0']) {
			const asked = () => ({ id: odd, method: 'REQPing' }) as never;
			const watched = () => ({ id: odd, to: 'ship2' }) as never;
			const spawned = spawnChild('pay', { id: () => odd as never });
			// XState takes `null` for the id of a child that has none.
			const spawns = odd === null ? [] : [spawned];
			for (const action of [ask(asked), monitor(watched), ...spawns]) {
				const outcome = await outcomeOf(t, { on: { A: { actions: action } } });
				assert.match(outcome, /bad_name: the id of an? (?:ask|monitor|step) is .* \(1\)/);
			}
		}
		const noted = () => ({ method: 'REQPing', note: 'half \ud800' });
		const sending = { on: { A: { actions: send(noted) } } };
		assert.match(await outcomeOf(t, sending), /bad_message: note for REQPing is/);
	},
	async '`cancel`'(t) {
		const on = {
			A: { actions: raise({ type: 'B' }, { delay: 100, id: 'b' }) },
			B: { actions: note('B') },
			STOP: { actions: cancel('b') },
		};
		const { context } = await same(t, { on }, ['A', 'STOP', 200, 'A', 100]);
		assert.deepEqual(context.seen, ['B']);
		const none = await same(
			t,
			{ on: { A: { actions: [cancel(() => undefined as never), note('A')] } } },
			['A'],
		);
		assert.deepEqual(none.context.seen, ['A']);
		for (const id of [7, null]) {
			const odd = { on: { A: { actions: cancel(() => id as never) } } };
			assert.match(await outcomeOf(t, odd), /bad_name: the id of a timer is .* \(1\)/);
		}
	},
	async 'the id of a delayed event that is used again'(t) {
		const later = (delay: number) => raise({ type: 'B' }, { delay, id: 'b' });
		const on = { A: { actions: [later(100), later(200)] }, B: { actions: note('B') } };
		const state = await durably(t, machineOf({ on }), ['A', 100, 100]);
		assert.deepEqual(Reflect.get(state, 'context'), { n: 0, seen: ['B'] });
	},
	async '`sendTo` the machine itself'(t) {
		const self = (({ self: own }: { self: unknown }) => own) as never;
		const on = {
			A: { actions: [sendTo(self, { type: 'B' } as never), raise({ type: 'C' }), note('A')] },
			B: { actions: note('B') },
			C: { actions: note('C') },
			D: { actions: sendTo(self, { type: 'B' } as never, { delay: 50 }) },
		};
		const { context } = await same(t, { on }, ['A', 'D', 50]);
		assert.deepEqual(context.seen, ['A', 'C', 'B', 'B']);
	},
	async '`sendTo` others, `forwardTo`'(t) {
		for (const action of [sendTo('mine', { type: 'B' }), forwardTo('mine')]) {
			assert.match(refusal({ exit: action }), /in m, .*sendTo mine.*use send/);
			const enqueued = enqueueActions(({ enqueue }) => enqueue(action as never));
			const entry = spawnChild('endless', { id: 'mine' });
			const outcome = await outcomeOf(t, { entry, on: { A: { actions: enqueued } } });
			assert.match(outcome, /bad_declaration: .*sendTo reaches only the machine itself.* \(1\)/);
		}
	},
	async '`sendParent`'(t) {
		assert.match(refusal({ entry: sendParent({ type: 'B' }) }), /in m, .*sendParent.*use send/);
		const named = { notify: sendParent({ type: 'B' }) };
		assert.match(refusal({}, { actions: named }), /action notify.*sendParent/);
		const actions = enqueueActions(({ enqueue }) => enqueue.sendParent({ type: 'B' }));
		assert.match(
			await outcomeOf(t, { on: { A: { actions } } }),
			/bad_declaration: .*parent.* \(1\)/,
		);
	},
	async wildcards(t) {
		const on = {
			'a.*': { actions: note(({ event }) => `a ${event.type}`) },
			'*': { actions: note(({ event }) => `* ${event.type}`) },
		};
		const { context } = await same(t, { on }, ['a.b', 'a', 'a.b.c', 'ab', 'b']);
		assert.deepEqual(context.seen, ['a a.b', 'a a', 'a a.b.c', '* ab', '* b']);
		const node = await after(t, defined({ on: { 'a.*': { actions: note('x') } } }), ['a', 'ab']);
		const codes = node.seen('call.ended').map(({ code }) => code);
		assert.deepEqual(codes, ['', 'unknown_event']);
		await node.stop();
		const star = await after(t, defined({ on }), ['*']);
		assert.deepEqual(
			star.seen('call.ended').map(({ code }) => code),
			['bad_arguments'],
		);
		await star.stop();
	},
	async '`always`'(t) {
		const states = {
			a: { on: { A: { actions: assign({ n: ({ context }) => context.n + 1 }) } } },
			b: {},
		};
		const guard = ({ context }: Args) => context.n > 1;
		const withAlways = { ...states, a: { ...states.a, always: { guard, target: 'b' } } };
		assert.equal((await same(t, { initial: 'a', states: withAlways }, ['A', 'A'])).value, 'b');
		const endlessly = { initial: 'a', states: { a: { always: 'b' }, b: { always: 'a' } } };
		assert.match(refusal(endlessly), /cycle/);
	},
	async '`enqueueActions`'(t) {
		const actions = enqueueActions(({ enqueue, check, context }) => {
			enqueue.assign({ n: (context as Counts).n + 1 });
			if (check('isOpen')) enqueue('open');
			if (check(not('isOpen'))) enqueue('shut');
			enqueue.raise({ type: 'B' });
		});
		const on = { A: { actions }, B: { actions: note('B') } };
		const { context } = await same(t, { on }, ['A', 'A']);
		assert.deepEqual(context, { n: 2, seen: ['open', 'B', 'open', 'B'] });
		const wrong = [
			[enqueueActions(({ enqueue }) => enqueue('nothing')), /no action nothing/],
			[enqueueActions(({ check }) => void check('nothing')), /no guard nothing/],
			[
				enqueueActions(({ enqueue }) =>
					enqueue.raise({ type: 'B' }, { delay: 'patiense' as never }),
				),
				/no delay patiense; is it patience\?/,
			],
			[enqueueActions(({ enqueue }) => enqueue.spawnChild('nothing' as never)), /nothing/],
		] as const;
		for (const [action, why] of wrong) {
			const outcome = await outcomeOf(t, { on: { A: { actions: action }, B: {} } });
			assert.match(outcome, why);
			assert.match(outcome, /^failed bad_.* \(1\)$/);
		}
	},
	async '`and`, `or`, `not`, `stateIn`'(t) {
		const guard = and(['isOpen', or(['isShut', stateIn('#m.a')]), not('isShut')] as never);
		const states = {
			a: { on: { A: { guard, target: 'b' } } },
			b: { on: { A: { guard, target: 'a' } } },
		};
		assert.equal((await same(t, { initial: 'a', states }, ['A', 'A'])).value, 'b');
		assert.match(refusal({ on: { A: { guard: not('isOpne') } } }), /no guard isOpne; is it isOpen/);
		assert.match(refusal({ on: { A: { guard: stateIn('#m.c') } } }), /stateIn #m\.c/);
	},
	async '`reenter`'(t) {
		const inner = { initial: 'x', states: { x: { on: { A: 'y' } }, y: {} } };
		const a = {
			...inner,
			entry: note('in'),
			exit: note('out'),
			on: { B: { target: 'a', reenter: true }, C: { target: '.x' } },
		};
		const { context } = await same(t, { initial: 'a', states: { a } }, ['A', 'C', 'A', 'B']);
		assert.deepEqual(context.seen, ['in', 'out', 'in']);
	},
	async '`emit`'(t) {
		const actions = emit({ type: 'told', deep: { n: 1 } });
		const node = await after(t, defined({ on: { A: { actions } } }), ['A']);
		assert.deepEqual(
			node.seen('instance.emitted').map(({ actor, event }) => [actor, event]),
			[['it', 'told']],
		);
		await node.stop();
	},
	async '`log`'(t) {
		const actions = [log('plain'), log(({ context }) => context, 'now')];
		const node = await after(t, defined({ on: { A: { actions } } }), ['A']);
		assert.deepEqual(
			node.seen('console.printed').map(({ text }) => text),
			['plain', 'now {"n":0,"seen":[]}'],
		);
		await node.stop();
	},
	async 'snapshots read inside actions'(t) {
		const read = note(
			readBy((snapshot) => {
				const { value, context } = snapshot;
				return JSON.stringify([value, context.n, snapshot.hasTag('quiet')]);
			}),
		);
		const add = assign({ n: ({ context }) => context.n + 1 });
		const states = {
			a: { tags: 'quiet', on: { A: { target: 'b', actions: [add, read] } } },
			b: { entry: read, exit: read, on: { A: { target: 'a', actions: add } } },
		};
		const { context } = await same(t, { initial: 'a', states }, ['A', 'A']);
		assert.deepEqual(context.seen, ['["a",0,true]', '["a",0,true]', '["b",1,false]']);
	},
	async '`self.send` in actions'(t) {
		const sending = assign(({ self }: { self: { send(event: object): void } }) => {
			self.send({ type: 'B' });
			return {};
		});
		const outcome = await outcomeOf(t, { on: { A: { actions: sending } } });
		assert.match(outcome, /bad_declaration: .*self\.send.*use raise.* \(1\)/);
	},
	async '`meta`, `tags`, `description`'(t) {
		const a = { tags: ['quiet'], meta: { color: 'red' }, description: 'the first', on: { A: 'b' } };
		assert.equal((await same(t, { initial: 'a', states: { a, b: a } }, ['A'])).value, 'b');
	},
	async '`entry` and `exit`'(t) {
		const told = (name: string) => ({ entry: note(`+${name}`), exit: note(`-${name}`) });
		const a = { ...told('a'), initial: 'x', states: { x: told('x') }, on: { A: 'b' } };
		const { context } = await same(t, { initial: 'a', states: { a, b: told('b') } }, ['A']);
		assert.deepEqual(context.seen, ['+a', '+x', '-x', '-a', '+b']);
	},
	async 'functions as actions'(t) {
		let count = 0;
		const raw = () => void (count += 1);
		assert.match(refusal({ entry: raw }), /raw function: use an effect or a step/);
		const throwing = () => {
			throw new Error('broken');
		};
		const on = { A: { actions: [raw, throwing, raw] } };
		const node = await after(t, defined({ on }, { volatile: true }), ['A', 'A']);
		assert.equal(count, 4);
		assert.equal(node.seen('instance.failed').length, 2);
		await node.stop();
	},
	async 'an error that is thrown'(t) {
		const throwing = assign(() => {
			throw new Error('broken');
		});
		const on = { A: { actions: throwing }, B: { actions: note('B') } };
		const node = await after(t, defined({ on }), []);
		await node.send('it', 'A');
		await node.send('it', 'B');
		await failing(node);
		await node.idle('it');
		assert.deepEqual(node.stored('it')?.state.context, { n: 0, seen: ['B'] });
		assert.deepEqual(
			node.seen('call.ended').map(({ code }) => code),
			['max_attempts', ''],
		);
		await node.stop();
	},
	'`route`'() {
		const states = { a: { id: 'first', route: {} }, b: {} };
		assert.match(refusal({ initial: 'b', states }), /in first, .*route/);
	},
	async effects(t) {
		const actions = send({ method: sink, data: 'told' });
		const node = await after(t, defined({ on: { A: { actions } } }), ['A']);
		assert.deepEqual(node.sunk(), ['told', '']);
		await node.stop();
	},
};

for (const [name, run] of Object.entries(rows)) {
	test(`an XState feature is kept, refused by name, or documented as different: ${name}`, run);
}

test('the table of features in the docs has a row for each spec, and a spec for each row', () => {
	const text = readFileSync(new URL('../../../docs/actors.md', import.meta.url), 'utf8');
	const [, section = ''] = text.split("## XState's features\n");
	const [table = ''] = section.split('\n## ');
	const listed = [...table.matchAll(/^\| (.+?) \|/gm)].map(([, name]) => name);
	assert.deepEqual(listed.slice(1), Object.keys(rows));
});
