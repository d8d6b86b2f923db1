import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { spawnReeve, startHosts } from '../support/processes.ts';
import { startFromSources } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { NodeRow } from '../../runtime/queries/question.ts';

startFromSources();

/** Goes on until the test is over, also when its node has been killed. */
const long = (folder: string) => `while [ -e ${folder} ]; do sleep 0.2; done`;
const command = (toNode: string, script: string, more: object = {}) => ({
	toNode,
	method: 'REQCliCommand',
	methodArgs: ['bash', '-c', script],
	...more,
});

interface About {
	readonly mode: string;
	readonly uncleanStarts: number;
	readonly storeId: string;
	readonly epoch: number;
}

const lines = (file: string) =>
	existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;

test('after three crashes a node starts in safe mode: it can be reached, runs nothing, and keeps everything', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	await central.ready;
	const mark = join(hosts.folder, 'mark');
	let ship = hosts.start({ node: 'ship1', host: 'one' });
	const { databaseFolder } = ship;
	const restart = (...flags: string[]) =>
		hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags });
	await ship.ready;
	const script = `echo run >> ${mark}; ${long(hosts.folder)}`;
	const more = { methodTimeout: 600, onCrash: 'retry' };
	const id = await central.send(command('ship1', script, more));
	for (let crash = 1; crash <= 3; crash += 1) {
		while (lines(mark) < crash) await ship.ask({ reeve: 'node' });
		await ship.end('SIGKILL');
		ship = restart();
		await ship.ready;
	}
	await ship.logged(/node.safe/);
	const [about] = await ship.ask<About>({ reeve: 'node' });
	assert.equal(about?.mode, 'safe');
	assert.equal(about?.uncleanStarts, 3);
	await assert.rejects(ship.send(command('ship1', 'true')), /safe_mode/);
	assert.equal(readFileSync(mark, 'utf8'), 'run\n'.repeat(3), 'nothing runs');
	const waiting = await ship.ask<{ waiting: number }>({ reeve: 'processes' });
	assert.equal(waiting.find(({ waiting: count }) => count > 0)?.waiting, 1, 'and nothing is lost');
	await ship.logged(/transport.up.*mqtt|mqtt.*transport.up/);
	let row: NodeRow | undefined;
	while (row?.mode !== 'safe') {
		row = (await central.ask<NodeRow>({ reeve: 'nodes' })).find(({ name }) => name === 'ship1');
	}
	assert.equal(row.state, 'online');

	await ship.end('SIGTERM');
	ship = restart('--normal');
	await ship.ready;
	while (lines(mark) < 4) await ship.ask({ reeve: 'node' });
	const [normal] = await ship.ask<About>({ reeve: 'node' });
	assert.equal(normal?.mode, 'normal');
	assert.equal((await central.ask<{ id: string }>({ reeve: 'messages' }))[0]?.id, id);
});

test('a sender that uses more lanes than are kept for it is told so, and its other lanes go on', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const ship = hosts.start({ node: 'ship1', host: 'one', flags: ['--lanesPerStoreMax', '2'] });
	await Promise.all([central.ready, ship.ready]);
	const states: string[] = [];
	for (const key of ['a', 'b', 'c', 'a']) {
		const row = await central.settled(await central.send(command('ship1', 'true', { key })));
		states.push(row.code ?? row.state);
	}
	assert.deepEqual(states, ['done', 'done', 'too_many_lanes', 'done']);
});

test('safe mode can be asked for', async (t) => {
	const hosts = await startHosts(t);
	const ship = hosts.start({ node: 'ship1', host: 'one', flags: ['--safe'] });
	await ship.ready;
	const [about] = await ship.ask<About>({ reeve: 'node' });
	assert.equal(about?.mode, 'safe');
	const central = hosts.start({ node: 'central', host: 'shore' });
	await central.ready;
	const id = await central.send(command('ship1', 'echo later'));
	while ((await central.ask<{ attempts: number }>({ reeve: 'messages' }))[0]?.attempts === 0);
	await ship.end('SIGTERM');
	const { databaseFolder } = ship;
	hosts.start({ node: 'ship1', host: 'one', databaseFolder });
	assert.equal((await central.settled(id)).output?.trim(), 'later', 'it was only told to wait');
	const words = ['run', '--configFolder', temporaryFolder(t), '--safe', '--normal'];
	const both = spawnReeve(words);
	const code = await new Promise((resolve) => both.once('exit', resolve));
	assert.equal(code, 2);
});

test('a program whose load does not end leads to safe mode, in which programs are left out and told', async (t) => {
	const hosts = await startHosts(t);
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'endless.mjs'), 'function neverEnds() { for (;;); }\nneverEnds();\n');
	for (const setting of ['--definitionsFolder', '--methodsFolder']) {
		const flags = [setting, folder, '--watchdogAfter', '1', '--uncleanStartsMax', '2'];
		let ship = hosts.start({ node: 'ship1', host: 'one', flags });
		const { databaseFolder } = ship;
		const again = (...more: string[]) =>
			hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags: [...flags, ...more] });
		for (let crash = 1; crash <= 2; crash += 1) {
			const { signal, errors } = await ship.ended;
			assert.equal(signal, 'SIGKILL', errors);
			ship = again();
		}
		await ship.ready;
		await ship.logged(/neverEnds.*endless\.mjs.*node\.stalled/);
		await ship.logged(/programs\.skipped/);
		const [about] = await ship.ask<About>({ reeve: 'node' });
		assert.equal(about?.mode, 'safe');
		await ship.end('SIGTERM');
		ship = again('--safe');
		await ship.ready;
		await ship.end('SIGTERM');
		ship = again('--normal');
		assert.equal((await ship.ended).signal, 'SIGKILL', 'it was asked for');
	}
});

/** A method that ends its whole process, and one that takes its time. */
const killer = (supervision: string, zod: string) => `
import { defineMethod } from ${supervision};
import { z } from ${zod};
import { appendFileSync } from 'node:fs';
const shared = { kind: 'CommandACK', ordering: 'concurrent', onCrash: 'retry', replies: true,
	args: z.array(z.string()), example: { methodArgs: ['file'] } };
const note = (file) => appendFileSync(file, 'start\\n');
export default defineMethod({ ...shared, name: 'REQKill', aliases: [], summary: 'Kills its node',
	run: async ({ methodArgs: [file] }) => { note(file); process.kill(process.pid, 'SIGKILL'); } });
`;

test('a message that kills its node is a dead letter after its attempts, and its neighbours are done', async (t) => {
	const hosts = await startHosts(t);
	const methods = join(hosts.folder, 'methods');
	mkdirSync(methods);
	const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
	const source = killer(
		url('../../runtime/method/method.ts'),
		JSON.stringify(import.meta.resolve('zod')),
	);
	writeFileSync(join(methods, 'package.json'), '{"type":"module"}');
	writeFileSync(join(methods, 'kill.ts'), source);
	const flags = ['--methodsFolder', methods, '--attemptsMax', '3', '--uncleanStartsMax', '100'];
	let ship = hosts.start({ node: 'ship1', host: 'one', flags });
	const { databaseFolder } = ship;
	await ship.ready;
	const beside = ['a', 'b', 'c'].map((name) => join(hosts.folder, name));
	const others: string[] = [];
	for (const file of beside) {
		const script = `echo start >> ${file}; [ $(wc -l < ${file}) -ge 2 ] || ${long(hosts.folder)}`;
		others.push(
			await ship.send(command('ship1', script, { methodTimeout: 600, onCrash: 'retry' })),
		);
	}
	for (;;) {
		const rows = await ship.ask<{ running: number; method: string }>({ reeve: 'processes' });
		if (rows.some(({ method, running }) => method === 'REQCliCommand' && running === 3)) break;
	}
	const kills = join(hosts.folder, 'kills');
	const deadly = 'deadly';
	// It may be dead before it can answer; the message is on disk by then.
	const letter = { toNode: 'ship1', method: 'REQKill', methodArgs: [kills], id: deadly };
	await ship.send(letter).catch(() => undefined);
	let lives = 1;
	for (;;) {
		const ended = await Promise.race([ship.ended, ship.settled(deadly).catch(() => undefined)]);
		if (ended && 'state' in ended) {
			assert.equal(ended.state, 'failed');
			assert.equal(ended.code, 'max_attempts');
			break;
		}
		await ship.ended;
		lives += 1;
		assert.ok(lives < 10, 'it never ends');
		ship = hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags });
		await Promise.race([ship.ready, ship.ended]).catch(() => undefined);
	}
	assert.equal(readFileSync(kills, 'utf8'), 'start\n'.repeat(3));
	for (const [index, id] of others.entries()) {
		const row = await ship.settled(id);
		assert.equal(row.state, 'done', `${index}: ${JSON.stringify(row)}`);
	}
	const dead = await ship.ask<{ id: string }>({ reeve: 'dead' });
	assert.deepEqual(
		dead.map(({ id }) => id),
		[deadly],
	);
});

test('a journal that would crash its process is set aside before, and reported to central', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await Promise.all([central.ready, first.ready]);
	const { databaseFolder } = first;
	const big = command('ship1', 'cat > /dev/null', { data: 'x'.repeat(200_000) });
	await first.settled(await first.send(big));
	await first.end('SIGTERM');
	truncateSync(join(databaseFolder, 'data.mdb'), 12_288);

	const third = hosts.start({ node: 'ship1', host: 'one', databaseFolder });
	await third.ready;
	await third.logged(/journal.quarantined/);
	const errors = join(central.socket, '../data');
	const done = await third.settled(await third.send(command('ship1', 'echo again')));
	assert.equal(done.output?.trim(), 'again');
	let told = '';
	while (!told.includes('damaged')) {
		const found = await central.settled(
			await central.send(command('central', `cat $(find ${errors} -type f) 2>/dev/null || true`)),
		);
		told = found.output ?? '';
	}
});

test('a backup made under load is complete, and a node starts with it', async (t) => {
	const hosts = await startHosts(t);
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.ready;
	const load = Array.from({ length: 30 }, () => first.send(command('ship1', 'true')));
	const folder = join(hosts.folder, 'backup');
	const words = ['backup', folder, '--socket', first.socket];
	const child = spawnReeve(words);
	const code = await new Promise((resolve) => child.once('exit', resolve));
	assert.equal(code, 0);
	await Promise.all((await Promise.all(load)).map((id) => first.settled(id)));
	const [before] = await first.ask<About>({ reeve: 'node' });
	await first.end('SIGTERM');

	const second = hosts.start({ node: 'ship1', host: 'one', databaseFolder: folder });
	await second.ready;
	await second.logged(/name.granted/);
	const [after] = await second.ask<About>({ reeve: 'node' });
	assert.equal(after?.storeId, before?.storeId);
	const done = await second.settled(await second.send(command('ship1', 'echo restored')));
	assert.equal(done.output?.trim(), 'restored');
});
