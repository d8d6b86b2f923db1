import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { loadBare } from '../../../actors/turn/instance.ts';
import { createStartRecords } from '../../../actors/durable/start-record.ts';
import { seededChance } from '../../../runtime/platform/clock.ts';
import { createMailbox } from '../../../runtime/mailbox/mailbox.ts';
import type { MailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { startActorNode } from '../../support/actor-node.ts';
import { mailOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';
import { messageTrigger } from '../../../actors/turn/trigger.ts';

const bell = defineActor({
	name: 'bell',
	version: 1,
	machine: createMachine({ on: { RING: {} } }),
});

/** Start records, and a mailbox with as many messages. */
async function setRecords({ journal }: OpenedJournal, mails: number) {
	const box = createMailbox({ method: 'bell', journal, concurrency: 1 });
	const placed = Array.from({ length: mails }, (_, number) =>
		box.place(mailOf({ id: `m${number}`, method: 'bell', data: 'RING' })),
	);
	await journal.commit(placed.flatMap(({ changes }) => changes));
	const rows = placed.map(({ row }) => row);
	const records = createStartRecords({ definition: bell, journal, defers: () => false });
	const instance = loadBare({ definition: bell, journal }, '', 0);
	const begin = (some: readonly MailboxRow[]) =>
		journal.commit(records.of([{ instance, triggers: some.map((row) => messageTrigger(row)) }]));
	const started = () => [...records.read()].map(([mark]) => Number(JSON.parse(mark)[0]));
	return { rows, begin, started };
}

test('the messages of a batch are read back, in any order and with any gaps', async (t) => {
	const { rows, begin, started } = await setRecords(openedJournal(t), 60);
	const random = seededChance(7);
	for (let round = 0; round < 50; round += 1) {
		const share = random();
		const some = rows
			.filter(() => random() < share)
			.map((row) => ({ row, place: random() }))
			.toSorted((one, other) => one.place - other.place)
			.map(({ row }) => row);
		await begin(some);
		const arrivals = some.map(({ arrival }) => arrival).toSorted((one, other) => one - other);
		assert.deepEqual(started(), arrivals);
	}
});

test('a batch record of an older version is read, without messages that are gone', async (t) => {
	const opened = openedJournal(t);
	const { started } = await setRecords(opened, 3);
	const marks = [
		[1, 'm0'],
		[2, 'another'],
		[9, 'gone'],
	];
	const value = { epoch: 1, marks };
	await opened.journal.commit([{ table: 'started', key: ['bell', 'batch'], value }]);
	assert.deepEqual(started(), [1]);
});

test('a message that had its turn does not run alone after a crash, nor one with the same arrival', async (t) => {
	const node = await startActorNode(t, { actors: [bell], isOpen: false });
	await node.openHosts();
	await node.send('bell', 'RING');
	await node.idle('bell');
	const shut = await node.crash();
	await shut.send('bell', 'RING');
	const again = await shut.crash();
	await again.openHosts();
	await again.idle('bell');
	assert.deepEqual(again.seen('replay.decided'), []);
	assert.equal(again.stored('bell')?.turn, 2);
	await again.stop();
});
