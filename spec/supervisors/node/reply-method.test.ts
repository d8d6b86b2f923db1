import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { textIn, until } from '../../support/condition.ts';
import { type Fleet, startFleet } from '../../support/processes.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const bounded = { timeout: 60_000 };

let fleet: Fleet;
before(async () => {
	fleet = await startFleet(['central', 'ship1']);
});
after(() => fleet.stop());

async function run(fields: object): Promise<MessageRow> {
	const [answer] = await fleet.send('central', [{ toNode: 'ship1', directory: 'd', ...fields }]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled('central', [answer.id]);
	assert.ok(row);
	return row;
}

const result = (fileName: string) => textIn(join(fleet.data('central'), 'd/ship1', fileName));

test(
	"a command that takes a reply finds its data, and its own output goes to central's files",
	bounded,
	async () => {
		const { state } = await run({
			method: 'REQCliCommand',
			methodArgs: ['echo', 'the data'],
			replyMethod: 'REQCliCommand',
			replyMethodArgs: ['bash', '-c', 'echo "{{STEWARD_DATA}} and {{REEVE_DATA}}"'],
			fileName: 'own',
		});
		assert.equal(state, 'done');
		await until('its output is filed', () => result('own') === 'the data\n and the data\n\n');
	},
);

test(
	'lines that a file takes one over the other leave the last, not the nothing after it',
	bounded,
	async () => {
		const { state } = await run({
			method: 'REQCliCommandCont',
			methodArgs: ['bash', '-c', 'echo one; echo two'],
			replyMethod: 'REQToFile',
			fileName: 'last',
		});
		assert.equal(state, 'done');
		await until('the last line is there', () => result('last') === 'two\n');
		assert.equal((await run({ method: 'REQPing' })).state, 'done');
		assert.equal(result('last'), 'two\n');
	},
);

test(
	'a command that takes each line runs once for each, and not for the outcome',
	bounded,
	async () => {
		const { state } = await run({
			method: 'REQCliCommandCont',
			methodArgs: ['bash', '-c', 'echo one; echo two'],
			replyMethod: 'REQCliCommand',
			replyMethodArgs: ['bash', '-c', 'printf "%s;" "{{REEVE_DATA}}"'],
			fileName: 'each',
		});
		assert.equal(state, 'done');
		// Commands run beside one another.
		const parts = () =>
			result('each')
				.split(';')
				.map((part) => part.trim())
				.filter(Boolean)
				.toSorted();
		await until('both have run', () => parts().length === 2);
		assert.equal((await run({ method: 'REQPing' })).state, 'done');
		assert.deepEqual(parts(), ['one', 'two']);
	},
);

test('a node that sends a message to itself gets its lines and its outcome', bounded, async () => {
	const [answer] = await fleet.send('central', [
		{
			toNode: 'central',
			method: 'REQCliCommandCont',
			methodArgs: ['echo', 'here'],
			directory: 'own',
			fileName: 'f',
		},
	]);
	assert.ok(answer && 'id' in answer);
	const [row] = await fleet.settled('central', [answer.id]);
	assert.equal(row?.state, 'done');
	const file = join(fleet.data('central'), 'own/central/f');
	await until('the line is filed', () => textIn(file) === 'here\n');
});
