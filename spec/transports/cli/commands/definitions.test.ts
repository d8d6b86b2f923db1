/** Checking and reloading definitions as people do it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { runReeve } from '../../../support/command-line.ts';
import { startFleet } from '../../../support/processes.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const lamp = (version: number, more = '') =>
	`actor: lamp\nversion: ${version}\non: { TELL: { do: [{ reply: lit }] } }\n${more}`;

test('files are checked without a node, each with the places of its mistakes', async (t) => {
	const cwd = temporaryFolder(t);
	writeFileSync(join(cwd, 'good.yaml'), lamp(1));
	const good = await runReeve(['actors', 'check', 'good.yaml'], { cwd });
	assert.deepEqual([good.code, good.stderr], [0, '']);
	assert.match(good.stdout, /good\.yaml {2}right {2}lamp, version 1/);
	writeFileSync(join(cwd, 'bad.yaml'), lamp(1, 'inital: a\n'));
	const all = await runReeve(['actors', 'check', '.', '--json'], { cwd });
	assert.equal(all.code, 4);
	const rows = all.stdout.trim().split('\n');
	assert.match(
		rows[0] ?? '',
		/bad\.yaml:4:1: there is no field of an actor inital; did you mean initial/,
	);
	assert.match(rows[1] ?? '', /"actor":"lamp"/);
});

test('the schema of YAML definitions explains every action, for editors', async (t) => {
	const { code, stdout } = await runReeve(['config', 'schema', 'actor'], {
		cwd: temporaryFolder(t),
	});
	assert.equal(code, 0);
	const schema = JSON.parse(stdout) as {
		properties: Record<string, { description?: string }>;
		definitions: { action: { anyOf: { properties?: Record<string, { description?: string }> }[] } };
	};
	assert.match(schema.properties['events']?.description ?? '', /types of their fields/);
	const { properties = {} } = schema.definitions.action.anyOf[1] ?? {};
	for (const name of ['assign', 'send', 'ask', 'alert', 'publish', 'raise']) {
		assert.ok((properties[name]?.description ?? '').length > 10, name);
	}
});

test('a running node reloads its folder, and shows what is refused', async (t) => {
	const fleet = await startFleet([]);
	t.after(() => fleet.stop());
	const folder = join(fleet.folder, 'definitions');
	mkdirSync(folder);
	writeFileSync(join(folder, 'lamp.yaml'), lamp(2));
	const flags = ['--definitionsFolder', folder, '--definitionsWatch', 'false'];
	await fleet.start('ship1', flags);
	const run = (...words: string[]) =>
		runReeve([...words, '--socket', fleet.socket('ship1')], { cwd: fleet.folder });
	writeFileSync(join(folder, 'lamp.yaml'), lamp(3, 'initial: on\nstates: { on: {} }\n'));
	const dry = await run('actors', 'reload', '--dry-run');
	assert.match(dry.stdout, /lamp\.yaml {2}changed {2}lamp\n {2}version 2 -> 3\n {2}state \+ on\n/);
	assert.equal((await run('actors', 'reload')).code, 0);
	writeFileSync(join(folder, 'lamp.yaml'), lamp(1));
	const back = await run('actors', 'reload');
	assert.equal(back.code, 4);
	assert.match(back.stdout, /lamp\.yaml:2:1: version 1 is older than 3/);
	const { stdout } = await run('get', 'actors');
	assert.match(stdout, /lamp +3 .*refused: lamp\.yaml:2:1: version 1 is older than 3/);
});
