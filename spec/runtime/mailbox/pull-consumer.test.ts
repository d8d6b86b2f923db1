import assert from 'node:assert/strict';
import test from 'node:test';
import type { MailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { createMailbox } from '../../../runtime/mailbox/mailbox.ts';
import { mailOf } from '../../support/messages.ts';
import { openedJournal } from '../../support/open-journal.ts';

const method = 'REQPin';

/** A mailbox, and what files messages in it. */
function openBox(t: Parameters<typeof openedJournal>[0]) {
	const { journal } = openedJournal(t);
	const mailbox = createMailbox({ method, journal, concurrency: 1 });
	const file = async (...ids: readonly string[]): Promise<void> => {
		const placed = ids.map((id) => mailbox.place(mailOf({ id }, { deadline: Infinity })));
		await journal.commit(placed.flatMap(({ changes }) => changes));
		for (const { row } of placed) mailbox.push(row);
	};
	return { mailbox, file };
}

/** Takes all that there is. */
function allOf(next: () => MailboxRow | undefined): readonly string[] {
	const ids: string[] = [];
	for (let row = next(); row; row = next()) ids.push(row.id);
	return ids;
}

test('who draws takes as many messages as he likes, in their order, and is told of new ones', async (t) => {
	const { mailbox, file } = openBox(t);
	await file('a', 'b');
	let told = 0;
	const pullConsumer = mailbox.pull(() => {
		told += 1;
	});
	assert.deepEqual(
		allOf(() => pullConsumer.next()),
		['a', 'b'],
	);
	assert.equal(mailbox.running(), 2);
	await file('c', 'd');
	assert.equal(told, 2);
	assert.deepEqual(
		allOf(() => pullConsumer.next()),
		['c', 'd'],
	);
	for (let count = 0; count < 3; count += 1) pullConsumer.over();
	assert.deepEqual([mailbox.running(), mailbox.size()], [1, 4]);
});

test('a pull consumer ends with its mailbox, and the next one gets what was not settled', async (t) => {
	const { mailbox, file } = openBox(t);
	await file('a', 'b', 'c');
	const first = mailbox.pull(() => assert.fail('nothing has come'));
	assert.equal(first.next()?.id, 'a');
	await mailbox.close();
	assert.equal(first.next(), undefined);
	mailbox.reset();
	const second = mailbox.pull(() => {});
	assert.equal(first.next(), undefined);
	assert.deepEqual(
		allOf(() => second.next()),
		['a', 'b', 'c'],
	);
	first.over();
	assert.equal(mailbox.running(), 3);
});

test('what a read does not show yet is handed out later, and not passed over', async (t) => {
	const { journal } = openedJournal(t);
	let shown = 1;
	const scan: typeof journal.scan = (table, stretch) =>
		journal.scan(table, stretch).filter(({ key }) => Number(key[1]) <= shown) as never;
	const mailbox = createMailbox({ method, journal: { ...journal, scan }, concurrency: 1 });
	for (const id of ['a', 'b', 'c']) {
		const { row, changes } = mailbox.place(mailOf({ id }, { deadline: Infinity }));
		await journal.commit(changes);
		mailbox.push(row);
	}
	const pullConsumer = mailbox.pull(() => {});
	const taken = () => allOf(() => pullConsumer.next());
	assert.deepEqual(taken(), ['a']);
	assert.deepEqual(taken(), []);
	shown = 3;
	assert.deepEqual(taken(), ['b', 'c']);
});
