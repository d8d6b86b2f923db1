/** A timer of a declared actor, over a SIGKILL of its node, by the clock on the wall. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { realClock } from '../../runtime/platform/clock.ts';
import { until } from '../support/condition.ts';
import { startFleet } from '../support/processes.ts';
import { startFromSources } from '../support/program.ts';

startFromSources();

const definitions = fileURLToPath(new URL('../../examples/actors', import.meta.url));
const flags = ['--definitionsFolder', definitions];
const timerMs = 10_000;
const awayMs = 4000;

test(
	'a timer of ten seconds fires once at its time, though its node is dead for four of them',
	{ timeout: 120_000 },
	async (t) => {
		const fleet = await startFleet([]);
		t.after(() => fleet.stop());
		await fleet.start('ship1', flags);
		const event = async (...methodArgs: string[]): Promise<string> => {
			const message = { toNode: 'ship1', method: 'disk-space', key: 'data', methodArgs };
			const [answer] = await fleet.send('ship1', [{ ...message, replyMethod: 'REQNone' }]);
			assert.ok(answer && 'id' in answer, JSON.stringify(answer));
			const [row] = await fleet.settled('ship1', [answer.id]);
			assert.equal(row?.state, 'done');
			return row?.output ?? '';
		};
		/** How often the actor has looked at the disk: at once, and each time that its timer fires. */
		const looks = async () => (JSON.parse(await event('TELL')) as { looks: number }).looks;
		const beforeIt = realClock.monotonic();
		const passed = () => realClock.monotonic() - beforeIt;
		const watch = { folder: fleet.folder, alertAt: 100, clearAt: 100, everyMs: timerMs };
		await event('WATCH', JSON.stringify(watch));
		while ((await looks()) < 1);
		// The look and the timer that follows it are one turn: both are on disk.
		const setAt = passed();
		await fleet.kill('ship1');
		await until('the node was away', () => passed() > setAt + awayMs);
		const startedAt = passed();
		await fleet.start('ship1', flags);
		const readyAt = passed();
		const early = await looks();
		assert.ok(passed() > timerMs || early === 1, 'it has not fired before its time');
		while ((await looks()) < 2) {
			const since = passed();
			await until('a moment has passed', () => passed() > since + 20);
		}
		const firedAt = passed();
		t.diagnostic(`set at ${setAt} ms, ready again at ${readyAt} ms, fired at ${firedAt} ms`);
		assert.ok(firedAt >= timerMs, `too early: ${firedAt} ms`);
		assert.ok(firedAt < startedAt + timerMs, `it began anew: ${firedAt} ms`);
		const later = passed() + 2000;
		await until('a while has passed', () => passed() > later);
		assert.equal(await looks(), 2, 'it fired once');
	},
);
