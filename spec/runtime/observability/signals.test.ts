import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createSignals, type Signal } from '../../../runtime/observability/signals.ts';

const stopping = (reason: string) => ['node.stopping', { reason }] as const;
const reasons = (signals: readonly Signal[]) =>
	signals.map((signal) => ('reason' in signal ? signal.reason : ''));

test('a signal reaches its subscribers with its type, its fields and its instant', () => {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const seen: Signal[] = [];
	const end = signals.subscribe((signal) => seen.push(signal));
	signals.emit(...stopping('one'));
	end();
	signals.emit(...stopping('two'));
	assert.deepEqual(seen, [{ type: 'node.stopping', at: clock.now(), reason: 'one' }]);
});

test('the last signals are remembered, oldest first, and no more than the limit', () => {
	const signals = createSignals(steppedClock(), 3);
	assert.deepEqual(signals.recent(), []);
	for (const reason of ['1', '2']) signals.emit(...stopping(reason));
	assert.deepEqual(reasons(signals.recent()), ['1', '2']);
	for (const reason of ['3', '4', '5', '6', '7']) signals.emit(...stopping(reason));
	assert.deepEqual(reasons(signals.recent()), ['5', '6', '7']);
});

test('all signals are counted, also those that are forgotten', () => {
	const signals = createSignals(steppedClock(), 1);
	for (const reason of ['1', '2', '3']) signals.emit(...stopping(reason));
	signals.emit('node.stopped', { reason: '' });
	assert.deepEqual(signals.counts(), { 'node.stopping': 3, 'node.stopped': 1 });
});

test('a watcher that throws is dropped, is told of, and harms neither the others nor the sender', () => {
	const failures: unknown[] = [];
	const signals = createSignals(steppedClock(), 10, (thrown) => failures.push(thrown));
	let seen = 0;
	signals.subscribe(() => {
		throw new Error('broken');
	});
	signals.subscribe(() => (seen += 1));
	signals.emit(...stopping('1'));
	signals.emit(...stopping('2'));
	assert.equal(seen, 2);
	assert.equal(failures.length, 1);
});

test('a watcher may emit, subscribe and unsubscribe while it is told', () => {
	const signals = createSignals(steppedClock());
	const seen: string[] = [];
	const end = signals.subscribe((signal) => {
		end();
		seen.push(signal.type);
		signals.subscribe((later) => seen.push(`later ${later.type}`));
		signals.emit('node.stopped', { reason: '' });
	});
	signals.emit(...stopping('1'));
	assert.deepEqual(seen.toSorted(), ['later node.stopped', 'later node.stopping', 'node.stopping']);
});
