import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { seededChance } from '../../runtime/platform/clock.ts';
import { startHosts, type HostedProcess, type Hosts } from '../support/processes.ts';
import { effort } from '../support/effort.ts';

/** How often a service manager may have to start a node with a damaged store. */
const startsMax = 3;
const pageBytes = 4096;
/** `DAMAGE_SEEDS=100-200` tries others. */
const [firstSeed = 1, lastSeed = 2] = (process.env['DAMAGE_SEEDS'] ?? `1-${effort(2, 20)}`)
	.split('-')
	.map(Number);
const seeds = Array.from({ length: lastSeed - firstSeed + 1 }, (_, index) => firstSeed + index);

/** Starts a node again until it stays up. */
async function startAgain(hosts: Hosts, node: string, before: HostedProcess) {
	for (let start = 1; start <= startsMax; start += 1) {
		const next = hosts.start({
			node,
			host: node,
			databaseFolder: before.databaseFolder,
			flags: ['--normal', '--adopt', '--subscribersDataFolder', dataOf(before)],
		});
		const isUp = await next.ready.then(
			() => true,
			() => false,
		);
		if (isUp) return next;
	}
	return assert.fail('it does not come up');
}

const dataOf = ({ databaseFolder }: HostedProcess) => join(databaseFolder, '..', 'data');

/** Flips bits anywhere in the file, and some of them in its first two pages. */
function flipBits(databaseFolder: string, seed: number): void {
	const path = join(databaseFolder, 'data.mdb');
	const bytes = readFileSync(path);
	const random = seededChance(seed);
	const flips = 1 + Math.floor(random() * 30);
	for (let flip = 0; flip < flips; flip += 1) {
		const isHead = random() < 0.05;
		const at = Math.floor(random() * (isHead ? 2 * pageBytes : bytes.length));
		bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
	}
	writeFileSync(path, bytes);
}

const textOf = (number: number) => `${number} `.repeat(60);

/** A command that must run once, and whose text shows whether it is the one that was sent. */
const messageOf = (number: number, folder: string) => ({
	id: `m-${number}`,
	toNode: 'ship1',
	method: 'REQCliCommand',
	methodArgs: ['sh', '-c', `echo "$1" >> '${folder}/ran'`, 'sh', textOf(number)],
	methodTimeout: 30,
	ACKTimeout: 1,
	key: `${number % 4}`,
});

const count = 40;

/** What ran at the ship, in order; each text must be one that was sent, and be there once. */
function ranAt(folder: string): Set<number> {
	const path = join(folder, 'ran');
	const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
	const numbers = lines.map((line) => {
		const number = Number.parseInt(line, 10);
		assert.equal(line, textOf(number), 'nothing runs that was not sent');
		return number;
	});
	assert.equal(new Set(numbers).size, numbers.length, `something ran twice: ${numbers.join(' ')}`);
	return new Set(numbers);
}

/** A sender and a receiver, each with a store of its own. */
async function twoNodes(hosts: Hosts) {
	const central = hosts.start({ node: 'central', host: 'central' });
	const ship = hosts.start({ node: 'ship1', host: 'ship1' });
	await Promise.all([central.ready, ship.ready]);
	return { central, ship };
}

for (const seed of seeds) {
	const who = seed % 2 === 0 ? 'sender' : 'receiver';
	test(`a ${who} with flipped bits in its store comes up, does what is not damaged, and nothing else (seed ${seed})`, async (t) => {
		const hosts = await startHosts(t);
		const { central, ship } = await twoNodes(hosts);
		const folder = dataOf(ship);
		mkdirSync(folder, { recursive: true });
		for (let number = 0; number < count; number += 1) {
			await central.send(messageOf(number, folder));
		}
		// Whatever is under way: some have run, some wait here, and some there.
		await Promise.all([central.end('SIGKILL'), ship.end('SIGKILL')]);
		const before = ranAt(folder);
		flipBits((who === 'sender' ? central : ship).databaseFolder, seed);
		const [again] = await Promise.all([
			startAgain(hosts, 'central', central),
			startAgain(hosts, 'ship1', ship),
		]);
		const rows = await again.ask<{ id: string; state: string }>({ reeve: 'messages', limit: 100 });
		const known = rows.filter(({ id }) => id.startsWith('m-'));
		if (who === 'receiver') assert.equal(known.length, count, 'the sender keeps all of them');
		// A receiver may have lost what it had accepted, which its sender cannot know.
		const after = await again.send({
			...messageOf(count, folder),
			methodArgs: ['true'],
			id: 'after',
		});
		assert.equal((await again.settled(after)).state, 'done', 'its lanes go on');
		for (const number of before) assert.ok(ranAt(folder).has(number));
	});
}

/** What is done to the store of a stopped node. */
const harms: Readonly<Record<string, (path: string, size: number) => void>> = {
	'cut to nothing': (path) => truncateSync(path, 0),
	'cut to half': (path, size) => truncateSync(path, size / 2),
	'with a zeroed page': (path) => {
		const bytes = readFileSync(path);
		bytes.fill(0, pageBytes, 2 * pageBytes);
		writeFileSync(path, bytes);
	},
	'whose file is gone': (path) => rmSync(path),
};

for (const [name, harm] of Object.entries(harms)) {
	test(`a store ${name} is replaced at the first start, and that is told`, async (t) => {
		const hosts = await startHosts(t);
		const first = hosts.start({ node: 'central', host: 'one' });
		await first.ready;
		await first.settled(await first.send({ toNode: 'central', method: 'ping', id: 'm-1' }));
		await first.end('SIGTERM');
		const { databaseFolder } = first;
		const path = join(databaseFolder, 'data.mdb');
		harm(path, existsSync(path) ? readFileSync(path).length : 0);
		const again = hosts.start({ node: 'central', host: 'one', databaseFolder });
		await again.ready;
		await again.logged(/journal\.quarantined/);
		const done = await again.send({ toNode: 'central', method: 'ping', id: 'm-2' });
		assert.equal((await again.settled(done)).state, 'done');
		await again.end('SIGTERM');
	});
}

test('a lock file that is emptied or gone is made again, and costs nothing', async (t) => {
	const hosts = await startHosts(t);
	let node = hosts.start({ node: 'central', host: 'one' });
	const { databaseFolder } = node;
	await node.ready;
	await node.settled(await node.send({ toNode: 'central', method: 'ping', id: 'm-1' }));
	const lock = join(databaseFolder, 'lock.mdb');
	for (const lose of [() => truncateSync(lock, 0), () => rmSync(lock)]) {
		await node.end('SIGKILL');
		lose();
		node = hosts.start({ node: 'central', host: 'one', databaseFolder, flags: ['--normal'] });
		await node.ready;
		assert.equal((await node.settled('m-1')).state, 'done');
	}
});
