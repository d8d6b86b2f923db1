import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { createStatusPublisher } from '../../../runtime/network/status-publisher.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import type { Publication, Verdict, Wire } from '../../../runtime/network/transport.ts';
import { readStatus, type Status } from '../../../runtime/protocol/status.ts';

const death: Status = { v: 1, state: 'offline', node: 'ship1', storeId: 'A', epoch: 3 };

function announced(mode?: 'safe') {
	const published: Publication[] = [];
	const answers: { verdict: Verdict } = { verdict: 'taken' };
	const wire: Wire = {
		name: 'noted',
		publish(publication) {
			published.push(publication);
			return Promise.resolve(answers.verdict);
		},
	};
	const clock = steppedClock();
	const barred: string[] = [];
	const statusPublisher = createStatusPublisher({
		clock,
		self: {
			node: 'ship1',
			storeId: 'A',
			epoch: 3,
			prefix: '',
			methods: () => ['m'],
			host: 'one',
			mode,
		},
		wires: new Set([wire]),
		config: configOf({ hangUpsMax: 2 }),
		onBarred: (topic) => barred.push(topic),
	});
	const said = () => published.splice(0).map(({ payload }) => readStatus(payload));
	return { statusPublisher, clock, wire, said, barred, answers };
}

test('a birth names the host, and a node in safe mode says so', () => {
	for (const mode of [undefined, 'safe'] as const) {
		const { statusPublisher, said } = announced(mode);
		statusPublisher.begin();
		const [birth] = said();
		assert.equal(birth?.state, 'online');
		assert.equal(birth?.host, 'one');
		assert.equal(birth?.mode, mode);
	}
});

test('a birth is said again, less and less often, because a broker may have lost it', async () => {
	const { statusPublisher, clock, wire, said } = announced();
	statusPublisher.begin();
	assert.equal(said().length, 1);
	await clock.advance(10 * 60_000);
	assert.equal(said().length, 3, 'after 1, 2 and 4 minutes more');
	await clock.advance(24 * 3_600_000);
	assert.equal(said().length, 26, 'and then hour by hour');
	statusPublisher.up(wire);
	assert.equal(said().length, 1);
	await clock.advance(60_000);
	assert.equal(said().length, 1, 'a new connection begins anew');
	await statusPublisher.end();
	said();
	await clock.advance(24 * 3_600_000);
	assert.equal(said().length, 0);
	assert.equal(clock.pending(), 0);
});

test('what others leave on the topic of a node is contradicted at once, and once in a second', async () => {
	const { statusPublisher, clock, said } = announced();
	statusPublisher.contradict();
	assert.equal(said().length, 0, 'it is not announced yet');
	await clock.advance(1000);
	statusPublisher.begin();
	said();
	for (let time = 0; time < 100; time += 1) statusPublisher.contradict();
	assert.equal(said().length, 1);
	await clock.advance(1000);
	assert.equal(said().length, 1, 'what came meanwhile is contradicted, too');
	await clock.advance(10_000);
	assert.equal(said().length, 0);
	statusPublisher.contradict();
	statusPublisher.contradict();
	await statusPublisher.end();
	said();
	await clock.advance(10_000);
	assert.equal(said().length, 0);
});

test('a death in the name of a living node is contradicted, whichever run it is of', () => {
	const { statusPublisher, said } = announced();
	statusPublisher.begin();
	said();
	for (const epoch of [2, 3]) {
		statusPublisher.hear({ ...death, epoch });
		assert.deepEqual(
			said().map((status) => status?.state),
			['online'],
			`epoch ${epoch}`,
		);
	}
	statusPublisher.hear({ ...death, state: 'online', epoch: 2 });
	assert.equal(said().length, 1, 'the retained birth of an earlier run');
});

test('the echo of the own birth, and the birth of a stranger, are not contradicted', () => {
	const { statusPublisher, said } = announced();
	statusPublisher.begin();
	said();
	statusPublisher.hear({ ...death, state: 'online' });
	statusPublisher.hear({ ...death, state: 'online', storeId: 'B' });
	assert.deepEqual(said(), []);
});

test('a later start of the store is told, and not contradicted: this process may be at its end', () => {
	const { statusPublisher, said } = announced();
	statusPublisher.begin();
	said();
	assert.equal(statusPublisher.hear({ ...death, state: 'online', epoch: 4 }), true);
	assert.deepEqual(said(), []);
});

test('nothing is said before the begin, nor after the goodbye or the silence', async () => {
	const { statusPublisher, wire, said } = announced();
	statusPublisher.up(wire);
	statusPublisher.hear(death);
	assert.deepEqual(said(), []);
	statusPublisher.begin();
	await statusPublisher.end();
	statusPublisher.hear(death);
	assert.deepEqual(
		said().map((status) => status?.state),
		['online', 'offline'],
	);
	statusPublisher.begin();
	statusPublisher.silence();
	said();
	statusPublisher.hear(death);
	await statusPublisher.end();
	assert.deepEqual(said(), []);
});

test('one publication that breaks the connection: a birth is not said again for a while', async () => {
	const { statusPublisher, clock, wire, said, barred, answers } = announced();
	answers.verdict = 'hung_up';
	statusPublisher.begin();
	for (let times = 0; times < 5; times += 1) {
		statusPublisher.up(wire);
		await clock.settle();
	}
	assert.equal(said().length, 2);
	assert.deepEqual(barred, ['ship1/_status']);
	answers.verdict = 'taken';
	await clock.advance(2 * 3_600_000);
	assert.ok(said().length > 0);
	statusPublisher.silence();
});

test('a birth on which the broker hung up before, and which passed since, is not barred', async () => {
	const { statusPublisher, clock, wire, barred, answers } = announced();
	statusPublisher.begin();
	for (const verdict of ['hung_up', 'taken', 'hung_up', 'taken'] as const) {
		answers.verdict = verdict;
		statusPublisher.up(wire);
		await clock.settle();
	}
	assert.deepEqual(barred, []);
	statusPublisher.silence();
});
