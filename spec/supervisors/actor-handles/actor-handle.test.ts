import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup, type EventFromLogic } from 'xstate';
import {
	answer,
	defineActor,
	reply,
	type ActorHandle,
	type RunningNode,
} from '../../../supervisors/node/node.ts';
import { until } from '../../support/condition.ts';
import { startLocalFleet } from '../../support/local-nodes.ts';

type CounterEvent =
	| { type: 'ADD'; by: number }
	| { type: 'TELL' }
	| { type: 'PONDER' }
	| { type: 'SPEAK' }
	| { type: 'BREAK' };

const machine = setup({
	types: { context: {} as { total: number }, events: {} as CounterEvent },
}).createMachine({
	id: 'counter',
	context: { total: 0 },
	on: {
		ADD: { actions: assign({ total: ({ context, event }) => context.total + event.by }) },
		TELL: { actions: reply(({ context }) => ({ total: context.total })) },
		PONDER: {},
		SPEAK: { actions: answer('42') },
		BREAK: {
			actions: assign(() => {
				throw new Error('it breaks');
			}),
		},
	},
});
const counter = defineActor({
	name: 'counter',
	version: 1,
	machine,
	answersLater: ['PONDER'],
	intensity: 0,
	period: 60,
});

/** Whether a node has taken the turn of an event of this type. */
const hasTaken = ({ signals }: RunningNode, event: string): boolean =>
	signals.recent().some((seen) => seen.type === 'call.ended' && seen.methodArgs[0] === event);

/** True for two types that are the same, and for no others. */
type Same<One, Other> =
	(<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

test('what an instance can be sent and asked follows from the type of its machine', async (t) => {
	const fleet = await startLocalFleet(t);
	const node = await fleet.start('central', {}, { actors: [counter] });
	const shelf = node.actor(counter, { key: 'a' });
	const isTyped: Same<typeof shelf, ActorHandle<CounterEvent>> = true;
	const isOfMachine: Same<EventFromLogic<typeof machine>, CounterEvent> = true;
	const takes: Same<Parameters<typeof shelf.send>[0], CounterEvent> = true;
	const asks: Same<Parameters<typeof shelf.ask>[0], CounterEvent> = true;
	const isLoose: Same<typeof shelf, ActorHandle<{ type: string }>> = false;
	assert.deepEqual([isTyped, isOfMachine, takes, asks, isLoose], [true, true, true, true, false]);
	await shelf.send({ type: 'ADD', by: 2 });
	const told = await shelf.ask({ type: 'TELL' });
	assert.deepEqual(told, { id: told.id, outcome: 'done', data: '{"total":2}' });
	const other = await node.actor(counter, { key: 'b' }).ask({ type: 'TELL' });
	assert.equal(other.outcome === 'done' && other.data, '{"total":0}');
});

test('an ask on this node ends with why there is no answer', async (t) => {
	const fleet = await startLocalFleet(t);
	const node = await fleet.start('central', {}, { actors: [counter] });
	const shelf = node.actor(counter, { key: 'a' });
	const late = await shelf.ask({ type: 'PONDER' }, { timeoutMs: 100 });
	assert.deepEqual(late, { id: late.id, outcome: 'unanswered', reason: 'deadline' });
	const broken = await shelf.ask({ type: 'BREAK' });
	assert.deepEqual(broken, { id: broken.id, outcome: 'unanswered', reason: 'parked' });
	const again = await shelf.ask({ type: 'TELL' });
	assert.deepEqual(again, { id: again.id, outcome: 'unanswered', reason: 'parked' });
	const gone = await node.actor({ ...counter, name: 'nobody' }).ask({ type: 'TELL' });
	assert.deepEqual(gone, { id: '', outcome: 'unanswered', reason: 'noproc' });
});

test('an ask of another node brings its answer, or why there is none', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const ship = await fleet.start('ship1', {}, { actors: [counter] });
	const shelf = central.actor(counter, { to: 'ship1', key: 'a' });
	await shelf.send({ type: 'ADD', by: 5 });
	const told = await shelf.ask({ type: 'TELL' });
	assert.deepEqual(told, { id: told.id, outcome: 'done', data: '{"total":5}' });

	const answered = shelf.ask({ type: 'PONDER' });
	await until('the question is taken', () => hasTaken(ship, 'PONDER'));
	await shelf.send({ type: 'SPEAK' });
	const spoken = await answered;
	assert.equal(spoken.outcome === 'done' && spoken.data, '42');

	const absent = await central.actor({ ...counter, name: 'nobody' }, { to: 'ship1' }).ask({
		type: 'TELL',
	});
	assert.equal(absent.outcome === 'unanswered' && absent.reason, 'noproc');
	const unheard = central.actor(counter, { to: 'ship9' });
	assert.match(await unheard.send({ type: 'TELL' }), /^\w+$/);
	const away = await unheard.ask({ type: 'TELL' }, { timeoutMs: 100 });
	assert.equal(away.outcome === 'unanswered' && away.reason, 'noconnection');

	await central.actor(counter, { to: 'ship1', key: 'b' }).send({ type: 'BREAK' });
	const parked = await central
		.actor(counter, { to: 'ship1', key: 'b' })
		.ask({ type: 'TELL' }, { timeoutMs: 20_000 });
	assert.equal(parked.outcome === 'unanswered' && parked.reason, 'parked');

	const cut = shelf.ask({ type: 'PONDER' }, { timeoutMs: 20_000 });
	await ship.stop();
	const lost = await cut;
	assert.equal(lost.outcome === 'unanswered' && lost.reason, 'noconnection');
});

test('an ask that is cut off by the stop of its own node says so', async (t) => {
	const fleet = await startLocalFleet(t);
	const node = await fleet.start('central', {}, { actors: [counter] });
	const asked = node.actor(counter).ask({ type: 'PONDER' });
	const ended = assert.rejects(asked, { code: 'stopping' });
	await until('the question is taken', () => hasTaken(node, 'PONDER'));
	await node.stop();
	await ended;
});
