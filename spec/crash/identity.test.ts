import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { startHosts } from '../support/processes.ts';

/** Goes on until the test is over, also when its node has been killed. */
const long = (folder: string) => `while [ -e ${folder} ]; do sleep 0.2; done`;
const command = (toNode: string, script: string, more: object = {}) => ({
	toNode,
	method: 'REQCliCommand',
	methodArgs: ['bash', '-c', script],
	...more,
});

interface About {
	readonly nodeName: string;
	readonly storeId: string;
}

test('of two hosts with one node name the first keeps it, and the second works on by itself', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await Promise.all([central.ready, first.ready]);
	await first.logged(/name.granted/);
	const second = hosts.start({ node: 'ship1', host: 'two' });
	await second.ready;
	await second.logged(/name.denied.*/);
	const [about] = await second.ask<About>({ reeve: 'node' });
	assert.match(about?.nodeName ?? '', /^denied: ship1 lives .* on host one$/);

	const far = await central.send(command('ship1', 'echo $REEVE_STORE'));
	const [owner] = await first.ask<About>({ reeve: 'node' });
	assert.equal((await central.settled(far)).output?.trim(), owner?.storeId);
	const near = await second.send(command('ship1', 'echo here'));
	assert.equal((await second.settled(near)).output?.trim(), 'here');

	await first.end('SIGTERM');
	await second.logged(/name.granted/);
	const later = await central.send(command('ship1', 'echo $REEVE_STORE'));
	assert.equal((await central.settled(later)).output?.trim(), about?.storeId);
});

test('a node that is configured so ends rather than wait for its name', async (t) => {
	const hosts = await startHosts(t);
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.logged(/name.granted/);
	const second = hosts.start({
		node: 'ship1',
		host: 'two',
		flags: ['--onDuplicateName', 'exit'],
	});
	const { code, errors } = await second.ended;
	assert.equal(code, exitCodes.someFailed);
	assert.match(errors, /\(duplicate_node\)/);
});

test('a data folder that was copied to a second host runs nothing there while the original lives', async (t) => {
	const hosts = await startHosts(t);
	const mark = join(hosts.folder, 'mark');
	const original = hosts.start({ node: 'ship1', host: 'one' });
	await original.ready;
	// It is left in the mailbox, started, and the copy inherits it.
	const slow = command('ship1', `echo run >> ${mark}; ${long(hosts.folder)}`, {
		methodTimeout: 600,
		onCrash: 'retry',
	});
	await original.send(slow);
	while (
		(await original.ask<{ running: number }>({ reeve: 'processes' })).every(
			({ running }) => !running,
		)
	);
	const copy = join(hosts.folder, 'copy');
	const backup = await original.ask({ reeve: 'backup', folder: copy });
	assert.equal(backup.length, 1);

	const clone = hosts.start({ node: 'ship1', host: 'two', databaseFolder: copy });
	await clone.ready;
	const { code, errors } = await clone.ended;
	assert.equal(code, exitCodes.someFailed);
	assert.match(errors, /\(cloned_store\)/);
	assert.match(errors, /--adopt .*--fork/);
	assert.doesNotMatch(errors, /replay\.decided/);

	const fork = hosts.start({ node: 'ship9', host: 'two', databaseFolder: copy, flags: ['--fork'] });
	await fork.ready;
	await fork.logged(/name.granted/);
	const [about] = await fork.ask<About>({ reeve: 'node' });
	const [first] = await original.ask<About>({ reeve: 'node' });
	assert.notEqual(about?.storeId, first?.storeId);
	const aside = await fork.ask<{ table: string }>({ reeve: 'quarantine' });
	const names = aside.map(({ table }) => table);
	for (const table of ['ledger', 'mailbox', 'started']) assert.ok(names.includes(table), table);
	const ran = await fork.settled(await fork.send(command('ship9', `wc -l < ${mark}`)));
	assert.equal(ran.output?.trim(), '1', 'only the original has run it');
});

test('a data folder starts by itself in a new container if no other process uses it', async (t) => {
	const hosts = await startHosts(t);
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.logged(/name.granted/);
	const { databaseFolder } = first;
	const [before] = await first.ask<About>({ reeve: 'node' });
	await first.end('SIGKILL');
	const strict = hosts.start({
		node: 'ship1',
		host: 'two',
		databaseFolder,
		flags: ['--strictIdentity', 'true'],
	});
	const refused = await strict.ended;
	assert.notEqual(refused.code, 0);
	assert.match(refused.errors, /\(cloned_store\)/);

	const moved = hosts.start({ node: 'ship1', host: 'two', databaseFolder });
	await moved.ready;
	await moved.logged(/name.granted/);
	const done = await moved.settled(await moved.send(command('ship1', 'echo moved')));
	assert.equal(done.output?.trim(), 'moved');
	const [after] = await moved.ask<About>({ reeve: 'node' });
	assert.equal(after?.storeId, before?.storeId);
	await moved.end('SIGTERM');

	const home = hosts.start({
		node: 'ship1',
		host: 'two',
		databaseFolder,
		flags: ['--strictIdentity', 'true'],
	});
	await home.ready;
});

test('adopt takes over a moved folder without a claim', async (t) => {
	const hosts = await startHosts(t, 'mqtt://127.0.0.1:9');
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.ready;
	const { databaseFolder } = first;
	await first.end('SIGTERM');
	const moved = hosts.start({ node: 'ship1', host: 'two', databaseFolder, flags: ['--adopt'] });
	await moved.ready;
	const done = await moved.settled(await moved.send(command('ship1', 'echo adopted')));
	assert.equal(done.output?.trim(), 'adopted', 'although no broker can be reached');
});

test('of two processes on one data folder the older one ends, and does not write or speak again', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const older = hosts.start({ node: 'ship1', host: 'one' });
	await Promise.all([central.ready, older.logged(/name.granted/)]);
	const { databaseFolder } = older;
	const newer = hosts.start({ node: 'ship1', host: 'one', databaseFolder });
	await newer.ready;
	const { code, errors } = await older.ended;
	assert.equal(code, exitCodes.someFailed);
	assert.match(errors, /\(fenced\)/);
	const id = await central.send(command('ship1', 'echo alive'));
	assert.equal((await central.settled(id)).output?.trim(), 'alive');
	const rows = await central.ask<{ name: string; state: string }>({ reeve: 'nodes' });
	assert.equal(rows.find(({ name }) => name === 'ship1')?.state, 'online');
});

test('a node that is started twice by mistake does not replace the one that runs', async (t) => {
	const hosts = await startHosts(t);
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.ready;
	const { databaseFolder } = first;
	const socketFolder = join(first.socket, '..');
	const flags = ['--socketFolder', socketFolder];
	const second = hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags });
	const { code, errors } = await second.ended;
	assert.notEqual(code, 0);
	assert.match(errors, /address_in_use/);
	const done = await first.settled(await first.send(command('ship1', 'echo still here')));
	assert.equal(done.output?.trim(), 'still here');
});

test('a copy of the folder on the same host is held back as well', async (t) => {
	const hosts = await startHosts(t);
	const first = hosts.start({ node: 'ship1', host: 'one' });
	await first.logged(/name.granted/);
	await first.end('SIGTERM');
	const copy = join(hosts.folder, 'copy');
	cpSync(first.databaseFolder, copy, { recursive: true });
	const { databaseFolder } = first;
	const again = hosts.start({ node: 'ship1', host: 'one', databaseFolder });
	await again.logged(/name.granted/);
	const clone = hosts.start({ node: 'ship1', host: 'one', databaseFolder: copy });
	const { errors } = await clone.ended;
	assert.match(errors, /\(cloned_store\)/);
	const done = await again.settled(await again.send(command('ship1', 'echo alive')));
	assert.equal(done.output?.trim(), 'alive');
});
