import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { createActor } from 'xstate';
import {
	messageLogic,
	type MessageActorInput,
	type MessageEvent,
} from '../../../actors/inbound/inbound-message.ts';

const row: MessageActorInput = {
	id: 'm1',
	method: 'REQCliCommand',
	onCrash: 'report',
	attemptsMax: 3,
};
const retried: MessageActorInput = { ...row, onCrash: 'retry' };
const start = { type: 'START' } as const;
const crashed = { type: 'CRASHED' } as const;
const deferred = { type: 'DEFERRED' } as const;
const expired = { type: 'EXPIRED' } as const;
const cancelled = { type: 'CANCELLED' } as const;
const done = { type: 'ENDED', outcome: 'done' } as const;

/** The snapshot of a message after these events. */
function after(input: MessageActorInput, ...events: MessageEvent[]) {
	let snapshot = messageLogic.begin(input);
	for (const event of events) snapshot = messageLogic.step(snapshot, event);
	return snapshot;
}

test('a message is accepted, runs and is settled, as an actor', () => {
	const actor = createActor(messageLogic, { input: row }).start();
	assert.equal(actor.getSnapshot().value, 'accepted');
	actor.send(start);
	assert.equal(actor.getSnapshot().value, 'running');
	actor.send(done);
	const { status, value, output } = actor.getSnapshot();
	assert.deepEqual({ status, value }, { status: 'done', value: 'settled' });
	assert.deepEqual(output, { outcome: 'done', attempts: 1 });
});

test('a message whose method failed is settled with the code of the failure', () => {
	const end = after(row, start, { type: 'ENDED', outcome: 'failed', code: 'command_failed' });
	assert.equal(end.value, 'settled');
	assert.deepEqual(end.output, { outcome: 'failed', code: 'command_failed', attempts: 1 });
});

test('a message that is done has no code, whatever its event says', () => {
	const end = after(retried, start, crashed, start, { ...done, code: 'method_crashed' });
	assert.deepEqual(end.output, { outcome: 'done', attempts: 2 });
});

test('a crash under onCrash report settles the message as interrupted, at its first start', () => {
	const end = after(row, start, crashed);
	assert.equal(end.value, 'settled');
	assert.deepEqual(end.output, { outcome: 'interrupted', code: 'interrupted', attempts: 1 });
	const threw = after(row, start, { type: 'CRASHED', code: 'method_crashed' });
	assert.deepEqual(threw.output, { outcome: 'interrupted', code: 'method_crashed', attempts: 1 });
});

test('a crash under onCrash retry lets the message wait for its next start', () => {
	const { value, status, context } = after(retried, start, crashed);
	assert.deepEqual({ value, status }, { value: 'accepted', status: 'active' });
	assert.equal(context.attempts, 1);
	assert.equal(context.outcome, undefined);
});

test('a message that always crashes is dead after exactly attemptsMax starts', () => {
	const twice = [start, crashed, start, crashed];
	assert.equal(after(retried, ...twice).value, 'accepted');
	const end = after(retried, ...twice, start, crashed);
	assert.equal(end.value, 'dead');
	assert.deepEqual(end.output, { outcome: 'failed', code: 'max_attempts', attempts: 3 });
});

test('recovery makes a running message from a row marked as started, and its crash counts', () => {
	const started = { ...retried, attempts: 2, started: true };
	assert.equal(after(started).value, 'running');
	assert.equal(after(started).context.attempts, 2);
	assert.equal(after(started, crashed).value, 'accepted');
	assert.equal(after({ ...started, attempts: 3 }, crashed).value, 'dead');
	assert.equal(after({ ...started, onCrash: 'report' }, crashed).output?.outcome, 'interrupted');
});

test('a deferral counts as a start, but not as a crash', () => {
	const often = Array.from({ length: 10 }, () => [start, deferred]).flat();
	const waiting = after(retried, ...often);
	assert.equal(waiting.value, 'accepted');
	assert.equal(waiting.context.attempts, 10);
	assert.equal(after(retried, ...often, start, crashed).value, 'accepted');
	const { attempts, deferrals } = waiting.context;
	const restored = { ...retried, attempts: attempts + 1, deferrals, started: true };
	assert.equal(after(restored, crashed).value, 'accepted');
});

test('a message that never ran expires and can be cancelled while it waits', () => {
	const late = after(row, expired);
	assert.equal(late.value, 'settled');
	assert.deepEqual(late.output, { outcome: 'expired', code: 'expired', attempts: 0 });
	assert.equal(after(row, start, deferred, expired).output?.outcome, 'expired');
	const unwanted = after(row, cancelled);
	assert.equal(unwanted.value, 'settled');
	assert.deepEqual(unwanted.output, { outcome: 'cancelled', code: 'cancelled', attempts: 0 });
});

test('a message that crashed before its time was over is interrupted: expired means never ran', () => {
	const end = after(retried, start, crashed, expired);
	assert.deepEqual(end.output, { outcome: 'interrupted', code: 'interrupted', attempts: 1 });
});

test('a running message neither expires nor is cancelled nor started again', () => {
	const running = after(row, start);
	for (const event of [expired, cancelled, start]) {
		assert.equal(messageLogic.step(running, event), running);
	}
});

test('a waiting message does not end, crash or defer', () => {
	const waiting = after(row);
	for (const event of [done, crashed, deferred]) {
		assert.equal(messageLogic.step(waiting, event), waiting);
	}
});

test('after any events the counters have not fallen, and there is one end, which is true', () => {
	const anyEvent = fc.constantFrom<MessageEvent>(
		start,
		start,
		start,
		crashed,
		crashed,
		deferred,
		done,
		expired,
		cancelled,
	);
	const anyInput = fc.record({
		onCrash: fc.constantFrom('retry', 'report'),
		attemptsMax: fc.integer({ min: 1, max: 3 }),
	});
	fc.assert(
		fc.property(anyInput, fc.array(anyEvent, { maxLength: 20 }), (given, events) => {
			let snapshot = messageLogic.begin({ ...row, ...given });
			let crashes = 0;
			for (const event of events) {
				const before = snapshot;
				snapshot = messageLogic.step(before, event);
				if (before.status === 'done') assert.equal(snapshot, before);
				else if (before.value === 'running' && event === crashed) crashes += 1;
				assert.ok(snapshot.context.attempts >= before.context.attempts);
				assert.ok(crashes <= given.attemptsMax);
			}
			if (snapshot.status !== 'done') return;
			const { outcome, code } = snapshot.output;
			assert.equal(code === undefined, outcome === 'done');
			if (outcome === 'expired') assert.equal(crashes, 0);
			if (snapshot.value === 'dead') {
				assert.equal(given.onCrash, 'retry');
				assert.equal(crashes, given.attemptsMax);
			}
		}),
		{ numRuns: 1000 },
	);
});
