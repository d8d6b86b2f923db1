import assert from 'node:assert/strict';
import test from 'node:test';
import { checkChildSpecs } from '../../../supervisors/otp/supervisor.ts';
import { childOf, createSupervision, fate, worker } from '../../support/supervised.ts';

/** Specifications with two faults each, and the one that is named. */
const twoFaults: readonly (readonly [more: object, fault: string])[] = [
	[{ restart: 'often', type: 'boss' }, 'invalid_restart'],
	[{ restart: 'often', significant: 'yes' }, 'invalid_restart'],
	[{ type: 'boss', significant: 'yes' }, 'invalid_significant'],
	[{ type: 'boss', significant: true }, 'bad_combination'],
	[{ shutdown: 'soon', significant: true }, 'bad_combination'],
	[{ shutdown: 'soon', significant: 'yes' }, 'invalid_significant'],
	[{ type: 'boss', shutdown: 'soon' }, 'invalid_child_type'],
	[{ shutdown: 'soon', limit: 3 }, 'invalid_shutdown'],
];

test('of several faults in one specification the one is named that OTP names', () => {
	for (const [more, fault] of twoFaults) {
		const answer = checkChildSpecs([{ ...worker('ch'), ...more }]);
		assert.equal('error' in answer && answer.fault, fault, JSON.stringify(more));
	}
});

test('shutdown 0 is allowed: the child is asked, and killed if it has not ended by then', async (t) => {
	const { clock, run } = createSupervision(t);
	const specs = [
		worker('ch1', { shutdown: 0, onShutdown: 'busy' }),
		worker('ch2', { shutdown: 0 }),
	];
	const top = await run('one_for_one', specs);
	const [busy, polite] = [await childOf(top, 'ch1'), await childOf(top, 'ch2')];
	const stopped = [top.terminateChild('ch1'), top.terminateChild('ch2')];
	await clock.advance(0);
	assert.deepEqual(await Promise.all(stopped), [{ ok: true }, { ok: true }]);
	assert.deepEqual([fate(busy), fate(polite)], ['killed', 'shutdown']);
});
