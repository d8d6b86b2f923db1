import assert from 'node:assert/strict';
import test from 'node:test';
import {
	createTurnRecorder,
	readTurns,
	type KeptTurn,
	type TurnRecorder,
} from '../../../actors/turn/turn-recorder.ts';
import { steppedClock, type SteppedClock } from '../../../runtime/platform/clock.ts';
import { configOf, type Config } from '../../../runtime/config/config.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { pack, unpack } from '../../../runtime/message/codec.ts';
import type { Change, Key } from '../../../runtime/journal/schema.ts';

/** A table in memory, and a turn recorder that writes to it. */
function setRecorder(given: Partial<Config>, { clockOfStore = false } = {}) {
	const clock = steppedClock();
	const config = configOf({ nodeName: 'ship1', ...given });
	const time = clockOfStore ? { now: () => clock.monotonic() } : clock;
	const recorder = createTurnRecorder({ actor: 'door', version: 3, clock, journal: time, config });
	if (!recorder) throw new Error('nothing is kept');
	const rows = new Map<string, { key: Key; value: unknown; bytes: number }>();
	const write = (changes: readonly Change[]): void => {
		for (const { key, value, packed } of changes) {
			const bytes = packed && Buffer.concat(packed);
			const row = { value: bytes ? unpack(bytes) : value, bytes: bytes?.byteLength ?? 0 };
			rows.set(JSON.stringify(key), { key, ...row });
		}
	};
	const journal: Pick<Journal, 'scan'> = {
		scan: <Value>() => [...rows.values()] as { key: Key; value: Value }[],
	};
	const numbers = () => readTurns(journal, 'door', '').map(({ turn }) => turn);
	return { clock, recorder, rows, write, journal, numbers };
}

function kept(recorder: TurnRecorder, turn: number, text = ''): KeptTurn {
	return recorder.keep({
		key: '',
		turn,
		event: { type: 'PUSH', ...(text ? { text } : {}) },
		value: turn % 2 === 0 ? 'shut' : 'open',
		effectRequests: [],
		isFresh: turn === 2,
		base: recorder.wantsBase(turn) ? Uint8Array.of(turn) : undefined,
	});
}

const range = (from: number, to: number) =>
	Array.from({ length: to - from + 1 }, (_, n) => from + n);

test('the turns of one transaction share a row, and are read back unchanged', async () => {
	const { clock, recorder, rows, write, journal } = setRecorder({});
	const turns: KeptTurn[] = [];
	for (const turn of [1, 2, 3]) {
		turns.push(kept(recorder, turn));
		await clock.advance(1000);
	}
	write(recorder.write('', turns));
	assert.equal(rows.size, 1);
	const at = clock.now();
	const common = { version: 3, event: { type: 'PUSH' } };
	assert.deepEqual(readTurns(journal, 'door', ''), [
		{ ...common, turn: 1, at: at - 3000, value: 'open' },
		{ ...common, turn: 2, at: at - 2000, value: 'shut', fresh: true },
		{ ...common, turn: 3, at: at - 1000, value: 'open' },
	]);
});

/** Lets an instance take `count` turns, as many at a time as chance says. */
async function takeTurns(
	{
		clock,
		recorder,
		write,
	}: Pick<ReturnType<typeof setRecorder>, 'recorder' | 'write'> & {
		readonly clock: SteppedClock;
	},
	count: number,
): Promise<void> {
	for (let turn = 1; turn <= count;) {
		const turns = 1 + Math.floor(clock.random() * 20);
		write(
			recorder.write(
				'',
				range(turn, Math.min(count, turn + turns - 1)).map((each) => kept(recorder, each)),
			),
		);
		turn += turns;
		await clock.advance(10);
	}
}

test('the last turns are kept and no others, for any split into transactions', async () => {
	for (const turnsKeptMax of [1, 5, 32]) {
		for (const count of [3, 40, 333]) {
			const set = setRecorder({ turnsKeptMax });
			await takeTurns(set, count);
			assert.deepEqual(set.numbers(), range(Math.max(1, count - turnsKeptMax + 1), count));
			assert.ok(set.rows.size <= turnsKeptMax + 7);
		}
	}
});

test('no row is larger than two turns may be', async () => {
	const { recorder, rows, write, numbers } = setRecorder({ turnBytesMax: 200 });
	const long = (turn: number) => 'x'.repeat((turn * 37) % 300);
	write(
		recorder.write(
			'',
			range(1, 30).map((turn) => kept(recorder, turn, long(turn))),
		),
	);
	assert.deepEqual(numbers(), range(1, 30));
	for (const { bytes } of rows.values()) assert.ok(bytes <= 400, `${bytes} bytes`);
	assert.ok(rows.size > 4);
});

test('rows of older versions, one for each turn, are read as well', async () => {
	const { recorder, write, journal, numbers, clock } = setRecorder({ turnsKeptMax: 4 });
	for (const turn of [6, 7, 8, 9]) {
		const value = pack({ turn, version: 1, at: clock.now() - 1, value: 'open' });
		write([{ table: 'turns', key: ['door', '', turn % 4], value }]);
	}
	assert.deepEqual(numbers(), [6, 7, 8, 9]);
	write(recorder.write('', [kept(recorder, 10), kept(recorder, 11)]));
	assert.deepEqual(numbers(), [8, 9, 10, 11]);
	assert.equal(readTurns(journal, 'door', '')[0]?.version, 1);
});

test('clock jumps: turns are read in their order although the clock was set in between', async () => {
	const { clock, recorder, write, numbers } = setRecorder(
		{ turnsKeptMax: 4 },
		{ clockOfStore: true },
	);
	for (const turn of range(1, 12)) {
		write(recorder.write('', [kept(recorder, turn)]));
		await clock.advance(1000);
		if (turn % 5 === 0) clock.jump(-365 * 86_400_000);
	}
	assert.deepEqual(numbers(), [9, 10, 11, 12]);
	// The instance is forgotten, and another of its key begins anew.
	clock.jump(-365 * 86_400_000);
	for (const turn of [1, 2]) {
		write(recorder.write('', [kept(recorder, turn)]));
		await clock.advance(1000);
	}
	assert.deepEqual(numbers().slice(0, 2), [1, 2]);
});
