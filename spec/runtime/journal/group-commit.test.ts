import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import {
	createGroupCommit,
	type GroupCommitOptions,
} from '../../../runtime/journal/group-commit.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import type { Change } from '../../../runtime/journal/schema.ts';

const change = (number: number): Change => ({ table: 'dead', key: [number], value: number });
const many = (count: number) => Array.from({ length: count }, (_, at) => change(at));

/** A group commit on a disk that does what the test says. */
function createDisk(options: Partial<GroupCommitOptions> = {}) {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const written: (readonly Change[])[] = [];
	const disk = { fault: undefined as unknown, isReplaced: false, fenced: 0, flushes: 0 };
	const writer = createGroupCommit({
		clock,
		signals,
		async transact(changes) {
			await Promise.resolve();
			if (disk.fault !== undefined) throw disk.fault;
			if (disk.isReplaced) return false;
			written.push([...changes]);
			return true;
		},
		flushed: () => {
			disk.flushes += 1;
			return Promise.resolve();
		},
		onFenced: () => (disk.fenced += 1),
		...options,
	});
	return { clock, signals, written, disk, writer };
}

const keys = (batches: readonly (readonly Change[])[]) =>
	batches.map((batch) => batch.map(({ key }) => key[0]));

test('all who write in one turn of the event loop share one transaction and one flush', async () => {
	const { writer, written, disk } = createDisk();
	await Promise.all([1, 2, 3].map((number) => writer.commit([change(number)])));
	assert.deepEqual(keys(written), [[1, 2, 3]]);
	assert.equal(disk.flushes, 1);
});

test('what is written later comes later, whatever batch it is in', async () => {
	const { writer, written } = createDisk();
	const order: number[] = [];
	const commits = many(50).map(async (one, at) => {
		if (at % 7 === 0) await Promise.resolve();
		await writer.commit([one]);
		order.push(at);
	});
	await Promise.all(commits);
	const flat = keys(written).flat();
	assert.deepEqual(order, flat);
	assert.equal(flat.length, 50);
});

test('a transaction has a thousand changes at most, but one commit is never split', async () => {
	const { writer, written } = createDisk();
	await Promise.all([
		writer.commit(many(600)),
		writer.commit(many(600)),
		writer.commit(many(2500)),
	]);
	assert.deepEqual(
		written.map(({ length }) => length),
		[600, 600, 2500],
	);
});

test('a commit of nothing waits for all that came before it', async () => {
	const { writer, written } = createDisk();
	void writer.commit([change(1)]);
	await writer.commit([]);
	assert.deepEqual(keys(written), [[1]]);
});

test('who only waits shares the transaction of what was given last, however large it is', async () => {
	const { writer, written } = createDisk();
	const large = writer.commit(many(1500));
	await writer.commit([], 'committed');
	assert.deepEqual(
		written.map(({ length }) => length),
		[1500],
	);
	await large;
	assert.equal(written.length, 1);
});

test('who asks for the flush waits for it, and who asks for the commit does not', async () => {
	const flushes: (() => void)[] = [];
	const flushed = () => new Promise<void>((resolve) => flushes.push(resolve));
	const { writer, clock } = createDisk({ flushed });
	let isFlushed = false;
	const slow = writer.commit([change(1)]).then(() => (isFlushed = true));
	await writer.commit([change(2)], 'committed');
	await clock.settle();
	assert.equal(isFlushed, false);
	for (const flush of flushes) flush();
	await slow;
});

test('without durability on disk no writer waits for a flush', async () => {
	const flushed = () => assert.fail('nobody asked for it');
	const { writer } = createDisk({ durability: 'os', flushed });
	await writer.commit([change(1)]);
});

test('a disk that fails makes writers wait, in order, and says so once when it begins and ends', async () => {
	const { writer, written, disk, clock, signals } = createDisk();
	disk.fault = new Error('ENOSPC: no space left on device');
	const done: number[] = [];
	const commits = [1, 2].map(async (number) => {
		await writer.commit([change(number)]);
		done.push(number);
	});
	await clock.advance(60_000);
	assert.equal(writer.isHealthy(), false);
	const late = writer.commit([change(3)]).then(() => done.push(3));
	await clock.advance(1000);
	assert.deepEqual([done, written], [[], []]);
	disk.fault = undefined;
	await clock.advance(1000);
	await Promise.all([...commits, late]);
	assert.deepEqual(keys(written), [[1, 2], [3]]);
	assert.deepEqual(done, [1, 2, 3]);
	assert.equal(writer.isHealthy(), true);
	const { 'journal.failed': failed, 'journal.recovered': recovered } = signals.counts();
	assert.deepEqual([failed, recovered], [1, 1]);
	assert.equal(clock.pending(), 0);
});

test('a full disk is told from one that fails otherwise', async () => {
	for (const [fault, code] of [
		[new Error('MDB_MAP_FULL'), 'storage_full'],
		[new Error('Input/output error'), 'storage_full'],
		[new Error('ENOSPC'), 'storage_full'],
		[new Error('EACCES'), 'storage_failed'],
		['not even an error', 'storage_failed'],
	] as const) {
		const { writer, disk, clock, signals } = createDisk();
		disk.fault = fault;
		const commit = writer.commit([change(1)]);
		await clock.settle();
		disk.fault = undefined;
		await clock.advance(1000);
		await commit;
		const failed = signals.recent().find(({ type }) => type === 'journal.failed');
		assert.equal(failed && 'code' in failed && failed.code, code);
	}
});

test('the second promise that an error of the store may carry does not end the process', async () => {
	const clock = steppedClock();
	let tries = 0;
	const writer = createGroupCommit({
		clock,
		signals: createSignals(clock),
		transact() {
			tries += 1;
			if (tries > 1) return Promise.resolve(true);
			const commitError = Promise.reject(new Error('commit failed'));
			return Promise.reject(Object.assign(new Error('commit failed'), { commitError }));
		},
		flushed: () => Promise.resolve(),
	});
	const commit = writer.commit([change(1)]);
	await clock.advance(1000);
	await commit;
	assert.equal(tries, 2);
});

test('a writer that was replaced rejects all that wait and all that come, and says so once', async () => {
	const { writer, written, disk } = createDisk();
	disk.isReplaced = true;
	const commits = [
		writer.commit(many(900)),
		writer.commit(many(900)),
		writer.commit([], 'committed'),
	];
	for (const commit of commits) await assert.rejects(commit, { code: 'fenced' });
	await assert.rejects(writer.commit([change(1)]), { code: 'fenced' });
	assert.equal(disk.fenced, 1);
	assert.equal(writer.isHealthy(), false);
	await writer.stop(change(0));
	assert.deepEqual(written, []);
});

test('a stop waits for what was given, writes the last change, and refuses what comes later', async () => {
	const { writer, written, clock } = createDisk();
	const commits = [writer.commit(many(900)), writer.commit(many(900))];
	const stopped = writer.stop(change(-1));
	await assert.rejects(writer.commit([change(5)]), { code: 'stopping' });
	await Promise.all([stopped, ...commits]);
	assert.deepEqual(written.at(-1), [change(-1)]);
	await clock.settle();
	await assert.rejects(writer.commit([change(6)]), { code: 'stopping' });
	assert.equal(written.length, 3);
});

test('a stop waits for the flush of the last change: a power cut must not undo it', async () => {
	const flushes: (() => void)[] = [];
	const flushed = () => new Promise<void>((resolve) => flushes.push(resolve));
	const { writer, clock, written } = createDisk({ flushed });
	let isStopped = false;
	const stopped = writer.stop(change(-1)).then(() => (isStopped = true));
	await clock.settle();
	assert.deepEqual([written.length, isStopped], [1, false]);
	for (const flush of flushes) flush();
	await stopped;
});

test('nothing is written after the last change, whenever in a stop it is given', async () => {
	const { writer, written, clock } = createDisk();
	const stopped = writer.stop(change(-1));
	let isOver = false;
	const pushing = (async () => {
		const late: Promise<unknown>[] = [];
		while (!isOver) {
			late.push(writer.commit([change(1)]).catch((error: unknown) => error));
			await Promise.resolve();
		}
		return Promise.all(late);
	})();
	await stopped;
	isOver = true;
	await pushing;
	await clock.settle();
	assert.deepEqual(written.at(-1), [change(-1)]);
});

test('a stop waits for a disk that fails, but not for ever, and writes nothing out of order', async () => {
	const { clock, writer, written, disk } = createDisk();
	disk.fault = new Error('ENOSPC');
	const first = assert.rejects(
		// The disk recovers as soon as the first batch is given up: the second could be written.
		writer.commit(many(900)).finally(() => (disk.fault = undefined)),
		/stopping/,
	);
	const second = assert.rejects(writer.commit(many(900)), /stopping/);
	const stopped = writer.stop({ table: 'meta', key: ['running'], value: false });
	await clock.advance(4000);
	assert.equal(disk.flushes, 0);
	assert.ok(disk.fault);
	await clock.advance(2000);
	assert.equal(disk.fault, undefined);
	await Promise.all([first, second, stopped]);
	assert.deepEqual(written, [], 'what was given up is missing, and so must be all that came later');
});
