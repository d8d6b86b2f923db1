import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { pause, realClock } from '../../runtime/platform/clock.ts';
import { textIn, until } from '../support/condition.ts';
import { openJournal } from '../../runtime/journal/journal.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import { type HostedProcess, startHosts } from '../support/processes.ts';
import type { TestScope } from '../support/temporary.ts';
import { createDisk, isMountable, type Disk } from '../torture/disk.ts';
import type { TreeRow } from '../../runtime/queries/question.ts';

/** Under CI a disk that cannot be mounted is a failure. */
const isCi = process.env['CI'] === 'true';
const skip = isCi || isMountable() ? false : 'no file system may be mounted here';

const diskBytes = 16 * 1024 * 1024;

/** A small disk, and a folder on it. */
function smallDisk(t: TestScope): { disk: Disk; databaseFolder: string } {
	const folder = mkdtempSync(join(tmpdir(), 'reeve-full-'));
	const disk = createDisk(join(folder, 'small'), diskBytes);
	t.after(() => {
		disk.end(false);
		rmSync(folder, { recursive: true, force: true });
	});
	assert.equal(disk.how, 'tmpfs');
	return { disk, databaseFolder: join(folder, 'small', 'db') };
}

/** Keeps the event loop of this process turning: the timers of the clock do not. */
function stayAwake(t: TestScope): void {
	const server = createServer().listen(0, '127.0.0.1');
	t.after(() => void server.close());
}

/** Large enough for a few to need more room than a journal has left over. */
const dataBytes = 20_000;

const append = (id: string) => ({
	toNode: 'ship1',
	method: 'REQToFileAppend',
	directory: 'd',
	fileName: 'lines',
	data: `${id.padEnd(dataBytes)}\n`,
	ACKTimeout: 1,
	id,
});

const idsOf = (tag: string, count: number) =>
	Array.from({ length: count }, (_, index) => `${tag}-${String(index + 1).padStart(2, '0')}`);

const linesOf = (path: string) =>
	existsSync(path) ? readFileSync(path, 'utf8').split(/ *\n/).slice(0, -1) : [];

/** The restarts that any supervisor of a node has counted. */
async function restarts(node: HostedProcess): Promise<number> {
	const sum = ({ restarts: own, children = [] }: TreeRow): number =>
		children.reduce((total, child) => total + sum(child), own);
	const [tree] = await node.ask<TreeRow>({ reeve: 'tree' });
	assert.ok(tree);
	return sum(tree);
}

async function untilUnwell(node: HostedProcess): Promise<void> {
	await node.logged(/journal\.failed/);
}

test(
	'a transaction that fails is repeated until there is space, and no rejection is unhandled',
	{ skip },
	async (t) => {
		const { disk, databaseFolder: folder } = smallDisk(t);
		stayAwake(t);
		const strays: unknown[] = [];
		const note = (thrown: unknown) => void strays.push(thrown);
		process.on('unhandledRejection', note);
		t.after(() => process.off('unhandledRejection', note));
		const signals = createSignals(realClock);
		const journal = openJournal({ folder, clock: realClock, signals });
		t.after(() => journal.close());
		const failed = new Promise<void>((resolve) => {
			signals.subscribe(({ type }) => {
				if (type === 'journal.failed') resolve();
			});
		});
		disk.fill(undefined);
		const value = 'x'.repeat(2000);
		const keys = Array.from({ length: 500 }, (_, index) => index + 1);
		const written = keys.map((key) => journal.commit([{ table: 'dead', key: [key], value }]));
		await failed;
		assert.equal(journal.isHealthy(), false);
		disk.free(undefined);
		await Promise.all(written);
		assert.equal(journal.count('dead'), keys.length);
		assert.deepEqual(strays, []);
	},
);

test(
	'a sender with a full disk refuses new messages, loses no accepted one, and goes on',
	{ skip },
	async (t) => {
		const { disk, databaseFolder } = smallDisk(t);
		const hosts = await startHosts(t);
		const sender = hosts.start({ node: 'central', host: 'one', databaseFolder });
		await sender.ready;
		const before = await sender.send(append('before'));
		disk.fill(undefined);
		// The receiver is not there yet: whatever is accepted has to wait in the sender's journal.
		const answers = idsOf('full', 60).map((id) => sender.send(append(id)));
		const told = Promise.allSettled(answers);
		await untilUnwell(sender);
		await assert.rejects(sender.send(append('refused')), /storage_full/);
		disk.free(undefined);
		const accepted = (await told).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
		assert.ok(accepted.length > 0, 'some were on their way to the disk, and have waited for it');
		const ship = hosts.start({ node: 'ship1', host: 'two' });
		await ship.ready;
		const after = await sender.send(append('after'));
		const wanted = [before, ...accepted, after];
		for (const id of wanted) assert.equal((await sender.settled(id)).state, 'done');
		const lines = linesOf(join(ship.socket, '..', 'data', 'd', 'ship1', 'lines'));
		assert.deepEqual(lines.toSorted(), wanted.toSorted());
		assert.equal(await restarts(sender), 0, 'no supervisor has noticed');
	},
);

test(
	'a receiver with a full disk acknowledges nothing, loses nothing, and goes on by itself',
	{ skip },
	async (t) => {
		const { disk, databaseFolder } = smallDisk(t);
		const hosts = await startHosts(t);
		const sender = hosts.start({ node: 'central', host: 'one' });
		const ship = hosts.start({ node: 'ship1', host: 'two', databaseFolder });
		await Promise.all([sender.ready, ship.ready]);
		const before = await sender.send(append('before'));
		assert.equal((await sender.settled(before)).state, 'done');
		disk.fill(undefined);
		const ids = idsOf('full', 40);
		for (const id of ids) await sender.send(append(id));
		await untilUnwell(ship);
		const [about] = await sender.ask<{ open: number }>({ reeve: 'node' });
		assert.ok(about && about.open > 0, 'what is not on the disk of its receiver is not done');
		await pause(realClock, 1500);
		disk.free(undefined);
		for (const id of ids) assert.equal((await sender.settled(id)).state, 'done');
		const lines = linesOf(join(ship.socket, '..', 'data', 'd', 'ship1', 'lines'));
		assert.deepEqual(lines, [before, ...ids]);
		assert.equal(await restarts(ship), 0, 'no supervisor has noticed');
	},
);

test(
	'an effect half done: output for a full data folder waits for space, whole, also over a crash',
	{ skip },
	async (t) => {
		const { disk, databaseFolder } = smallDisk(t);
		const data = join(databaseFolder, '..', 'data');
		const flags = ['--subscribersDataFolder', data];
		const hosts = await startHosts(t);
		const central = hosts.start({ node: 'central', host: 'one', flags });
		const ship = hosts.start({ node: 'ship1', host: 'two' });
		await Promise.all([central.ready, ship.ready]);
		const command = (id: string) => ({
			toNode: 'ship1',
			method: 'REQCliCommand',
			methodArgs: ['printf', '%s\n', id.padEnd(9000, '.')],
			directory: 'd',
			fileName: 'output',
			id,
		});
		const before = await central.send(command('before'));
		assert.equal((await central.settled(before)).state, 'done');
		disk.fill(undefined);
		const ids = idsOf('full', 5);
		for (const id of ids) await central.send(command(id));
		await central.logged(/call\.warned.*storage_full|storage_full.*call\.warned/);
		await central.end('SIGKILL');
		disk.free(undefined);
		const again = hosts.start({
			node: 'central',
			host: 'one',
			databaseFolder: central.databaseFolder,
			flags,
		});
		await again.ready;
		for (const id of ids) assert.equal((await again.settled(id)).state, 'done');
		const path = join(data, 'd', 'ship1', 'output');
		const wanted = ['before', ...ids].map((id) => `${id.padEnd(9000, '.')}\n`).toSorted();
		await until('all lines are there', () => textIn(path).length >= wanted.join('').length);
		const lines = textIn(path).split(/(?<=\n)/);
		assert.deepEqual(lines.toSorted(), wanted);
	},
);

test(
	'what a full disk has no space for is answered in time; cancel and drop work, and free space',
	{ skip, timeout: 90_000 },
	async (t) => {
		const { disk, databaseFolder } = smallDisk(t);
		const hosts = await startHosts(t);
		const central = hosts.start({ node: 'central', host: 'one', databaseFolder });
		await central.ready;
		const settled = await central.send({ toNode: 'central', method: 'ping' });
		assert.equal((await central.settled(settled)).state, 'done');
		// The receiver is not there: all of this waits in the store.
		const waiting = await Promise.all(idsOf('wait', 250).map((id) => central.send(append(id))));
		disk.fill(undefined);
		const answers = idsOf('full', 60).map((id) => central.send(append(id)));
		const told = (await Promise.allSettled(answers)).map(({ status }) => status);
		assert.equal(told.length, 60, 'each has an answer, although the disk is still full');
		await assert.rejects(central.send(append('refused')), /storage_full/);
		const large = { ...append('large'), data: 'x'.repeat(3_000_000) };
		await assert.rejects(central.send(large), /storage_full/);
		const states = async (reeve: string, ids: readonly string[]) =>
			(await central.ask<{ state?: string }>({ reeve, ids })).map(({ state }) => state);
		assert.deepEqual(await states('drop', [settled]), ['dropped']);
		assert.deepEqual([...new Set(await states('cancel', waiting))], ['cancelled']);
		assert.deepEqual([...new Set(await states('drop', waiting))], ['dropped']);
		await central.logged(/journal\.recovered/);
		const after = await central.send(append('after'));
		await assert.rejects(central.send({ ...large, id: 'still' }), /storage_full/);
		const ship = hosts.start({ node: 'ship1', host: 'two' });
		await ship.ready;
		assert.equal((await central.settled(after)).state, 'done');
		assert.equal(await restarts(central), 0, 'no supervisor has noticed');
	},
);
