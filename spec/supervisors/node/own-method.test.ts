import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { type Fleet, startFleet } from '../../support/processes.ts';
import { startFromSources } from '../../support/program.ts';

startFromSources();

const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
const zod = JSON.stringify(import.meta.resolve('zod'));

/** All that a method is: one file. */
const file = `
import { defineMethod } from ${here('../../../supervisors/node/node.ts')};
import { z } from ${zod};

export default defineMethod({
	name: 'REQDouble', aliases: ['double'], summary: 'Doubles a number', kind: 'CommandACK',
	ordering: 'concurrent', onCrash: 'retry', replies: true,
	args: z.tuple([z.string().regex(/^\\\\d+$/)]), example: { methodArgs: ['21'] },
	run: async ({ methodArgs }) => ({ data: String(2 * Number(methodArgs[0])) }),
});
`;

let folder: string;
let fleet: Fleet;
before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'reeve-methods-'));
	await writeFile(join(folder, 'double.mts'), file.replaceAll('\\\\', '\\'));
	fleet = await startFleet(['central']);
	await fleet.start('ship1', ['--methodsFolder', folder]);
});
after(async () => {
	await fleet.stop();
	await rm(folder, { recursive: true, force: true });
});

test('a method is one new file: once it is in the folder, other nodes can call it over MQTT', async () => {
	const message = { toNode: 'ship1', method: 'REQDouble', methodArgs: ['21'] };
	let [answer] = await fleet.send('central', [message]);
	// Central learns from ship1's birth which methods it takes; until then it cannot know this one.
	while (answer && 'error' in answer && answer.error === 'unknown_method') {
		[answer] = await fleet.send('central', [message]);
	}
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled('central', [answer.id]);
	assert.equal(row?.state, 'done');
	assert.equal(row?.output, '42');
});

test('it is listed among the methods of its node, and checked by its own schema', async () => {
	const methods = (await fleet.ask('ship1', { reeve: 'methods' })) as { name: string }[];
	assert.ok(methods.some(({ name }) => name === 'REQDouble'));
	const [answer] = await fleet.send('ship1', [
		{ toNode: 'ship1', method: 'double', methodArgs: ['many'] },
	]);
	assert.ok(answer && 'error' in answer);
	assert.equal(answer.error, 'bad_arguments');
});
