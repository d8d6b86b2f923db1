import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { createActor } from 'xstate';
import {
	deliveryLogic,
	spent,
	type DeliveryEvent,
	type DeliveryInput,
} from '../../../actors/outbound/outbound-message.ts';

const row: DeliveryInput = { id: 'm1', seq: 7, attemptsMax: 3 };
const published = { type: 'PUBLISHED' } as const;
const acked = { type: 'ACKED' } as const;
const refused = { type: 'REFUSED', code: 'unknown_method' } as const;
const retry = { type: 'RETRY' } as const;
const giveUp = { type: 'GIVE_UP' } as const;
const skipped = { type: 'SKIPPED' } as const;

/** Where a message is after these events. */
function after(input: DeliveryInput, ...events: DeliveryEvent[]) {
	let snapshot = deliveryLogic.begin(input);
	for (const event of events) snapshot = deliveryLogic.step(snapshot, event);
	return snapshot;
}

test('a message is queued, sent and accepted, as an actor', () => {
	const actor = createActor(deliveryLogic, { input: row }).start();
	assert.equal(actor.getSnapshot().value, 'queued');
	actor.send(published);
	assert.equal(actor.getSnapshot().value, 'sent');
	actor.send(acked);
	const { status, value, output } = actor.getSnapshot();
	assert.deepEqual({ status, value }, { status: 'done', value: 'accepted' });
	assert.deepEqual(output, { verdict: 'accepted', attempts: 1 });
});

test('a refusal for good ends the delivery with the reason of the receiver', () => {
	const end = after(row, published, refused);
	assert.equal(end.value, 'refused');
	assert.deepEqual(end.output, {
		verdict: 'refused',
		attempts: 1,
		code: 'unknown_method',
		neverRan: true,
	});
});

test('a retry puts the message back into the queue and keeps its count of attempts', () => {
	const waiting = after(row, published, retry);
	assert.equal(waiting.value, 'queued');
	assert.equal(waiting.context.attempts, 1);
	assert.equal(after(row, published, retry, published).context.attempts, 2);
});

test('a late answer ends a message that waits for its resend', () => {
	assert.equal(after(row, published, retry, acked).value, 'accepted');
	assert.equal(after(row, published, retry, refused).value, 'refused');
});

test('a message that was skipped ends so, also if its sender has forgotten that it gave it up', () => {
	const output = { verdict: 'expired', attempts: 1, code: 'expired', neverRan: true };
	for (const before of [[published], [published, retry]]) {
		const end = after(row, ...before, skipped);
		assert.equal(end.value, 'expired');
		assert.deepEqual(end.output, output);
	}
	assert.equal(after({ ...row, published: true }, skipped).value, 'expired');
});

test('an answer to a message that was never published is ignored', () => {
	const queued = after(row);
	for (const event of [acked, refused, skipped, retry]) {
		assert.equal(deliveryLogic.step(queued, event), queued);
	}
});

test('a message given up before it was ever published has never run, and that is the end', () => {
	const end = after(row, giveUp);
	assert.equal(end.value, 'expired');
	const output = { verdict: 'expired', attempts: 0, code: 'expired', neverRan: true };
	assert.deepEqual(end.output, output);
});

test('a message given up after it was published is skipped, and only the answer ends it', () => {
	for (const sent of [[published], [published, retry]]) {
		const skipping = after(row, ...sent, giveUp);
		assert.equal(skipping.value, 'skipping');
		assert.equal(skipping.status, 'active');
		const resent = after(row, ...sent, giveUp, published, retry, published);
		assert.equal(resent.value, 'skipping');
		assert.equal(resent.context.attempts, 3);
	}
	const end = after(row, published, giveUp, published, skipped);
	assert.equal(end.value, 'expired');
	const output = { verdict: 'expired', attempts: 2, code: 'expired', neverRan: true };
	assert.deepEqual(end.output, output);
});

test('a message that was given up but had been accepted ends as accepted', () => {
	const end = after(row, published, giveUp, published, acked);
	assert.equal(end.value, 'accepted');
	assert.deepEqual(end.output, { verdict: 'accepted', attempts: 2, wasAccepted: true });
});

test('a message that was given up but had been refused keeps the reason of the receiver', () => {
	const end = after(row, published, giveUp, refused);
	assert.equal(end.value, 'refused');
	assert.equal(end.context.code, 'unknown_method');
});

test('a restored message goes on as its row says', () => {
	const seen = after({ ...row, attempts: 2 });
	assert.equal(seen.value, 'queued');
	assert.equal(after({ ...row, attempts: 2 }, giveUp).value, 'skipping');
	assert.equal(after({ ...row, published: true }, giveUp).value, 'skipping');
	assert.equal(after({ ...row, attempts: 2, gaveUp: true }).value, 'skipping');
	const end = after({ ...row, attempts: 2, gaveUp: true }, published, acked);
	assert.deepEqual(end.output, { verdict: 'accepted', attempts: 3, wasAccepted: true });
});

test('attempts are spent at attemptsMax, and never when there is no limit', () => {
	const thrice = [published, retry, published, retry, published];
	assert.equal(spent(after(row, ...thrice.slice(0, 3)).context), false);
	assert.equal(spent(after(row, ...thrice).context), true);
	assert.equal(spent(after({ ...row, attemptsMax: 0 }, ...thrice).context), false);
});

test('whatever happens, counts never fall, and never ran is only said of what was answered so', () => {
	const anyEvent = fc.constantFrom<DeliveryEvent>(
		published,
		published,
		retry,
		giveUp,
		giveUp,
		acked,
		refused,
		skipped,
	);
	fc.assert(
		fc.property(fc.array(anyEvent, { maxLength: 15 }), (events) => {
			let snapshot = deliveryLogic.begin(row);
			let last: DeliveryEvent | undefined;
			for (const event of events) {
				const before = snapshot;
				snapshot = deliveryLogic.step(before, event);
				if (before.status === 'done') assert.equal(snapshot, before);
				else last = event;
				assert.ok(snapshot.context.attempts >= before.context.attempts);
				assert.ok(snapshot.context.published || !before.context.published);
			}
			if (snapshot.status !== 'done') return;
			const { context, output } = snapshot;
			assert.equal(output.neverRan, output.verdict === 'accepted' ? undefined : true);
			if (output.neverRan && context.published) {
				assert.ok(last === skipped || last === refused);
			}
			assert.equal(output.wasAccepted, last === acked && context.gaveUp ? true : undefined);
		}),
		{ numRuns: 1000 },
	);
});
