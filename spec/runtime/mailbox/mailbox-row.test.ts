import assert from 'node:assert/strict';
import test from 'node:test';
import {
	packMailboxRow,
	readMailboxRow,
	scanMailbox,
	stretchOf,
} from '../../../runtime/mailbox/mailbox-row.ts';
import { messageTrigger } from '../../../actors/turn/trigger.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { mailOf } from '../../support/messages.ts';
import { openedJournal } from '../../support/open-journal.ts';
import type { Change } from '../../../runtime/journal/schema.ts';

const file = (arrival: number, mail: ReturnType<typeof mailOf>, sum = 0): Change => ({
	table: 'mailbox',
	key: ['REQPing', arrival],
	packed: packMailboxRow(mail, sum),
});

test('a row says all that was written of a message, and brings the message along', async (t) => {
	const { journal } = openedJournal(t);
	const data = Buffer.from([0, 1, 254, 255]);
	const fields = { id: 'm1', methodArgs: ['a', 'ü'], data, key: 'k' };
	const mail = mailOf(fields, { at: 7, deadline: 8, lane: 'l', seq: 9, repeat: true });
	await journal.commit([file(3, mail, 1000)]);
	const { body, ...rest } = mail;
	const whole = { ...rest, id: 'm1', arrival: 3, bytes: body.byteLength, sum: 1000 };
	assert.deepEqual(readMailboxRow(journal, ['REQPing', 3]), whole);
	assert.deepEqual(scanMailbox(journal, { from: ['REQPing', 0], to: ['REQPing', 9] }), [whole]);
	assert.equal(readMailboxRow(journal, ['REQPing', 4]), undefined);
});

test('what a message has not is not in its row', async (t) => {
	const { journal } = openedJournal(t);
	await journal.commit([
		file(1, mailOf({}, { deadline: Infinity })),
		file(2, mailOf({}, { answer: true, at: 0 })),
	]);
	const names = (arrival: number) =>
		Object.keys(readMailboxRow(journal, ['REQPing', arrival]) ?? {});
	const always = ['arrival', 'id', 'from', 'message', 'bytes', 'deadline', 'sum'];
	assert.deepEqual(names(1), always);
	assert.deepEqual(names(2), [...always, 'at', 'answer']);
	assert.equal(readMailboxRow(journal, ['REQPing', 1])?.deadline, Infinity);
});

test('rows of older versions, with names and a packed message, are read as well', async (t) => {
	const { journal } = openedJournal(t);
	const { message, body } = mailOf({ id: 'old' });
	const value = { id: 'old', from: 'central', body, deadline: 5, sum: 70, lane: 'l', seq: 2 };
	await journal.commit([{ table: 'mailbox', key: ['REQPing', 1], value }]);
	const { body: _, ...rest } = value;
	assert.deepEqual(readMailboxRow(journal, ['REQPing', 1]), {
		...rest,
		arrival: 1,
		message,
		bytes: body.byteLength,
	});
});

test('a mailbox is read to its end: rows of older versions, with a key that is refused today', async (t) => {
	const { journal } = openedJournal(t);
	const keys = ['k'.repeat(129), 'a\0b', 'fine'];
	const changes = keys.map((key, index) => {
		const { body } = mailOf({ id: `m${index}`, key });
		const value = { id: `m${index}`, from: 'central', body, deadline: 5, sum: 70 };
		return { table: 'mailbox', key: ['actor', index + 1], value } as const;
	});
	await journal.commit(changes);
	const rows = scanMailbox(journal, stretchOf('actor', 0));
	assert.deepEqual(
		rows.map(({ message }) => message.key),
		keys,
	);
	const events = rows.map((row) => messageTrigger(row).event);
	const codes = events.map((event) => (event instanceof ReeveError ? event.code : 'an event'));
	assert.deepEqual(codes.slice(0, 2), ['bad_name', 'bad_name']);
});
