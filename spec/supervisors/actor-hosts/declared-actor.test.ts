import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Fleet, startFleet } from '../../support/processes.ts';
import { startFromSources } from '../../support/program.ts';

startFromSources();

const definitions = fileURLToPath(new URL('../../../examples/actors', import.meta.url));
const flags = ['--definitionsFolder', definitions];
let fleet: Fleet;
before(async () => {
	fleet = await startFleet([]);
	await fleet.start('ship1', flags);
});
after(() => fleet.stop());

interface Told {
	readonly failures: number;
	readonly restarts: number;
}

/** Sends an event to the watchdog of a service, and resolves with its answer. */
async function event(key: string, ...methodArgs: string[]): Promise<string> {
	const message = { toNode: 'ship1', method: 'watchdog', methodArgs, key, replyMethod: 'REQNone' };
	const [answer] = await fleet.send('ship1', [message]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled('ship1', [answer.id]);
	assert.equal(row?.state, 'done', JSON.stringify(row));
	return row?.output ?? '';
}

/** What a watchdog tells, once it is as `holds` says. */
async function told(key: string, holds: (now: Told) => boolean): Promise<Told> {
	for (;;) {
		const now = JSON.parse(await event(key, 'TELL')) as Told;
		if (holds(now)) return now;
	}
}

const watch = (check: string, restart: string) => JSON.stringify({ check, restart, everyMs: 20 });

test('the watchdog of the examples restarts what fails, also after a SIGKILL of its node', async () => {
	const file = join(fleet.folder, 'service');
	await event('service', 'WATCH', watch(`test -f ${file}`, `touch ${file}`));
	await told('service', ({ restarts, failures }) => restarts === 1 && failures === 0);
	assert.ok(existsSync(file));
	await fleet.kill('ship1');
	rmSync(file);
	await fleet.start('ship1', flags);
	await told('service', ({ restarts, failures }) => restarts === 2 && failures === 0);
	assert.ok(existsSync(file));
});

test('after three restarts that did not help it stops, until an event says that it is repaired', async () => {
	const file = join(fleet.folder, 'broken');
	await event('broken', 'WATCH', watch(`test -f ${file}`, 'false'));
	await told('broken', ({ failures }) => failures === 3);
	await event('broken', 'REPAIRED');
	await told('broken', ({ restarts }) => restarts > 3);
});

test('a message that is no event of the actor is refused before it is taken', async () => {
	const [answer] = await fleet.send('ship1', [
		{ toNode: 'ship1', method: 'watchdog', methodArgs: ['WATCH', 'no json'] },
	]);
	assert.ok(answer && 'error' in answer);
	assert.equal(answer.error, 'bad_arguments');
});
