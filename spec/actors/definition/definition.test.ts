import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, createMachine, fromPromise, setup, type AnyStateMachine } from 'xstate';
import {
	defineActor,
	isActorDefinition,
	type ActorParts,
} from '../../../actors/definition/definition.ts';
import { send } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import type { ReeveError } from '../../../runtime/platform/errors.ts';

const still = createMachine({ id: 'still' });

/** The detail of the refusal of a definition. */
function refusal(
	machine: AnyStateMachine,
	more: Partial<ActorParts<AnyStateMachine>> = {},
): string {
	let detail = 'it is accepted';
	assert.throws(
		() => defineActor({ name: 'it', version: 1, machine, ...more }),
		(thrown: ReeveError) => {
			({ detail } = thrown);
			return thrown.code === 'bad_declaration';
		},
	);
	return detail;
}

test('a definition is frozen, has all defaults, and is recognised', () => {
	const definition = defineActor({ name: 'still', version: 1, machine: still });
	assert.ok(Object.isFrozen(definition));
	assert.ok(isActorDefinition(definition));
	assert.ok(!isActorDefinition({ ...definition, name: 5 }));
	assert.equal(definition.recovery, 'resume');
});

test('an actor needs a name that fits into topics, and a version that is a whole number', () => {
	assert.throws(() => defineActor({ name: 'a/b', version: 1, machine: still }), {
		code: 'bad_name',
	});
	assert.match(refusal(still, { version: 0 }), /version/);
	assert.match(refusal(still, { version: 1.5 }), /version/);
	assert.match(refusal(still, { migrate: { 1: (state) => state } }), /migrate 1 leads beyond/);
});

test('a raw action is refused at every place, unless the actor is volatile', () => {
	const raw = () => undefined;
	const machines = {
		entry: createMachine({ entry: raw }),
		exit: createMachine({ initial: 'a', states: { a: { exit: raw } } }),
		transition: createMachine({ on: { GO: { actions: [raw] } } }),
		always: createMachine({
			initial: 'a',
			states: { a: { always: { guard: () => false, actions: raw } } },
		}),
		named: setup({ actions: { raw } }).createMachine({ on: { GO: { actions: 'raw' } } }),
	};
	for (const [where, machine] of Object.entries(machines)) {
		assert.match(refusal(machine), /raw function/, where);
		assert.ok(defineActor({ name: 'it', version: 1, machine, volatile: true }));
	}
});

test('assignments and effects are not raw actions', () => {
	const machine = setup({
		types: { context: {} as { n: number } },
		actions: { count: assign({ n: ({ context }) => context.n + 1 }) },
	}).createMachine({
		context: { n: 0 },
		on: { GO: { actions: ['count', send({ method: 'REQPing' })] } },
	});
	assert.ok(defineActor({ name: 'it', version: 1, machine }));
});

test('a misspelt action, guard or step is refused with the nearest right name', () => {
	const parts = setup({
		actions: { countUp: assign({}) },
		guards: { isOpen: () => true },
		actors: { charge: step({ run: () => 1 }) },
	});
	const create = parts.createMachine as (config: object) => AnyStateMachine;
	assert.match(refusal(create({ entry: 'cuontUp' })), /no action cuontUp; is it countUp\?/);
	assert.match(refusal(create({ on: { GO: { guard: 'isOpn', actions: [] } } })), /is it isOpen\?/);
	assert.match(refusal(create({ invoke: { src: 'chrage' } })), /no step chrage; is it charge\?/);
});

test('an unknown target state is refused by name', () => {
	const create = createMachine as (config: object) => AnyStateMachine;
	assert.throws(
		() => create({ initial: 'a', states: { a: { on: { GO: 'nowhere' } } } }),
		/nowhere/,
	);
});

test('a promise is refused, inline and in the setup; a step is taken', () => {
	const logic = fromPromise(() => Promise.resolve(1));
	assert.match(refusal(createMachine({ invoke: { src: logic } })), /inline/);
	const named = setup({ actors: { work: logic } }).createMachine({ invoke: { src: 'work' } });
	assert.match(refusal(named), /work of its setup is not a step/);
	const good = setup({ actors: { work: step({ run: () => 1 }) } });
	assert.ok(
		defineActor({
			name: 'it',
			version: 1,
			machine: good.createMachine({ invoke: { src: 'work' } }),
		}),
	);
});

test('a machine with an endless cycle is refused', () => {
	const machine = createMachine({
		initial: 'a',
		states: { a: { always: 'b' }, b: { always: 'a' } },
	});
	assert.match(refusal(machine), /always leads in a cycle without an if: a, b, a/);
});
