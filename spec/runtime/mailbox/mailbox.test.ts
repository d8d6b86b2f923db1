import assert from 'node:assert/strict';
import test from 'node:test';
import { turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import type { MailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { createMailbox, type Mailbox } from '../../../runtime/mailbox/mailbox.ts';
import { mailOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';

const method = 'REQPing';
const content = (id: string) => mailOf({ id });
/** The bytes of messages with these ids. */
const bytesOf = (...ids: string[]) => ids.reduce((sum, id) => sum + content(id).body.byteLength, 0);

/** A mailbox on a journal, and a run of it that ends when the test says so. */
function mailboxOn(opened: OpenedJournal, concurrency = 1) {
	const { journal } = opened;
	const mailbox = createMailbox({ method, journal, concurrency });
	const handed: string[] = [];
	const running = new Map<string, { settle: () => Promise<void>; fail: () => void }>();
	let look = () => {};
	const run = (row: MailboxRow) => {
		handed.push(row.id);
		return new Promise<void>((resolve, reject) => {
			running.set(row.id, {
				async settle() {
					running.delete(row.id);
					await journal.commit(mailbox.removal(row));
					resolve();
				},
				fail() {
					running.delete(row.id);
					reject(new Error('the node stops'));
				},
			});
			look();
		});
	};
	/** Files messages; what is `pushed` may be handed out. */
	const file = async (...ids: string[]) => {
		const placed = ids.map((id) => mailbox.place(content(id)));
		await journal.commit(placed.flatMap(({ changes }) => changes));
		return () => {
			for (const { row } of placed) mailbox.push(row);
		};
	};
	/** Resolves when this message runs. */
	const runs = (id: string) =>
		new Promise<void>((resolve) => {
			look = () => {
				if (running.has(id)) resolve();
			};
			look();
		});
	/** Settles messages as they come, until there are none. */
	const settleAll = async () => {
		while (mailbox.size() > 0) {
			await new Promise<void>((resolve) => {
				look = () => {
					if (running.size > 0) resolve();
				};
				look();
			});
			for (const { settle } of running.values()) await settle();
		}
	};
	return { ...opened, mailbox, handed, running, run, file, runs, settleAll };
}

const names = (count: number, prefix = 'm') =>
	Array.from({ length: count }, (_, at) => `${prefix}${at}`);
const mark = (mailbox: Mailbox, row: { arrival: number }) =>
	({
		table: 'started',
		key: [mailbox.method, row.arrival],
		value: { epoch: 1, attempts: 1 },
	}) as const;

test('messages are handed out in the order of their arrival, one at a time', async (t) => {
	const { mailbox, handed, run, file, runs, running, settleAll } = mailboxOn(openedJournal(t));
	mailbox.open(run);
	(await file('a', 'b', 'c'))();
	await runs('a');
	assert.deepEqual([[...running.keys()], mailbox.running(), mailbox.size()], [['a'], 1, 3]);
	await settleAll();
	assert.deepEqual(handed, ['a', 'b', 'c']);
	assert.equal(mailbox.size(), 0);
});

test('a message that was taken back before it was read from the disk is not handed out', async (t) => {
	const { mailbox, handed, run, settleAll, journal } = mailboxOn(openedJournal(t));
	const placed = ['a', 'b', 'c'].map((id) => mailbox.place(content(id)));
	await journal.commit(placed.flatMap(({ changes }) => changes));
	for (const { row } of placed) mailbox.push(row);
	const [, second] = placed;
	assert.ok(second);
	const withdraw = () => mailbox.withdraw(second.row.arrival);
	assert.deepEqual([withdraw(), withdraw()], [true, false]);
	mailbox.open(run);
	await journal.commit(mailbox.removal(second.row));
	await settleAll();
	assert.deepEqual(handed, ['a', 'c']);
});

test('several run at a time if the method allows it, and never more', async (t) => {
	const { mailbox, run, file, runs, running, settleAll } = mailboxOn(openedJournal(t), 3);
	mailbox.open(run);
	(await file(...names(10)))();
	await runs('m2');
	assert.equal(running.size, 3);
	await running.get('m1')?.settle();
	await runs('m3');
	assert.deepEqual([...running.keys()], ['m0', 'm2', 'm3']);
	await settleAll();
});

test('messages that came before the mailbox was opened are handed out when it is', async (t) => {
	const { mailbox, handed, run, file, settleAll } = mailboxOn(openedJournal(t));
	(await file('a', 'b'))();
	mailbox.open(run);
	(await file('c'))();
	await settleAll();
	assert.deepEqual(handed, ['a', 'b', 'c']);
});

test('three thousand messages, before, during and after the opening, are handed out once, in order', async (t) => {
	const { mailbox, handed, run, file, settleAll } = mailboxOn(openedJournal(t), 16);
	(await file(...names(1200, 'a')))();
	mailbox.open(run);
	const late = await file(...names(900, 'b'));
	const later = await file(...names(900, 'c'));
	late();
	const settling = settleAll();
	later();
	await settling;
	assert.deepEqual(handed, [...names(1200, 'a'), ...names(900, 'b'), ...names(900, 'c')]);
});

test('a message that is on disk but not pushed yet is not handed out before it is', async (t) => {
	const { mailbox, handed, run, file, runs } = mailboxOn(openedJournal(t), 8);
	mailbox.open(run);
	(await file('a'))();
	const push = await file('b');
	await runs('a');
	assert.deepEqual(handed, ['a']);
	push();
	await runs('b');
	assert.deepEqual(handed, ['a', 'b']);
});

test('what is not settled is there after a restart, in its order, with its bytes', async (t) => {
	const opened = openedJournal(t);
	const before = mailboxOn(opened);
	before.mailbox.open(before.run);
	(await before.file('a', 'b', 'c'))();
	await before.runs('a');
	await before.running.get('a')?.settle();
	const { mailbox, handed, run, settleAll } = mailboxOn(await opened.reopen());
	assert.deepEqual([mailbox.size(), mailbox.bytes()], [2, bytesOf('b', 'c')]);
	mailbox.open(run);
	await settleAll();
	assert.deepEqual(handed, ['b', 'c']);
});

test('what was started before a crash is not handed out, but listed', async (t) => {
	const opened = openedJournal(t);
	const { mailbox, journal } = mailboxOn(opened);
	const [a, b] = [mailbox.place(content('a')), mailbox.place(content('b'))];
	await journal.commit([...a.changes, ...b.changes, mark(mailbox, a.row)]);
	const after = mailboxOn(await opened.reopen());
	const [left] = after.mailbox.started();
	assert.deepEqual([left?.row.id, left?.start], ['a', { epoch: 1, attempts: 1 }]);
	after.mailbox.open(after.run);
	await after.runs('b');
	assert.deepEqual(after.handed, ['b']);
	if (left) await after.journal.commit(after.mailbox.removal(left.row));
	assert.deepEqual(after.mailbox.started(), []);
	assert.equal(after.journal.count('started'), 0);
});

test('a run that fails leaves its message for the next opening, and the next one runs', async (t) => {
	const { mailbox, handed, run, file, runs, running } = mailboxOn(openedJournal(t));
	mailbox.open(run);
	(await file('a', 'b'))();
	await runs('a');
	running.get('a')?.fail();
	await runs('b');
	assert.equal(mailbox.size(), 2);
	mailbox.reset();
	mailbox.open(run);
	await runs('a');
	assert.deepEqual(handed, ['a', 'b', 'a']);
});

test('a mailbox that is closed hands out nothing more, and waits for what runs', async (t) => {
	const { mailbox, handed, run, file, runs, running } = mailboxOn(openedJournal(t));
	mailbox.open(run);
	(await file('a', 'b'))();
	await runs('a');
	let isClosed = false;
	const closed = mailbox.close().then(() => (isClosed = true));
	(await file('c'))();
	assert.equal(isClosed, false);
	await running.get('a')?.settle();
	await closed;
	assert.deepEqual(handed, ['a']);
	mailbox.reset();
	mailbox.open(run);
	await runs('b');
});

test('a message that is sent at most once is run or dropped, and is never on disk', async (t) => {
	const { mailbox, journal, handed, run, runs, running } = mailboxOn(openedJournal(t));
	const volatile = (id: string) => mailbox.place({ ...content(id), volatile: true }).row;
	mailbox.push(volatile('dropped'));
	assert.deepEqual([mailbox.size(), mailbox.bytes()], [0, 0]);
	mailbox.open(run);
	mailbox.push(volatile('taken'));
	await runs('taken');
	await running.get('taken')?.settle();
	assert.deepEqual([handed, mailbox.size(), mailbox.bytes()], [['taken'], 0, 0]);
	assert.equal(journal.count('mailbox'), 0);
});

test('the size and the bytes are right from the moment at which a message has its place', async (t) => {
	const { mailbox, file, run, settleAll } = mailboxOn(openedJournal(t));
	const push = file('aaa', 'bb');
	assert.deepEqual([mailbox.size(), mailbox.bytes()], [2, bytesOf('aaa', 'bb')]);
	(await push)();
	mailbox.open(run);
	await settleAll();
	assert.deepEqual([mailbox.size(), mailbox.bytes()], [0, 0]);
});

test('two mailboxes of one journal know nothing of one another', async (t) => {
	const opened = openedJournal(t);
	const other = createMailbox({ method: 'REQPin', journal: opened.journal, concurrency: 1 });
	const { file } = mailboxOn(opened);
	(await file('a'))();
	assert.equal(other.size(), 0);
	other.open(() => assert.fail('it is not its message'));
});

test('a message whose start was written with its acceptance runs, also when so many wait that it is read from disk', async (t) => {
	const { mailbox, journal, handed, run, file, runs, running, settleAll } = mailboxOn(
		openedJournal(t),
		2,
	);
	const begin = (rows: readonly MailboxRow[]) =>
		rows.map(({ arrival }) => ({
			table: 'started' as const,
			key: [method, arrival],
			value: { epoch: journal.epoch, attempts: 1 },
		}));
	mailbox.open(run, begin);
	(await file('a', 'b'))();
	await runs('b');
	const many = Array.from({ length: 1000 }, (_, number) => `m${number}`);
	const push = await file(...many);
	for (const id of ['a', 'b']) await running.get(id)?.settle();
	while (mailbox.running() > 0) await turnOfTheLoop();
	const pushLast = await file('last');
	assert.equal(journal.count('started'), 1, 'only the last one is started');
	push();
	pushLast();
	await settleAll();
	assert.deepEqual(handed, ['a', 'b', ...many, 'last']);
});

test('what was begun with its acceptance runs once, also if its subscriber died meanwhile', async (t) => {
	const { mailbox, journal, run, running, handed, settleAll } = mailboxOn(openedJournal(t));
	const begin = (rows: readonly MailboxRow[]) => rows.map((row) => mark(mailbox, row));
	mailbox.open(run, begin);
	const [a] = [mailbox.place(content('a'))];
	assert.equal(a.changes.length, 2, 'its start is written with it');
	// The subscriber dies, and its successor looks before the transaction is visible.
	mailbox.reset();
	assert.deepEqual(mailbox.started(), []);
	await journal.commit(a.changes);
	mailbox.push(a.row);
	mailbox.open(run, begin);
	await settleAll();
	assert.deepEqual([handed, running.size], [['a'], 0]);

	await mailbox.enqueue(() => Promise.resolve());
	const b = mailbox.place(content('b'));
	await journal.commit(b.changes);
	mailbox.reset();
	assert.deepEqual(
		mailbox.started().map(({ row }) => row.id),
		['b'],
	);
	mailbox.push(b.row);
	mailbox.open(run, begin);
	await mailbox.enqueue(() => Promise.resolve());
	assert.deepEqual(handed, ['a'], 'whoever has looked sees to it');
});
