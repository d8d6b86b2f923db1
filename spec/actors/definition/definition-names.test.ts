import assert from 'node:assert/strict';
import test from 'node:test';
import {
	and,
	createMachine,
	enqueueActions,
	not,
	or,
	raise,
	setup,
	spawnChild,
	stateIn,
} from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { defer } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';

const parts = setup({
	guards: { isOpen: () => true },
	delays: { patience: 1000 },
	actors: { pay: step({ run: () => 1 }) },
});

/** The reason why a definition is refused; undefined if it is taken. */
function refusal(config: object, more: object = {}): string | undefined {
	const machine = parts.createMachine({ id: 'm', ...config } as never);
	try {
		defineActor({
			name: 'm',
			version: 3,
			machine,
			...more,
		} as never);
		return undefined;
	} catch (thrown) {
		return String(thrown);
	}
}

const busy = { invoke: { id: 'w', src: 'pay' } };

test('each name in a machine is checked when it is loaded', () => {
	const cases: readonly (readonly [object, RegExp])[] = [
		[{ after: { patiense: {} } }, /there is no delay patiense; is it patience\?/],
		[{ invoke: { id: 'half \ud800', src: 'pay' } }, /the id of a step is "half /],
		[{ type: 'parallel', states: { p: busy, q: busy } }, /m\.p and m\.q invoke the same id w/],
		[{ initial: 'p', ...busy, states: { p: busy } }, /m and m\.p invoke the same id w/],
		[{ invoke: [busy.invoke, busy.invoke] }, /m and m invoke the same id w/],
		[{ after: { Infinity: {} } }, /the delay is Infinity/],
		[{ after: { 1e20: {} } }, /the delay is 100000000000000000000/],
		[{ after: { [-5]: {} } }, /the delay is -5/],
		[{ entry: raise({ type: 'A' }, { delay: Infinity }) }, /the delay is Infinity/],
		[{ entry: raise({ type: 'A' }, { delay: 'patiense' as never }) }, /no delay patiense/],
		[{ on: { A: { guard: not('isOpne') } } }, /no guard isOpne; is it isOpen\?/],
		[{ on: { A: { guard: and(['isOpen', or([not('isOpne')])]) } } }, /no guard isOpne/],
		[{ always: { guard: or([{ type: 'isOpne' }]), actions: [] } }, /no guard isOpne/],
		[{ entry: spawnChild('paiy') }, /no step paiy; is it pay\?/],
		[{ meta: defer('ADDD'), on: { ADD: {} } }, /no state handles ADDD, which is deferred/],
	];
	for (const [config, why] of cases) assert.match(refusal(config) ?? 'taken', why);
});

test('each name in a definition beside its machine is checked when it is loaded', () => {
	const config = { on: { ADD: {} }, after: { patience: {}, 500: {} } };
	const cases: readonly (readonly [object, RegExp])[] = [
		[{ answersLater: ['ADDD'] }, /answersLater: no state handles ADDD; is it ADD\?/],
		[{ timers: { patiense: 'remaining' } }, /timers: there is no delay patiense; is it patience\?/],
		[{ timers: { patience: 'remains' } }, /timers: patience is remains/],
		[{ migrate: { one: () => ({}) } }, /migrate one is not a version/],
		[{ recovery: 'again' }, /recovery is again/],
		[{ whenDone: 'drop' }, /whenDone is drop/],
		[{ answerLater: ['ADD'] }, /there is no field answerLater; is it answersLater\?/],
		[{ intensity: NaN }, /intensity is NaN/],
		[{ period: -1 }, /period is -1/],
	];
	for (const [more, why] of cases) assert.match(refusal(config, more) ?? 'taken', why);
	const right = { answersLater: ['ADD'], timers: { patience: 'remaining', 500: 'restart' } };
	assert.equal(refusal(config, right), undefined);
	assert.equal(refusal(config, { timers: { 'timeout.load': 'restart' } }), undefined);
});

test('right names are taken at every place, and names in enqueued actions are left to their turn', () => {
	const guard = and(['isOpen', or([not('isOpen'), stateIn({})])]);
	const entry = [
		raise({ type: 'A' }, { delay: 'patience' as never, id: 'mine' }),
		spawnChild('pay'),
		enqueueActions(({ enqueue }) => enqueue.raise({ type: 'A' }, { id: 'late', delay: 5 })),
	];
	const config = { on: { A: { guard } }, after: { patience: {}, 100: {} }, entry };
	assert.equal(refusal(config, { timers: { mine: 'restart', late: 'restart' } }), undefined);
	assert.equal(refusal({ meta: defer('ADD'), on: { '*': {} } }), undefined);
	const inTurn = { initial: 'p', states: { p: busy, q: busy } };
	assert.equal(refusal(inTurn), undefined, 'two states of one region are never active together');
});

test('a step whose policy or timeout is wrong is refused', () => {
	const run = () => 1;
	assert.throws(() => step({ run, onCrash: 'never' as 'once' }), /onCrash is never/);
	assert.throws(() => step({ run, onCrash: 'reconcile' }), /reconcile/);
	for (const timeoutMs of [NaN, Infinity, 1e20, -1, '5' as never, 5n as never]) {
		assert.throws(() => step({ run, timeoutMs }), new RegExp(`timeoutMs is ${String(timeoutMs)}`));
	}
});

test('a part of a machine that XState would lose, since it is called __proto__, is refused', () => {
	const parts = {
		states: '{"initial":"a","states":{"a":{"initial":"b","states":{"b":{},"__proto__":{}}}}}',
		on: '{"on":{"__proto__":{"target":"#m"}}}',
	};
	for (const [field, text] of Object.entries(parts)) {
		const machine = createMachine({ id: 'm', ...(JSON.parse(text) as object) });
		assert.throws(() => defineActor({ name: 'it', version: 1, machine }), {
			code: 'bad_declaration',
			message: new RegExp(`in m(?:\\.a)?, ${field} has the name __proto__`),
		});
	}
});
