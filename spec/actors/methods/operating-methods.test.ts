import assert from 'node:assert/strict';
import test from 'node:test';
import type { MethodContext } from '../../../runtime/method/method.ts';
import { createMethodRunner } from '../../support/method-call.ts';

/** A node that has received `known`, and lets any sender take back `m1`. */
const received: NonNullable<MethodContext['received']> = {
	find: () => Promise.resolve(new Map([['m1', { state: 'done', copies: 1, attempts: 2 }]])),
	isCut: () => true,
	cancel: (id) => Promise.resolve(id === 'm1' ? 'cancelled' : undefined),
};

test('an audit answers in the order of the ids, also for those that it does not know', async (t) => {
	const runner = createMethodRunner(t);
	const output = await runner.run('audit', { data: '["m2","m1"]' }, { received });
	assert.deepEqual(JSON.parse(String(output?.data)), {
		storeId: 'store1',
		isCut: true,
		rows: [
			['unknown', 0, 0],
			['done', 1, 2],
		],
	});
});

test('an audit is refused what is no list of ids, and what it could not answer whole', async (t) => {
	const runner = createMethodRunner(t);
	for (const [data, code] of [
		['{', 'bad_json'],
		['{}', 'bad_message'],
		['[1]', 'bad_message'],
	] as const) {
		await assert.rejects(runner.run('audit', { data }, { received }), { code });
	}
	const many = JSON.stringify(Array.from({ length: 100 }, (_, number) => `m${number}`));
	const narrow = { received, outputBytesMax: 500 };
	await assert.rejects(runner.run('audit', { data: many }, narrow), { code: 'output_too_large' });
});

test('taking messages back counts those that were there', async (t) => {
	const runner = createMethodRunner(t);
	const output = await runner.run('cancel', { methodArgs: ['m1', 'm2'] }, { received });
	assert.equal(output?.data, '1 of 2\n');
});
