import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { eventStream, type EventFilter } from '../../../transports/http/event-stream.ts';

interface Event {
	readonly id?: string;
	readonly event: string;
	readonly data: Record<string, unknown>;
}

/** A stream and its reader, with a ring of five signals. */
function open(
	t: TestContext,
	options: { filter?: EventFilter; lastId?: string; before?: number } = {},
) {
	const clock = steppedClock(3);
	const signals = createSignals(clock, 5);
	const emit = (id: string, to = 'ship1') =>
		signals.emit('message.accepted', { id, method: 'REQPing', from: 'central', to, via: 'socket' });
	for (let count = 1; count <= (options.before ?? 0); count += 1) emit(`before-${count}`);
	const { filter = {}, lastId } = options;
	const stream = eventStream({ signals, clock, epoch: 4, filter, lastId });
	const reader = stream.getReader();
	t.after(() => reader.cancel());
	/** The events of the next piece. */
	const next = async (): Promise<Event[]> => {
		const read = reader.read();
		await clock.advance(100);
		const { value } = await read;
		const text = Buffer.from(value ?? []).toString();
		return text
			.split('\n\n')
			.filter((part) => part !== '' && !part.startsWith(':'))
			.map((part) => {
				const lines = part.split('\n').map((line) => /^(\w+): (.*)$/.exec(line) ?? []);
				const fields = Object.fromEntries(lines.map(([, key, value = '']) => [key, value]));
				return { ...fields, data: JSON.parse(fields['data'] ?? '{}') } as Event;
			});
	};
	return { clock, signals, emit, next, reader };
}

test('signals come as events with ids, from now on', async (t) => {
	const { emit, next } = open(t, { before: 3 });
	await next();
	emit('a');
	emit('b');
	const events = await next();
	assert.deepEqual(
		events.map(({ id, event, data }) => [id, event, data['id']]),
		[
			['4.4', 'message.accepted', 'a'],
			['4.5', 'message.accepted', 'b'],
		],
	);
});

test('a client that comes back goes on where it was', async (t) => {
	const { next } = open(t, { before: 4, lastId: '4.2' });
	await next();
	const events = await next();
	assert.deepEqual(
		events.map(({ id }) => id),
		['4.3', '4.4'],
	);
});

test('signals that the ring no longer holds are a gap event, and so is another epoch of the node', async (t) => {
	const late = open(t, { before: 9, lastId: '4.1' });
	await late.next();
	const [gap, first] = await late.next();
	assert.deepEqual([gap?.event, gap?.data], ['gap', { missed: 3 }]);
	assert.equal(first?.id, '4.5');
	const reborn = open(t, { before: 2, lastId: '3.900' });
	await reborn.next();
	assert.deepEqual(
		(await reborn.next()).map(({ id }) => id),
		['4.1', '4.2'],
	);
});

test('only the messages and nodes that were asked for are shown', async (t) => {
	const one = open(t, { filter: { message: 'b' } });
	await one.next();
	for (const id of ['a', 'b1', 'b2', 'c']) one.emit(id);
	assert.deepEqual(
		(await one.next()).map(({ data }) => data['id']),
		['b1', 'b2'],
	);
	const ship = open(t, { filter: { node: 'ship2' } });
	await ship.next();
	ship.emit('a');
	ship.emit('b', 'ship2');
	assert.deepEqual(
		(await ship.next()).map(({ data }) => data['id']),
		['b'],
	);
});

test('the arguments of commands are not shown, and commits are no events', async (t) => {
	const { signals, next } = open(t);
	await next();
	signals.emit('journal.committed', { count: 1, tookMs: 1 });
	signals.emit('call.ended', {
		id: 'a',
		method: 'REQCliCommand',
		from: 'central',
		outcome: 'failed',
		tookMs: 1,
		attempts: 1,
		code: 'command_failed',
		detail: '',
		stderr: 'password',
		methodArgs: ['mysql', '-psecret'],
	});
	const events = await next();
	assert.deepEqual(
		events.map(({ id, event }) => [id, event]),
		[['4.1', 'call.ended']],
	);
	assert.doesNotMatch(JSON.stringify(events), /secret|password/);
});

test('a silent stream says that it is alive, and one that is not read piles nothing up', async (t) => {
	const { clock, reader, emit, next } = open(t);
	await next();
	const read = reader.read();
	await clock.advance(15_000);
	assert.match(Buffer.from((await read).value ?? []).toString(), /^: beat/);
	for (let count = 0; count < 100; count += 1) emit(`many-${count}`);
	await clock.advance(1000);
	const seen = await next();
	const missed = seen.find(({ event }) => event === 'gap');
	assert.ok(seen.length <= 6, `${seen.length} events`);
	assert.ok(missed, 'the gap is told');
});

test('a stream that is ended keeps no timer and watches nothing', async (t) => {
	const { clock, reader, next, signals, emit } = open(t);
	await next();
	await reader.cancel();
	emit('a');
	await clock.advance(100);
	assert.equal(clock.pending(), 0);
	assert.equal(signals.newest(), 1);
});
