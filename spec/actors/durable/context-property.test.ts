import assert from 'node:assert/strict';
import test from 'node:test';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { assign, createActor, raise, setup, type AnyStateMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { step } from '../../../actors/definition/step.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { anyValue, type Judged } from '../../support/random-value.ts';
import type { TestScope } from '../../support/temporary.ts';

/** How a value comes into the context: at once, as the event of a timer, or through a step. */
const ways = ['assign', 'timer', 'step'] as const;
type Way = (typeof ways)[number];

interface Move {
	readonly way: Way;
	readonly slot: string;
	readonly target: string;
	readonly reenter: boolean;
}

interface Story {
	/** What each state does at each of two events. */
	readonly moves: readonly (readonly [Move, Move])[];
	readonly incidents: readonly {
		readonly type: number;
		readonly given: Judged;
		readonly diesAtOnce: boolean;
		readonly diesAfter: boolean;
	}[];
	/** Whether the machine ends, with the context as its output. */
	readonly ends: boolean;
}

const stateNames = ['s0', 's1', 's2'];
const slots = ['one', 'two', '__proto__'];

const anyMove: fc.Arbitrary<Move> = fc.record({
	way: fc.constantFrom(...ways),
	slot: fc.constantFrom(...slots),
	target: fc.constantFrom(...stateNames),
	reenter: fc.boolean(),
});

const anyStory: fc.Arbitrary<Story> = fc.record({
	moves: fc.tuple(
		fc.tuple(anyMove, anyMove),
		fc.tuple(anyMove, anyMove),
		fc.tuple(anyMove, anyMove),
	),
	incidents: fc.array(
		fc.record({
			type: fc.nat(1),
			given: anyValue,
			diesAtOnce: fc.boolean(),
			diesAfter: fc.boolean(),
		}),
		{ minLength: 1, maxLength: 8 },
	),
	ends: fc.boolean(),
});

const delayMs = 50;

type Args = { readonly context: { readonly held: object }; readonly event: object };

/** The value of an event is in a table, because messages carry JSON. */
function machineOf({ moves, incidents }: Story): AnyStateMachine {
	const valueOf = ({ event }: Args): unknown =>
		incidents[Number(Reflect.get(event, 'at'))]?.given.value;
	const put = (slot: string, value: (args: Args) => unknown) =>
		assign({
			held: (args: Args) => {
				const field = { enumerable: true, writable: true, configurable: true };
				const others = Object.getOwnPropertyDescriptors(args.context.held);
				const held = Object.create(
					Object.getPrototypeOf(args.context.held) as object,
					others,
				) as object;
				return Object.defineProperty(held, slot, { ...field, value: value(args) });
			},
		});
	const field = (name: string) => (args: Args) => Reflect.get(args.event, name) as unknown;
	const transition = ({ way, slot, target, reenter }: Move): object => {
		if (way === 'assign') return { target, reenter, actions: put(slot, valueOf) };
		const event = (args: Args) => ({ type: 'LATE', slot, value: valueOf(args) });
		if (way === 'timer') return { target, actions: raise(event as never, { delay: delayMs }) };
		return { target: `#echo-${slot}-${target}` };
	};
	const echo = (slot: string, target: string): object => ({
		id: `echo-${slot}-${target}`,
		invoke: {
			src: 'echo',
			input: valueOf,
			onDone: { target: `#random.${target}`, actions: put(slot, field('output')) },
		},
	});
	const echoes = slots.flatMap((slot) =>
		stateNames.map((target) => [`${slot} ${target}`, echo(slot, target)] as const),
	);
	const states = stateNames.map((name, at) => {
		const on = Object.fromEntries((moves[at] ?? []).map((move, n) => [`E${n}`, transition(move)]));
		return [name, { on }] as const;
	});
	const late = slots.map((slot) => ({
		guard: (args: Args) => Reflect.get(args.event, 'slot') === slot,
		actions: put(slot, field('value')),
	}));
	const parts = setup({ actors: { echo: step<unknown, unknown>({ run: (input) => input }) } });
	const create = parts.createMachine as (config: object) => AnyStateMachine;
	return create({
		id: 'random',
		context: { held: {} },
		initial: 's0',
		on: {
			LATE: late,
			// No message is answered with the output, which JSON need not be able to carry.
			END: { actions: raise({ type: 'OVER' }, { delay: delayMs }) },
			OVER: '.end',
		},
		output: ({ context }: Args) => context.held,
		states: Object.fromEntries([...states, ...echoes, ['end', { type: 'final' }]]),
	});
}

/** Plain XState in memory, with the events that a durable actor does not refuse. */
async function plainly(story: Story) {
	const clock = steppedClock(1);
	const actor = createActor(machineOf(story), {
		clock: {
			setTimeout: (run, after) => clock.after(after, () => run()),
			clearTimeout: (timer: { cancel(): void } | undefined) => timer?.cancel(),
		},
	});
	actor.start();
	for (const [at, { type, given }] of story.incidents.entries()) {
		if (given.isKept) actor.send({ type: `E${type}`, at });
		await clock.settle();
		await clock.advance(delayMs);
	}
	if (story.ends) actor.send({ type: 'END' });
	await clock.advance(delayMs);
	const { value, context, output, status } = actor.getSnapshot();
	actor.stop();
	return { status, value, context, ...(story.ends ? { output } : {}) };
}

async function quiet(node: ActorNode): Promise<void> {
	await node.idle('random');
	await node.until(() => node.journal.count('steps') === 0);
	await node.idle('random');
}

/** The durable actor, whose process dies in between: memory is gone, and the store is opened. */
async function durably(t: TestScope, story: Story) {
	const actor = defineActor({ name: 'random', version: 1, machine: machineOf(story) });
	let node = await startActorNode(t, { actors: [actor] });
	const refused: string[] = [];
	for (const [at, { type, diesAtOnce, diesAfter }] of story.incidents.entries()) {
		const id = await node.send('random', { type: `E${type}`, at });
		if (diesAtOnce) node = await node.crash();
		await node.idle('random');
		const { code, detail } = node.ledger.get(id)?.result ?? {};
		if (code !== undefined) refused.push(`${at} ${code} ${detail}`);
		await quiet(node);
		if (diesAfter) node = await node.crash();
		await node.clock.advance(delayMs);
		await node.until(() => node.journal.count('timers') === 0);
		await quiet(node);
	}
	if (story.ends) await node.send('random', 'END');
	await quiet(node);
	await node.clock.advance(delayMs);
	await node.until(() => node.journal.count('timers') === 0);
	node = await node.crash();
	const { status, value, context, output } = node.stored('random')?.state ?? {};
	await node.stop();
	return { refused, state: { status, value, context, ...(story.ends ? { output } : {}) } };
}

const text = (value: unknown): string =>
	inspect(value, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null });

test('a random context is after store, crash and reload as in plain XState, or is refused by name', async (t) => {
	const counts = { kept: 0, refused: 0 };
	await fc.assert(
		fc.asyncProperty(anyStory, async (story) => {
			const expected = await plainly(story);
			const { refused, state } = await durably(t, story);
			const wrong = [...story.incidents.entries()].filter(([, { given }]) => !given.isKept);
			assert.deepEqual(
				refused.map((line) => Number(line.split(' ')[0])),
				wrong.map(([at]) => at),
			);
			const named =
				/^\d+ not_storable (?:context\.held|the event LATE|the input of echo)\S* .*is /u;
			for (const line of refused) assert.match(line, named);
			if (state.status === undefined) assert.equal(wrong.length, story.incidents.length);
			else {
				assert.deepStrictEqual(state, expected);
				assert.equal(text(state), text(expected));
			}
			counts.refused += wrong.length;
			counts.kept += story.incidents.length - wrong.length;
		}),
		// The seed and the path of a failure are printed, and can be given here.
		{
			numRuns: 30,
			includeErrorInReport: true,
			interruptAfterTimeLimit: 120_000,
			markInterruptAsFailure: false,
		},
	);
	assert.ok(counts.kept > 20 && counts.refused > 3, JSON.stringify(counts));
});
