import assert from 'node:assert/strict';
import test from 'node:test';
import { setup } from 'xstate';
import { answer, defineActor, reply, type RunningNode } from '../../../supervisors/node/node.ts';
import { until } from '../../support/condition.ts';
import { startLocalFleet } from '../../support/local-nodes.ts';

type TalkEvent = { type: 'TELL' } | { type: 'PONDER' } | { type: 'SPEAK' };

const machine = setup({ types: { events: {} as TalkEvent } }).createMachine({
	id: 'talker',
	on: { TELL: { actions: reply('now') }, PONDER: {}, SPEAK: { actions: answer('late') } },
});
const talker = defineActor({ name: 'talker', version: 1, machine, answersLater: ['PONDER'] });

/** How promises end: their values, or the codes of their errors. */
function watch(promises: readonly Promise<unknown>[]) {
	const ends: string[] = [];
	for (const [at, promise] of promises.entries()) {
		promise.then(
			(value) => void (ends[at] = `resolved ${typeof value}`),
			(thrown: unknown) => void (ends[at] = String(Reflect.get(Object(thrown) as object, 'code'))),
		);
	}
	const isOver = () => ends.filter((each) => each !== '').length === promises.length;
	return { ends, isOver };
}

async function turns(count: number): Promise<void> {
	for (let left = count; left > 0; left -= 1) {
		await new Promise((resolve) => {
			setImmediate(resolve);
		});
	}
}

/** What a program may wait for at a node: asks and sends, here and abroad. */
function promisesOf(node: RunningNode): Promise<unknown>[] {
	const abroad = node.actor(talker, { to: 'ship9', key: 'k' });
	const here = node.actor(talker);
	return [
		here.ask({ type: 'PONDER' }, { timeoutMs: 900_000 }),
		here.ask({ type: 'TELL' }, { timeoutMs: 900_000 }),
		abroad.ask({ type: 'TELL' }, { timeoutMs: 900_000 }),
		here.send({ type: 'TELL' }),
		abroad.send({ type: 'TELL' }),
		node.api.accept({ toNode: 'central', method: 'REQPing' }, 'library'),
	];
}

for (const wait of [0, 1, 2, 3, 5, 20]) {
	test(`no promise of a node stays open over its stop, ${wait} turns after it was made`, async (t) => {
		const fleet = await startLocalFleet(t);
		const node = await fleet.start('central', {}, { actors: [talker] });
		const promises = promisesOf(node);
		await turns(wait);
		const stopping = node.stop();
		const late = promisesOf(node);
		const watched = watch([...promises, ...late]);
		await stopping;
		await until('all promises are settled', watched.isOver);
		const [ponder, , away] = watched.ends;
		assert.deepEqual([ponder, away], ['stopping', 'stopping']);
		const allowed = /^(?:stopping|resolved \w+)$/;
		for (const end of watched.ends) assert.match(end, allowed);
		const lateAsks = watched.ends.slice(promises.length, promises.length + 3);
		assert.deepEqual(lateAsks, ['stopping', 'stopping', 'stopping']);
		const after = watch(promisesOf(node));
		await until('all promises after the stop are settled', after.isOver);
		assert.deepEqual(after.ends.slice(0, 5), Array(5).fill('stopping'));
		assert.equal(after.ends[5], 'resolved object');
	});
}

test('streams of a node end with it, and a question after its stop is refused', async (t) => {
	const fleet = await startLocalFleet(t);
	const node = await fleet.start('central', {}, { actors: [talker] });
	const id = await node.actor(talker).send({ type: 'PONDER' });
	const signal = new AbortController().signal;
	const read = async (question: object): Promise<void> => {
		for await (const _ of node.api.ask(question, signal));
	};
	const watched = watch([
		read({ reeve: 'events', follow: true }),
		read({ reeve: 'watch', ids: [id] }),
	]);
	await turns(3);
	await node.stop();
	await until('the streams have ended', watched.isOver);
	for (const end of watched.ends) assert.match(end, /^(?:stopping|resolved undefined)$/);
	await assert.rejects(read({ reeve: 'node' }), { code: 'stopping' });
});

test('a node that is stopped twice, also at once, stops once', async (t) => {
	const fleet = await startLocalFleet(t);
	const node = await fleet.start('central', {}, { actors: [talker] });
	await Promise.all([node.stop('first'), node.stop('second')]);
	await node.stop('third');
	const stops = node.signals.recent().filter(({ type }) => type === 'node.stopped');
	assert.deepEqual(
		stops.map((each) => Reflect.get(each, 'reason') as unknown),
		['first'],
	);
	assert.match(await node.ended, /\w/);
});
