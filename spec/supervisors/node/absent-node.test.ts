import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import type { Answer } from '../../../runtime/network/transport.ts';
import { type Fleet, startFleet } from '../../support/processes.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

let fleet: Fleet;
before(async () => {
	fleet = await startFleet(['central', 'ship1']);
});
after(() => fleet?.stop());

const idsOf = (answers: readonly Answer[]): string[] =>
	answers.map((answer) => ('id' in answer ? answer.id : assert.fail(answer.detail)));
const many = (count: number, message: object): object[] =>
	Array.from({ length: count }, () => message);

test('while one node is away, messages to others, to other methods and to this node go on', async () => {
	const away = [
		...many(100, { toNode: 'ship2', method: 'REQPing' }),
		...many(100, { toNode: 'ship2', method: 'REQCliCommand', methodArgs: ['true'] }),
	];
	const waiting = idsOf(await fleet.send('central', away));
	// Behind all of these, as a caller that does not know that ship2 is away.
	const others = idsOf(
		await fleet.send('central', [
			...many(20, { toNode: 'ship1', method: 'REQPing' }),
			...many(20, { toNode: 'ship1', method: 'REQCliCommand', methodArgs: ['true'] }),
			...many(20, { toNode: 'central', method: 'REQPing' }),
		]),
	);
	const settled = await fleet.settled('central', others);
	assert.equal(settled.filter(({ state }) => state === 'done').length, others.length);
	const rows = (await fleet.ask('central', { reeve: 'messages', ids: waiting })) as MessageRow[];
	assert.equal(rows.filter((row) => row.settled).length, 0, 'none of them can have come first');
	assert.match(rows[0]?.why ?? '', /ship2 has never been seen/);

	await fleet.start('ship2');
	const late = await fleet.settled('central', waiting);
	assert.equal(late.filter(({ state }) => state === 'done').length, waiting.length);
});
