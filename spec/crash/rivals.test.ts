import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { freePort } from '../support/broker.ts';
import {
	type HostedProcess,
	killGroup,
	lineOf,
	spawnReeve,
	startHosts,
} from '../support/processes.ts';

const command = (toNode: string, script: string) => ({
	toNode,
	method: 'REQCliCommand',
	methodArgs: ['bash', '-c', script],
});

interface About {
	readonly nodeName: string;
	readonly storeId: string;
}

async function aboutOf(node: HostedProcess): Promise<About> {
	const [about] = await node.ask<About>({ reeve: 'node' });
	assert.ok(about);
	return about;
}

/** Where commands for a name are run, as the stores of those who run them say; of several. */
async function whoRuns(sender: HostedProcess, name: string, count: number): Promise<Set<string>> {
	const ids: string[] = [];
	for (let sent = 0; sent < count; sent += 1) {
		ids.push(await sender.send(command(name, 'echo $REEVE_STORE')));
	}
	const rows = await Promise.all(ids.map((id) => sender.settled(id)));
	return new Set(rows.map(({ output = '' }) => output.trim()));
}

test('of two hosts that claim one name at the same moment exactly one gets it, and only it gets messages', async (t) => {
	const port = await freePort();
	const hosts = await startHosts(t, `mqtt://127.0.0.1:${port}`);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const rivals = ['one', 'two'].map((host) => hosts.start({ node: 'ship1', host }));
	await Promise.all([central, ...rivals].map(({ ready }) => ready));
	const broker = spawnReeve(['broker', '--without-login', '--listen', `127.0.0.1:${port}`]);
	t.after(() => killGroup(broker));
	await lineOf(broker, /mqtt:\/\//);
	// On a new broker both may take the name at first; then they hear of one another.
	const states = async () =>
		Promise.all(rivals.map(async (node) => ({ node, name: (await aboutOf(node)).nodeName })));
	const isSettled = (among: Awaited<ReturnType<typeof states>>) =>
		among.filter(({ name }) => name === 'ours').length === 1 &&
		among.some(({ name }) => name.startsWith('denied: ship1 lives '));
	let now = await states();
	while (!isSettled(now)) now = await states();
	const winner = now.find(({ name }) => name === 'ours')?.node;
	assert.ok(winner, 'one of them has it');
	assert.deepEqual(await whoRuns(central, 'ship1', 10), new Set([(await aboutOf(winner)).storeId]));
});

test('an original that starts again while its copy runs ends, and each message ran once', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const original = hosts.start({ node: 'ship1', host: 'one' });
	await Promise.all([central.ready, original.logged(/name\.granted/)]);
	await whoRuns(central, 'ship1', 3);
	const { databaseFolder } = original;
	await original.end('SIGTERM');
	const copied = join(hosts.folder, 'copied');
	cpSync(databaseFolder, copied, { recursive: true });
	const copy = hosts.start({ node: 'ship1', host: 'two', databaseFolder: copied });
	await copy.logged(/name\.granted/);

	const mark = join(hosts.folder, 'mark');
	const early = await central.send(command('ship1', `echo run >> ${mark}`));
	const back = hosts.start({ node: 'ship1', host: 'one', databaseFolder });
	const { code, errors } = await back.ended;
	assert.notEqual(code, 0);
	assert.match(errors, /\(cloned_store\)/);
	assert.equal((await central.settled(early)).state, 'done');
	const late = await central.send(command('ship1', `wc -l < ${mark}`));
	assert.equal((await central.settled(late)).output?.trim(), '1');
});
