import assert from 'node:assert/strict';
import test from 'node:test';
import { formatTopic } from '../../../runtime/message/topics.ts';
import {
	createClaims,
	type ClaimNote,
	type ClaimParts,
} from '../../../runtime/network/name-claim.ts';
import { steppedClock, type SteppedClock } from '../../../runtime/platform/clock.ts';
import type { Publication, ClaimChannel } from '../../../runtime/network/transport.ts';
import { writeStatus, type Status } from '../../../runtime/protocol/status.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

const statusTopic = formatTopic('reeve', { part: 'status', node: 'ship1' });

/** A broker for claims: all connections receive everything, and the birth is retained. */
function broker() {
	const listeners = new Set<(topic: string, payload: Uint8Array) => void>();
	let retained: Uint8Array | undefined;
	const publish = (publication: Publication) => {
		if (publication.retain) retained = publication.payload;
		for (const see of listeners) see(publication.topic, publication.payload);
		return Promise.resolve('taken' as const);
	};
	return {
		publish,
		listen: (see: (topic: string, payload: Uint8Array) => void) => void listeners.add(see),
		status: (status: Partial<Status>) =>
			publish({ topic: statusTopic, payload: statusOf(status), qos: 1, retain: true }),
		/** A connection; `cut` loses it. */
		channel(): ClaimChannel & { cut(): void } {
			const { promise: lost, resolve: cut } = deferred();
			return {
				publish,
				lost,
				cut,
				onPacket(see) {
					if (retained) see(statusTopic, retained);
					listeners.add(see);
				},
			};
		},
	};
}

function statusOf(status: Partial<Status>): Uint8Array {
	return writeStatus({ v: 1, state: 'online', node: 'ship1', storeId: 'A', epoch: 1, ...status });
}

/** The claims of one process, and what became of them. */
function claimant(clock: SteppedClock, more: Partial<ClaimParts['self']> = {}, at = {}) {
	const granted: number[] = [];
	const denied: ClaimNote[] = [];
	const claims = createClaims({
		self: { node: 'ship1', storeId: 'A', epoch: 2, prefix: 'reeve', host: 'one', ...more },
		clock,
		claimMs: 5000,
		isAtHome: () => true,
		isOwner: () => true,
		onGranted: async (tookMs) => void granted.push(tookMs),
		onDenied: (by) => denied.push(by),
		...at,
	});
	return { claims, granted, denied };
}

/** A process that holds the name, and answers claims as the network of a node does. */
function incumbent(bus: ReturnType<typeof broker>, holder: ReturnType<typeof claimant>): void {
	bus.listen((topic, payload) => {
		if (topic === statusTopic) return;
		const answer = holder.claims.objection(payload);
		if (answer) queueMicrotask(() => void bus.publish(answer));
	});
}

test('a name that no node ever had is granted in a moment', async () => {
	const clock = steppedClock(1);
	const { claims, granted } = claimant(clock);
	const verdict = claims.conduct(broker().channel(), false);
	await clock.advance(20);
	assert.equal(await verdict, 'granted');
	assert.deepEqual(granted, [20]);
	assert.equal(clock.pending(), 0);
});

test('a normal restart is granted in a moment: the birth is that of its own earlier run', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ epoch: 1, host: 'one' });
	const verdict = claimant(clock).claims.conduct(bus.channel(), false);
	await clock.advance(20);
	assert.equal(await verdict, 'granted');
});

test('after a death, too', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ storeId: 'B', epoch: 9, state: 'offline' });
	const verdict = claimant(clock).claims.conduct(bus.channel(), false);
	await clock.advance(20);
	assert.equal(await verdict, 'granted');
});

const strangers: readonly (readonly [string, Partial<Status>, boolean])[] = [
	['another store', { storeId: 'B', host: 'one' }, true],
	['its own store on another host', { host: 'two' }, true],
	['its own store, in a later run', { epoch: 7, host: 'one' }, true],
	['its own store, which is not where it was', { host: 'one' }, false],
];
for (const [who, birth, isAtHome] of strangers) {
	test(`the birth of ${who} is waited out: five seconds of silence grant the name`, async () => {
		const clock = steppedClock(1);
		const bus = broker();
		await bus.status(birth);
		const { claims, granted } = claimant(clock, {}, { isAtHome: () => isAtHome });
		const verdict = claims.conduct(bus.channel(), false);
		await clock.advance(4999);
		assert.deepEqual(granted, []);
		await clock.advance(1);
		assert.equal(await verdict, 'granted');
	});
}

test('a living node of the name objects, and the claim is denied at once', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ storeId: 'B', host: 'two' });
	incumbent(bus, claimant(clock, { storeId: 'B', host: 'two' }));
	const newcomer = claimant(clock);
	assert.equal(await newcomer.claims.conduct(bus.channel(), false), 'denied');
	assert.deepEqual(
		newcomer.denied.map(({ storeId, host }) => [storeId, host]),
		[['B', 'two']],
	);
});

test('a process that has lost its store to a later one does not object', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ epoch: 1, host: 'one' });
	incumbent(bus, claimant(clock, { epoch: 1 }, { isOwner: () => false }));
	const verdict = claimant(clock, { epoch: 2 }).claims.conduct(bus.channel(), false);
	await clock.advance(20);
	assert.equal(await verdict, 'granted');
});

test('a death while it waits grants the name at once, unless it is that of an earlier run', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ storeId: 'B', epoch: 5 });
	const { claims, granted } = claimant(clock);
	const verdict = claims.conduct(bus.channel(), false);
	await clock.advance(100);
	await bus.status({ storeId: 'B', epoch: 4, state: 'offline' });
	await clock.advance(100);
	assert.deepEqual(granted, []);
	await bus.status({ storeId: 'B', epoch: 5, state: 'offline' });
	assert.equal(await verdict, 'granted');
	assert.deepEqual(granted, [200]);
});

test('of two that claim at the same time exactly one is granted the name', async () => {
	for (let seed = 1; seed <= 20; seed += 1) {
		const clock = steppedClock(seed);
		const bus = broker();
		await bus.status({ storeId: 'C' });
		const pair = [claimant(clock, { storeId: 'A' }), claimant(clock, { storeId: 'B' })];
		const verdicts = Promise.all(pair.map(({ claims }) => claims.conduct(bus.channel(), false)));
		await clock.advance(5000);
		assert.deepEqual((await verdicts).toSorted(), ['denied', 'granted'], `seed ${seed}`);
	}
});

test('of two that hear of each other at once exactly one is granted the name', async () => {
	for (let seed = 1; seed <= 20; seed += 1) {
		const clock = steppedClock(seed);
		const bus = broker();
		await bus.status({ storeId: 'C' });
		const pair = [claimant(clock, { storeId: 'A' }), claimant(clock, { storeId: 'B' })];
		/** What is published on it is brought once both listen. */
		const slow = () => {
			const publish = async (publication: Publication) => {
				await Promise.resolve();
				return bus.publish(publication);
			};
			return { ...bus.channel(), publish };
		};
		const verdicts = Promise.all(pair.map(({ claims }) => claims.conduct(slow(), false)));
		await clock.advance(5000);
		assert.deepEqual((await verdicts).toSorted(), ['denied', 'granted'], `seed ${seed}`);
	}
});

test('a claim that the broker has kept was about something earlier, and denies nothing', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ storeId: 'C' });
	const { claims, denied } = claimant(clock);
	const [claimTopic = ''] = claims.filters;
	const about = { v: 1, node: 'ship1', storeId: 'B', epoch: 9, host: 'two', process: '' };
	const kept = Buffer.from(JSON.stringify({ ...about, type: 'claim' }));
	const channel = bus.channel();
	const verdict = claims.conduct(
		{
			...channel,
			onPacket(see) {
				channel.onPacket(see);
				see(claimTopic, kept, { isRetained: true });
			},
		},
		false,
	);
	await clock.advance(5000);
	assert.deepEqual([await verdict, denied], ['granted', []]);
});

test('of two starts of one store that claim at the same time the later one is granted the name', async () => {
	for (let seed = 1; seed <= 20; seed += 1) {
		const clock = steppedClock(seed);
		const bus = broker();
		await bus.status({ storeId: 'C' });
		const epochs = seed % 2 === 0 ? [2, 3] : [3, 2];
		const pair = epochs.map((epoch) => claimant(clock, { epoch }));
		const verdicts = Promise.all(pair.map(({ claims }) => claims.conduct(bus.channel(), false)));
		await clock.advance(5000);
		const wanted = epochs.map((epoch) => (epoch === 3 ? 'granted' : 'denied'));
		assert.deepEqual(await verdicts, wanted, `seed ${seed}`);
	}
});

test('a contested claim waits in any case: another node has just taken the name', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	await bus.status({ state: 'online', epoch: 2 });
	const { claims, granted } = claimant(clock);
	const verdict = claims.conduct(bus.channel(), true);
	await clock.advance(4000);
	await bus.status({ state: 'offline', epoch: 2 });
	await clock.advance(999);
	assert.deepEqual(granted, []);
	await clock.advance(1);
	assert.equal(await verdict, 'granted');
});

test('a claim whose connection is lost decides nothing, and leaves no timer', async () => {
	const clock = steppedClock(1);
	const { claims, granted, denied } = claimant(clock);
	const channel = { ...broker().channel(), publish: () => Promise.resolve('taken' as const) };
	const verdict = claims.conduct(channel, false);
	channel.cut();
	assert.equal(await verdict, 'lost');
	await clock.advance(10_000);
	assert.deepEqual([granted, denied], [[], []]);
	assert.equal(clock.pending(), 0);
});

test('what is no note, and no birth, changes nothing', async () => {
	const clock = steppedClock(1);
	const bus = broker();
	const { claims } = claimant(clock);
	const garbage = ['', 'null', '[]', '{', '{"v":1,"type":"deny"}', '{"v":2,"type":"claim"}'];
	for (const text of garbage) {
		assert.equal(claims.objection(Buffer.from(text)), undefined, text);
	}
	const [claimTopic = ''] = claims.filters;
	await bus.publish({ topic: statusTopic, payload: Buffer.from('{'), qos: 1, retain: true });
	const verdict = claims.conduct(bus.channel(), false);
	for (const text of garbage) {
		await bus.publish({ topic: claimTopic, payload: Buffer.from(text), qos: 1, retain: false });
	}
	await clock.advance(20);
	assert.equal(await verdict, 'granted');
});
