import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { createOutbox } from '../../../runtime/delivery/outbox.ts';
import { createLedger } from '../../../runtime/ledger/ledger.ts';
import { createMailbox } from '../../../runtime/mailbox/mailbox.ts';
import { readStart, startChange } from '../../../runtime/mailbox/start-rows.ts';
import { scanMailbox } from '../../../runtime/mailbox/mailbox-row.ts';
import { packMessage } from '../../../runtime/message/codec.ts';
import { createDamagedRows, type DamagedFact } from '../../../runtime/journal/damaged-rows.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { rowsUnder, type Change } from '../../../runtime/journal/schema.ts';
import { flipIn } from '../../support/damage.ts';
import { messageOf } from '../../support/messages.ts';
import { openedJournal, type OpenedJournal } from '../../support/open-journal.ts';
import type { TestScope } from '../../support/temporary.ts';

/** A journal with these rows, in which a bit of each copy of `text` has been flipped. */
async function damagedAt(t: TestScope, text: string, changes: readonly Change[]) {
	const { folder, journal } = openedJournal(t);
	await journal.commit(changes);
	await journal.close();
	flipIn(folder, text);
	return openedJournal(t, folder);
}

function factsOf(journal: Journal): DamagedFact[] {
	const facts: DamagedFact[] = [];
	journal.onDamage((fact) => facts.push(fact));
	return facts;
}

const dead = (...values: readonly string[]) =>
	values.map((value, order) => ({ table: 'dead', key: [`${order}`], value }) as const);

test('a damaged row that has a place is kept there, and what was met before the opening is written', () => {
	const damaged = createDamagedRows();
	const written: (readonly Change[])[] = [];
	const bytes = Buffer.from('bytes');
	damaged.see('outbox', ['lane', 1], bytes);
	damaged.see('dead', ['1'], bytes);
	damaged.writeWith((changes) => void written.push(changes));
	damaged.see('mailbox', ['method', 1], bytes);
	const names = written.map((changes) =>
		changes.map(({ table, key }) => [table, ...key].join(' ')),
	);
	assert.deepEqual(names, [
		['damaged outbox lane 1', 'dead 1', 'damaged dead 1'],
		['damaged mailbox method 1'],
	]);
});

test('a damaged row is left out, told by table and key, and set aside with its bytes', async (t) => {
	const opened = await damagedAt(t, 'needle', dead('one', 'the needle', 'three'));
	const { journal } = opened;
	const facts = factsOf(journal);
	assert.equal(journal.get('dead', ['1']), undefined);
	const rows = journal.scan('dead', { ...rowsUnder(), limit: 2 });
	assert.deepEqual(
		rows.map(({ value }) => value),
		['one', 'three'],
		'a page has as many rows as were asked for',
	);
	assert.deepEqual(
		facts.map(({ table, key }) => [table, ...key]),
		[['dead', '1']],
		'once, however often it is read',
	);
	assert.match(facts[0]?.text ?? '', /^a damaged row of dead \(order 1\)/);
	await journal.commit([]);
	assert.equal(journal.count('dead'), 2);
	const [aside] = journal.scan<Buffer>('damaged', rowsUnder());
	assert.deepEqual(aside?.key, ['dead', '1']);
	assert.match(aside?.value.toString('latin1') ?? '', /the .eedle/);
	const next = await opened.reopen();
	assert.deepEqual(factsOf(next.journal), [], 'it is not there any more');
});

/** An outbox with three messages of one lane, whose bodies the ledger keeps or not. */
async function outboxDamagedAt(t: TestScope, text: string, bodyKeptBytesMax: number) {
	const config = configOf({ bodyKeptBytesMax });
	const opened = openedJournal(t);
	const partsOf = ({ journal, signals }: OpenedJournal) => {
		const ledger = createLedger({ journal, signals, config });
		return { journal, ledger, config, outbox: createOutbox({ journal, config, ledger }) };
	};
	const { journal, ledger, outbox } = partsOf(opened);
	for (const id of ['m-one', 'm-two', 'm-three']) {
		const message = messageOf({ id, data: `${id} `.repeat(20) });
		const { lane, seq, body, changes } = outbox.append(message);
		const entry = ledger.open(message, { lane: lane.name, seq }, body);
		await journal.commit([...changes, ...entry]);
	}
	await journal.close();
	flipIn(opened.folder, text);
	return partsOf(openedJournal(t, opened.folder));
}

const laneName = 'ship1/REQPing/EventACK/';

test('a damaged row of a lane is a skip in its place, and its lane goes on behind it', async (t) => {
	// The row of a message that is not in the ledger has the body: its entry is sound.
	const { outbox, journal } = await outboxDamagedAt(t, 'm-two m-two', 64);
	const lane = outbox.lane(laneName);
	assert.ok(lane);
	assert.deepEqual([lane.lo, lane.next], [1, 4]);
	outbox.fill(lane);
	assert.deepEqual(
		lane.rows.map(({ seq, id, skip }) => [seq, id, skip]),
		[
			[1, 'm-one', false],
			[2, 'm-two', true],
			[3, 'm-three', false],
		],
	);
	assert.deepEqual(
		factsOf(journal).map(({ table, key }) => [table, ...key]),
		[['outbox', laneName, 2]],
	);
});

test('a lane whose own row is damaged is found again by the rows that it has', async (t) => {
	// The name of a field that no other table has.
	const { outbox } = await outboxDamagedAt(t, 'next', 64);
	const lane = outbox.lane(laneName);
	assert.ok(lane);
	assert.deepEqual([lane.to, lane.method, lane.kind], ['ship1', 'REQPing', 'EventACK']);
	assert.deepEqual([lane.lo, lane.next, lane.repeatUpTo], [1, 4, 3]);
});

test('a damaged ledger entry costs its message the body, and no other', async (t) => {
	const { outbox, ledger } = await outboxDamagedAt(t, 'm-two m-two', 10_000);
	const lane = outbox.lane(laneName);
	assert.ok(lane);
	outbox.fill(lane);
	assert.deepEqual(
		lane.rows.map(({ id, skip, body }) => [id, skip, body.byteLength > 0]),
		[
			['m-one', false, true],
			['m-two', true, false],
			['m-three', false, true],
		],
	);
	assert.equal(ledger.get('m-two'), undefined);
});

test('a damaged message in a mailbox is not run; its sender is known where it can still be read', async (t) => {
	const message = messageOf({ id: 'm-1', fromNode: 'central', data: 'needle' });
	const opened = openedJournal(t);
	const box = createMailbox({ method: 'REQPing', journal: opened.journal, concurrency: 1 });
	const mail = { from: 'central', message, body: packMessage(message), at: 1, deadline: 9e12 };
	await opened.journal.commit([...box.place(mail).changes, ...box.place(mail).changes]);
	await opened.journal.close();
	flipIn(opened.folder, 'needle');
	const { journal } = openedJournal(t, opened.folder);
	const rows = scanMailbox(journal, rowsUnder());
	assert.deepEqual(
		rows.map(({ arrival, id, from, deadline }) => [arrival, id, from, deadline]),
		[
			[1, 'm-1', 'central', 0],
			[2, 'm-1', 'central', 0],
		],
	);
	assert.deepEqual(
		rows.map(({ message: { method, kind, data } }) => [method, kind, data]),
		rows.map(() => ['REQPing', 'CommandACK', undefined]),
		'nothing of its content is used',
	);
	const again = createMailbox({ method: 'REQPing', journal, concurrency: 1 });
	assert.equal(again.size(), 2);
});

test('a damaged start counts as one: what must not run twice is not run again', async (t) => {
	const progress = 'needle';
	const { journal } = await damagedAt(t, progress, [
		startChange(['REQPing', 1], { epoch: 1, attempts: 1, progress }),
	]);
	assert.deepEqual(readStart(journal, ['REQPing', 1]), { epoch: 0, attempts: 1 });
});
