import assert from 'node:assert/strict';
import test from 'node:test';
import { createTimers } from '../../../runtime/pending/timers.ts';
import { openedJournal } from '../../support/open-journal.ts';

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
