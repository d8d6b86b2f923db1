import assert from 'node:assert/strict';
import test from 'node:test';
import { createActor } from 'xstate';
import { createWindow } from '../../../actors/outbound/send-window.ts';
import { messageOf } from '../../support/messages.ts';
import type { PublisherInput } from '../../../actors/outbound/lane-sending.ts';
import { publisherLogic } from '../../../actors/outbound/publisher.ts';
import type { FrameSending, Unsendable } from '../../../runtime/network/frame-batching.ts';
import type { Network } from '../../../runtime/network/network.ts';
import { passAll } from '../../../runtime/platform/crash-points.ts';
import type { FrameContent } from '../../../runtime/protocol/frame.ts';
import { restored, type StoredOutRow } from '../../../runtime/delivery/outbox-row.ts';
import { createPresence } from '../../../runtime/network/presence.ts';
import { heldJournal, type OpenedJournal, openedJournal } from '../../support/open-journal.ts';
import { sendingSide } from '../../support/sending-lane.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import type { LaneAck } from '../../../runtime/protocol/acknowledgement.ts';

type Sent = Parameters<ReturnType<typeof sendingSide>['send']>;

/** A publisher of a lane with these messages; its receiver is online at first. */
async function publishing(
	opened: OpenedJournal,
	messages: Sent,
	values: Parameters<typeof sendingSide>[1] = {},
) {
	const side = sendingSide(opened, { resendMsMin: 1000, resendMsMax: 8000, ...values });
	if (messages.length > 0) await side.send(...messages);
	const { clock, signals, journal } = side;
	const presence = createPresence({ clock, signals });
	const link = { isUp: true };
	const sent: FrameContent[] = [];
	/** Empty frames, that ask whether the receiver can be reached. */
	const probes: FrameContent[] = [];
	const stale: string[] = [];
	let unsendable: Unsendable = () => true;
	const network = {
		isUp: () => link.isUp,
		sendFrame(_to: unknown, frame: FrameContent, how: FrameSending = { unsendable }) {
			if (frame.rows.length > 0) sent.push(frame);
			else probes.push(frame);
			({ unsendable } = how);
		},
	} as Network;
	const birth = (state: 'online' | 'offline', epoch = 1, storeId = 'store1') =>
		presence.learn({ v: 1, node: 'ship1', state, storeId, epoch });
	birth('online');
	const input: PublisherInput = {
		...side,
		lane: side.lane(),
		network,
		presence,
		passPoint: passAll,
		onStaleStore: (why) => stale.push(why),
	};
	const actor = createActor(publisherLogic, { input });
	const failures: unknown[] = [];
	actor.subscribe({ error: (thrown) => failures.push(thrown) });
	actor.start();
	return {
		...side,
		input,
		actor,
		sent,
		probes,
		stale,
		link,
		birth,
		failures,
		/** The wire says so of the last frame. */
		tooLarge: (seq: number) => unsendable(seq, 'too_large'),
		unsendable: (seq: number, why: 'hung_up' | 'barred') => unsendable(seq, why),
		ids: () =>
			sent.map(({ rows }) => rows.map(({ id, skip }) => (skip ? `skip ${id}` : id)).join()),
		ack: (ack: LaneAck) => actor.send({ type: 'ACK', ack, storeId: 'store1' }),
		/** Waits for the disk, then for what depends on it. */
		async flush() {
			await clock.settle();
			await journal.commit([]);
			await clock.settle();
		},
	};
}

const named = (...ids: string[]): Sent => ids.map((id) => ({ id }));

test('messages leave in order, and leave the journal when they are acknowledged', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c'));
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a']);
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a', 'b,c']);
	assert.equal(lane.sent[1]?.lo, 2);
	assert.equal(lane.sent[1]?.toStoreId, 'store1');
	lane.ack(lane.ackOf(3, 'c'));
	await lane.flush();
	assert.equal(lane.journal.count('outbox'), 0);
	assert.equal(lane.clock.pending(), 0, 'an empty lane has no timer');
});

test('what is not acknowledged is sent again, more and more rarely, with its counter on disk', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	const times: number[] = [];
	for (let second = 0; second < 100; second += 1) {
		const before = lane.sent.length;
		await lane.clock.advance(1000);
		await lane.flush();
		if (lane.sent.length > before) times.push(second);
	}
	assert.ok(times.length >= 5 && times.length <= 10, times.join());
	const gaps = times.slice(1).map((time, at) => time - (times[at] ?? 0));
	for (const gap of gaps) assert.ok(gap >= 10 && gap <= 19, gaps.join());
	const stored = lane.journal.get<StoredOutRow>('outbox', [lane.lane().name, 1]);
	assert.equal(stored && restored(1, stored).attempts, lane.sent.length);
});

test('a lane waits while its receiver is away, and goes on by itself at its birth', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	lane.birth('offline');
	lane.actor.send({ type: 'ABSENT' });
	const before = lane.sent.length;
	await lane.clock.advance(3_600_000);
	assert.equal(lane.sent.length, before);
	assert.match(lane.lane().why, /offline/);
	lane.birth('online', 2);
	lane.actor.send({ type: 'PRESENT' });
	await lane.flush();
	assert.equal(lane.sent.length, before + 1);
});

test('a lane waits while this node has no link, and says so', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	lane.link.isUp = false;
	lane.actor.send({ type: 'LINK_DOWN' });
	assert.match(lane.lane().why, /not connected/);
	const before = lane.sent.length;
	await lane.clock.advance(60_000);
	lane.link.isUp = true;
	lane.actor.send({ type: 'LINK_UP' });
	await lane.flush();
	assert.equal(lane.sent.length, before + 1);
});

test('a message that no broker takes is skipped, and refused once the receiver knows that', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c'));
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a', 'b,c']);
	lane.tooLarge(2);
	lane.tooLarge(2);
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a', 'b,c', 'skip b,c']);
	assert.equal(lane.outcome('b'), undefined, 'an earlier publication of it may have come through');
	lane.ack(lane.ackOf(3, 'c', { except: [[2, 'skipped']] }));
	await lane.flush();
	assert.deepEqual(lane.ledger.get('b')?.result, {
		outcome: 'refused',
		code: 'too_large',
		detail: 'the broker takes no publication of this size',
	});
	assert.equal(lane.seen('delivery.refused').length, 1);
	assert.equal(lane.ledger.get('c')?.result, undefined, 'what came behind it is with its receiver');
});

test('a message that the broker takes and does not bring is refused, and the rest goes on', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c'), { dropsMax: 3 });
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	for (let second = 0; second < 200; second += 1) {
		const before = lane.probes.length;
		await lane.clock.advance(1000);
		await lane.flush();
		// The receiver gets nothing but the empty frames.
		if (lane.probes.length > before) lane.ack(lane.ackOf(1, 'a'));
		if (lane.ids().at(-1)?.startsWith('skip')) break;
	}
	assert.equal(lane.probes.length, 4, 'the skip has one behind it as well');
	assert.deepEqual(lane.ids().slice(-3), ['b', 'b', 'skip b']);
	lane.ack(lane.ackOf(2, 'b', { except: [[2, 'skipped']] }));
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'c');
	assert.equal(lane.ledger.get('b')?.result?.code, 'broker_refused');
});

test('of many messages of which the broker drops one, each goes alone until that one is found', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c', 'd'), { dropsMax: 3 });
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a', 'b,c,d']);
	for (let second = 0; second < 100 && lane.ids().at(-1) !== 'b'; second += 1) {
		await lane.clock.advance(1000);
		await lane.flush();
	}
	// It is in doubt, and only the empty frame is answered.
	lane.ack(lane.ackOf(1, 'a'));
	await lane.clock.advance(10_000);
	await lane.flush();
	lane.ack(lane.ackOf(2, 'b'));
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'c', 'not together with d');
	lane.ack(lane.ackOf(3, 'c'));
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'd');
});

test('a receiver that answers nothing at all does not get its messages refused', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'), { dropsMax: 1 });
	for (let second = 0; second < 300; second += 1) {
		await lane.clock.advance(1000);
		await lane.flush();
	}
	assert.ok(lane.probes.length > 3);
	assert.equal(lane.outcome('a'), undefined);
});

test('one publication that breaks the connection is refused, though not an owed outcome', async (t) => {
	const result = { outcome: 'done' } as const;
	const owed = { id: 'r', method: 'REQNone', inReplyTo: 'q', result };
	const lane = await publishing(openedJournal(t), [{ id: 'a' }]);
	await lane.flush();
	assert.equal(lane.unsendable(1, 'hung_up'), true);
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'skip a');
	lane.ack(lane.ackOf(1, 'a', { except: [[1, 'skipped']] }));
	await lane.flush();
	assert.equal(lane.ledger.get('a')?.result?.code, 'broker_refused');
	const { lane: other, seq } = lane.outbox.append(messageOf(owed));
	assert.equal(createWindow({ ...lane, lane: other }).isOwed(seq), true);
	const { seq: heavy } = lane.outbox.append(messageOf({ ...owed, id: 's', data: 'its output' }));
	assert.equal(
		createWindow({ ...lane, lane: other }).isOwed(heavy),
		false,
		'output can be left out',
	);
});

test('what waits for a barred topic is settled, and tried again when it has a skip', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c'));
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a']);
	lane.unsendable(1, 'barred');
	await lane.flush();
	const codes = ['a', 'b', 'c'].map((id) => lane.ledger.get(id)?.result);
	assert.deepEqual(
		codes.map((result) => [result?.outcome, result?.code]),
		[
			['interrupted', 'broker_refused'],
			['refused', 'broker_refused'],
			['refused', 'broker_refused'],
		],
		'the first one was under way',
	);
	assert.match(lane.lane().why, /hangs up/);
});

test('what an earlier store of the receiver may have run is not called refused', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b'));
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	lane.birth('online', 1, 'store2');
	lane.actor.send({ type: 'PRESENT' });
	await lane.flush();
	lane.tooLarge(2);
	await lane.flush();
	const skipped = lane.ackOf(2, 'b', { except: [[2, 'skipped']] });
	lane.actor.send({ type: 'ACK', ack: skipped, storeId: 'store2' });
	await lane.flush();
	assert.equal(lane.outcome('b'), 'interrupted');
});

test('an acknowledgement of a store that the receiver has no more resolves nothing', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b'));
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	lane.birth('online', 1, 'store2');
	lane.actor.send({ type: 'PRESENT' });
	await lane.flush();
	assert.equal(lane.sent.at(-1)?.toStoreId, 'store2');
	lane.ack(lane.ackOf(2, 'b'));
	await lane.flush();
	assert.equal(lane.journal.count('outbox'), 1, 'it came late, from the store before');
	lane.actor.send({ type: 'ACK', ack: lane.ackOf(2, 'b'), storeId: 'store2' });
	await lane.flush();
	assert.equal(lane.journal.count('outbox'), 0);
});

test('failures are over with the next acknowledgement: later mail is soon sent again', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	for (let second = 0; second < 100; second += 1) {
		await lane.clock.advance(1000);
		await lane.flush();
	}
	// In the longest pause by now, of 4 to 8 seconds.
	lane.ack(lane.ackOf(1, 'a'));
	await lane.send({ id: 'b', ACKTimeout: 1 });
	lane.actor.send({ type: 'MAIL' });
	await lane.flush();
	const before = lane.sent.length;
	// Overdue after a second, and the shortest pause is over after another two.
	await lane.clock.advance(3100);
	await lane.flush();
	assert.deepEqual([lane.sent.length, lane.ids().at(-1)], [before + 1, 'b']);
});

test('new mail does not postpone the moment at which an older message is overdue', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	for (let second = 0; second < 13; second += 1) {
		await lane.send({ id: `m${second}` });
		lane.actor.send({ type: 'MAIL' });
		await lane.clock.advance(1000);
	}
	await lane.flush();
	assert.ok(lane.sent.length >= 2, 'the first message was sent again');
});

test('a hundred reports of one gap cost one resend', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b', 'c', 'd'));
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	const before = lane.sent.length;
	for (let at = 0; at < 100; at += 1) lane.ack(lane.ackOf(1, 'a', { nack: 'gap' }));
	await lane.flush();
	assert.equal(lane.sent.length, before + 1);
});

test('a receiver that asks for a pause gets it, but not one without end', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	lane.ack(lane.ackOf(0, '', { nack: 'mailbox_full', retryMs: 3000, credit: 0 }));
	await lane.clock.advance(2999);
	assert.equal(lane.sent.length, 1);
	await lane.clock.advance(1);
	await lane.flush();
	assert.equal(lane.sent.length, 2);
	lane.ack(lane.ackOf(0, '', { nack: 'mailbox_full', retryMs: 1e15, credit: 0 }));
	await lane.clock.advance(8000);
	await lane.flush();
	assert.equal(lane.sent.length, 3);
});

test('a message whose tries are over is skipped, and its sender is told when the receiver has answered', async (t) => {
	const lane = await publishing(openedJournal(t), [{ id: 'a', retries: 1 }]);
	await lane.flush();
	await lane.send({ id: 'b' });
	lane.actor.send({ type: 'MAIL' });
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a'], 'new mail does not end the wait of what is under way');
	await lane.clock.advance(12_000);
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'skip a');
	assert.equal(lane.outcome('a'), undefined);
	lane.ack(lane.ackOf(1, 'a', { except: [[1, 'skipped']] }));
	await lane.flush();
	assert.equal(lane.outcome('a'), 'expired');
	assert.equal(lane.seen('message.settled').length, 1);
});

test('an acknowledgement that is doubted resolves nothing, and tells that this store is an older copy', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	lane.ack(lane.ackOf(7, 'unknown'));
	assert.equal(lane.journal.count('outbox'), 1);
	assert.equal(lane.seen('delivery.doubted').length, 1);
	assert.equal(lane.stale.length, 1);
});

/** A publisher whose commits can be made to wait; `a` is under way, and more waits behind it. */
async function publishingOnHeldDisk(t: Parameters<typeof openedJournal>[0], messages: Sent) {
	const opened = openedJournal(t);
	const held = heldJournal(opened.journal);
	const lane = await publishing({ ...opened, journal: held.journal }, messages);
	await lane.flush();
	assert.deepEqual(lane.ids(), [messages[0]?.id]);
	return { ...lane, ...held, journal: held.journal };
}

test('a refusal or a skip is on disk before a frame lets the receiver forget it', async (t) => {
	for (const [code, outcome] of [
		['unknown_method', 'refused'],
		['skipped', 'expired'],
	] as const) {
		const lane = await publishingOnHeldDisk(t, named('a', 'b'));
		lane.hold();
		lane.ack(lane.ackOf(1, 'a', { except: [[1, code]] }));
		await lane.clock.settle();
		assert.equal(lane.lane().lo, 2);
		assert.deepEqual(lane.ids(), ['a'], `${code} is not on disk`);
		lane.release();
		await lane.flush();
		assert.equal(lane.outcome('a'), outcome);
		assert.deepEqual(lane.ids(), ['a', 'b']);
		assert.equal(lane.lane().heldBy, undefined);
		lane.actor.send({ type: 'SHUTDOWN' });
	}
});

test('a power cut: an outcome is told once it is flushed, not when it is only committed', async (t) => {
	const opened = openedJournal(t);
	const untils = new Set<string>();
	const journal: Journal = {
		...opened.journal,
		commit(changes, until = 'flushed') {
			if (changes.some(({ table }) => table === 'settled')) untils.add(until);
			return opened.journal.commit(changes, until);
		},
	};
	const lane = await publishing({ ...opened, journal }, named('a', 'b'));
	await lane.flush();
	lane.ack(lane.ackOf(1, 'a', { except: [[1, 'unknown_method']] }));
	await lane.flush();
	assert.equal(lane.outcome('a'), 'refused');
	assert.deepEqual([...untils], ['flushed']);
});

test('that a message is given up is on disk before a frame tells the receiver', async (t) => {
	const lane = await publishingOnHeldDisk(t, [{ id: 'a' }, { id: 'b' }, { id: 'c', ttl: 5 }]);
	lane.hold();
	lane.actor.send({ type: 'CANCEL', seq: 2 });
	lane.ack(lane.ackOf(1, 'a'));
	await lane.clock.settle();
	assert.deepEqual(lane.ids(), ['a'], 'the skip in the place of b');
	lane.release();
	await lane.flush();
	assert.deepEqual(lane.ids(), ['a', 'skip b,c']);
	lane.hold();
	await lane.clock.advance(6000);
	lane.ack(lane.ackOf(2, 'b', { except: [[2, 'skipped']] }));
	await lane.clock.settle();
	assert.deepEqual(lane.ids(), ['a', 'skip b,c'], 'the skip in the place of c');
	lane.release();
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'skip c');
});

test('a publisher that takes the place of another waits for what that has not written', async (t) => {
	const lane = await publishingOnHeldDisk(t, named('a', 'b'));
	lane.hold();
	lane.ack(lane.ackOf(1, 'a', { except: [[1, 'unknown_method']] }));
	lane.actor.send({ type: 'SHUTDOWN' });
	const next = createActor(publisherLogic, { input: lane.input });
	next.start();
	await lane.clock.settle();
	assert.deepEqual(lane.ids(), ['a']);
	lane.release();
	await lane.flush();
	assert.equal(lane.ids().at(-1), 'b');
});

test('an acknowledgement that accepts everything delays no frame', async (t) => {
	const lane = await publishingOnHeldDisk(t, named('a', 'b'));
	lane.hold();
	lane.ack(lane.ackOf(1, 'a'));
	assert.deepEqual(lane.ids(), ['a', 'b']);
	lane.release();
	await lane.flush();
});

test('a late acknowledgement is as good as any, in every state', async (t) => {
	for (const state of ['waiting', 'backing off'] as const) {
		const lane = await publishing(openedJournal(t), named('a'));
		await lane.flush();
		if (state === 'waiting') lane.actor.send({ type: 'LINK_DOWN' });
		else await lane.clock.advance(10_000);
		lane.ack(lane.ackOf(1, 'a'));
		await lane.flush();
		assert.equal(lane.journal.count('outbox'), 0, state);
		lane.actor.send({ type: 'SHUTDOWN' });
	}
});

test('a publisher that is shut down sends nothing more, and leaves its rows for the next one', async (t) => {
	const lane = await publishing(openedJournal(t), named('a', 'b'));
	await lane.flush();
	lane.actor.send({ type: 'SHUTDOWN' });
	await lane.clock.advance(3_600_000);
	assert.equal(lane.sent.length, 1);
	assert.equal(lane.actor.getSnapshot().status, 'done');
	assert.equal(lane.clock.pending(), 0);
	assert.equal(lane.journal.count('outbox'), 2);
});

test('a process that was replaced sends nothing again', async (t) => {
	const opened = openedJournal(t);
	const lane = await publishing(opened, named('a'));
	await lane.flush();
	const before = lane.sent.length;
	opened.takeOver();
	await lane.clock.advance(60_000);
	await assert.rejects(lane.journal.commit([]), { code: 'fenced' });
	await lane.clock.settle();
	assert.equal(lane.sent.length, before);
	assert.deepEqual(lane.failures, []);
});

test('a lane says that it waits only when it does: not at its start, nor with its link', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	assert.deepEqual(lane.seen('delivery.waiting'), []);
	lane.link.isUp = false;
	lane.actor.send({ type: 'LINK_DOWN' });
	assert.equal(lane.seen('delivery.waiting').length, 1);
	lane.link.isUp = true;
	lane.actor.send({ type: 'LINK_UP' });
	await lane.flush();
	assert.equal(lane.seen('delivery.waiting').length, 1);
	assert.deepEqual(lane.ids(), ['a', 'a']);
});

test('a lane that waits says for what it waits now, also after its link has come back', async (t) => {
	const { link, birth, actor, lane } = await publishing(openedJournal(t), named('a'));
	birth('offline');
	actor.send({ type: 'ABSENT' });
	link.isUp = false;
	actor.send({ type: 'LINK_DOWN' });
	assert.match(lane().why, /not connected/);
	link.isUp = true;
	actor.send({ type: 'LINK_UP' });
	assert.match(lane().why, /ship1 is offline/);
});

test('clock jumps: how long an acknowledgement took is not told by the wall clock', async (t) => {
	const lane = await publishing(openedJournal(t), named('a'));
	await lane.flush();
	await lane.clock.advance(50);
	lane.clock.jump(-365 * 86_400_000);
	lane.ack(lane.ackOf(1, 'a'));
	await lane.flush();
	const acked = lane.signals.recent().filter(({ type }) => type === 'delivery.acked');
	assert.deepEqual(
		acked.map((signal) => Reflect.get(signal, 'tookMs')),
		[50],
	);
});
