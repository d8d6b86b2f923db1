import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { pause, realClock } from '../../runtime/platform/clock.ts';
import { startHosts } from '../support/processes.ts';
import { startFromSources } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary.ts';

startFromSources();

const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** A method that does not end, in the way that its argument says. */
const method = `
import { defineMethod } from ${here('../../supervisors/node/node.ts')};
import { z } from ${JSON.stringify(import.meta.resolve('zod'))};

const ways = {
	loop: function endlessLoop() { for (;;); },
	pattern: function backtracking() { /^(a+)+$/.test('a'.repeat(50) + 'b'); },
};
export default defineMethod({
	name: 'REQStall', aliases: [], summary: 'Does not end', kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'report', replies: true, args: z.tuple([z.enum(['loop', 'pattern'])]),
	example: { methodArgs: ['loop'] },
	run: async ({ methodArgs: [way] }) => {
		// The sender gets its answer before.
		await new Promise((done) => setTimeout(done, 200));
		return ways[way]();
	},
});
`;

test('a node that stands still is ended by its watchdog, which tells what ran; the next one goes on', async (t) => {
	const hosts = await startHosts(t);
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'stall.mts'), method);
	const flags = ['--methodsFolder', folder, '--watchdogAfter', '2'];
	let ship = hosts.start({ node: 'ship1', host: 'one', flags });
	const { databaseFolder } = ship;
	await ship.ready;
	for (const [way, name] of [
		['loop', 'endlessLoop'],
		['pattern', 'backtracking'],
	] as const) {
		const toNode = 'ship1';
		const id = await ship.send({ toNode, method: 'REQStall', methodArgs: [way] });
		const { signal, errors } = await ship.ended;
		assert.equal(signal, 'SIGKILL');
		assert.match(errors, new RegExp(`stands still for 2 s in ${name} \\(.*stall\\.mts:\\d+\\)`));
		ship = hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags });
		await ship.ready;
		await ship.logged(new RegExp(`${name}.*node\\.stalled`));
		assert.equal((await ship.settled(id)).state, 'interrupted');
	}
});

test('what stands still again before the node is ready, or with nowhere to tell it, is ended too', async (t) => {
	const hosts = await startHosts(t);
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'stall.mts'), method.replace("'report'", "'retry'"));
	const flags = ['--methodsFolder', folder, '--watchdogAfter', '1', '--attemptsMax', '2'];
	let ship = hosts.start({ node: 'ship1', host: 'one', flags });
	const { databaseFolder } = ship;
	await ship.ready;
	// The record cannot be written where a folder is.
	mkdirSync(join(databaseFolder, 'stalled.json'));
	const id = await ship.send({ toNode: 'ship1', method: 'REQStall', methodArgs: ['loop'] });
	for (let deaths = 1; deaths <= 2; deaths += 1) {
		assert.equal((await ship.ended).signal, 'SIGKILL', `${deaths}`);
		ship = hosts.start({ node: 'ship1', host: 'one', databaseFolder, flags });
	}
	await ship.ready;
	const { state, code } = await ship.settled(id);
	assert.deepEqual([state, code], ['failed', 'max_attempts']);
});

test('a process that was stopped, or waits for the system, is not ended', async (t) => {
	const hosts = await startHosts(t);
	const ship = hosts.start({ node: 'ship1', host: 'one', flags: ['--watchdogAfter', '2'] });
	await ship.ready;
	ship.child.kill('SIGSTOP');
	// Longer than the loop may stand still.
	await pause(realClock, 4000);
	ship.child.kill('SIGCONT');
	const [about] = await ship.ask<{ mode: string }>({ reeve: 'node' });
	assert.equal(about?.mode, 'normal');
});
