import assert from 'node:assert/strict';
import test from 'node:test';
import { createTimers } from '../../../runtime/pending/timers.ts';
import { openJournal } from '../../../runtime/journal/journal.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const timer = { actor: 'it', key: '', id: 'late', event: new Uint8Array(1), delayMs: 5 } as const;

test('timers that are set after the stop wake nothing: the journal may be closed by then', async (t) => {
	for (const policy of ['absolute', 'remaining'] as const) {
		const { journal, clock } = openedJournal(t);
		const timers = createTimers({ journal, clock });
		timers.open('it', () => assert.fail('it fires'));
		timers.stop();
		const row = timers.make({ ...timer, policy });
		timers.arm(row.dueAt);
		assert.equal(clock.pending(), 0);
		await journal.close();
		await clock.advance(120_000);
	}
});

test('a timer with its remaining time is not delayed by what was down before it was set', async (t) => {
	const folder = temporaryFolder(t);
	const clock = steppedClock(1);
	const open = () => {
		const journal = openJournal({ folder, clock, signals: createSignals(clock) });
		t.after(() => journal.close());
		return { journal, timers: createTimers({ journal, clock }) };
	};
	const set = async ({ journal, timers }: ReturnType<typeof open>, id: string) => {
		const row = timers.make({ ...timer, id, delayMs: 10_000, policy: 'remaining' });
		await journal.commit([timers.put(row)]);
		timers.stop();
		await journal.close();
		return row;
	};
	const early = await set(open(), 'early');
	clock.jump(50_000);
	const late = await set(open(), 'late');
	assert.equal(late.downMs, 50_000);
	clock.jump(7000);
	const last = open().timers;
	assert.equal(last.renewed(late).dueAt, late.dueAt + 7000, 'only the second time is made up for');
	assert.equal(last.renewed(early).dueAt, early.dueAt + 57_000);
});

test('timers that were stopped and are opened again, as after a restart of their supervisor, fire', async (t) => {
	const { journal, clock } = openedJournal(t);
	const timers = createTimers({ journal, clock });
	timers.stop();
	const row = timers.make({ ...timer, policy: 'absolute' });
	await journal.commit([timers.put(row)]);
	const fired: string[] = [];
	timers.open('it', ({ id }) => fired.push(id));
	await clock.advance(10);
	assert.deepEqual(fired, ['late']);
});
