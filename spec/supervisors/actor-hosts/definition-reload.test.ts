import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { ActorRow, InstanceRow } from '../../../runtime/queries/actor-rows.ts';
import type { ReloadRow } from '../../../runtime/queries/definition-rows.ts';
import { startNode, type RunningNode } from '../../../supervisors/node/node.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const api = (version: number, more = '') => `actor: door
version: ${version}
context: { pushes: 0 }
initial: open
states:
  open: { on: { PUSH: { target: shut, do: [{ assign: { pushes: =context.pushes + 1 } }] } } }
  shut: { on: { PUSH: open } }
on: { TELL: { do: [{ reply: =context.pushes }] } }
${more}`;
const lamp = 'actor: lamp\nversion: 1\non: { TELL: { do: [{ reply: lit }] } }\n';

/** A node on a folder of definitions, without a broker. */
async function nodeOn(folder: string, definitionsWatch = false): Promise<RunningNode> {
	return startNode(
		configOf({
			nodeName: 'central',
			databaseFolder: join(folder, 'db'),
			subscribersDataFolder: join(folder, 'data'),
			definitionsFolder: join(folder, 'actors'),
			definitionsWatch,
			definitionsSettleMs: 20,
			logLevel: 'silent',
			durability: 'os',
		}),
		{ transports: [] },
	);
}

function actorsFolder(t: TestScope) {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'actors'));
	writeFileSync(join(folder, 'actors', 'package.json'), '{"type":"module"}');
	const write = (name: string, text: string) => writeFileSync(join(folder, 'actors', name), text);
	return { folder, write, remove: (name: string) => rmSync(join(folder, 'actors', name)) };
}

async function ask<Row>(node: RunningNode, question: object): Promise<readonly Row[]> {
	const rows: Row[] = [];
	for await (const row of node.api.ask(question, new AbortController().signal))
		rows.push(row as Row);
	return rows;
}

const reload = (node: RunningNode, more: object = {}) =>
	ask<ReloadRow>(node, { reeve: 'reload', ...more });

/** Sends an event and resolves with what the actor answers, or how else it ended. */
async function tell(node: RunningNode, method: string, type: string): Promise<string> {
	const [answer] = await node.api.accept(
		{ toNode: 'central', method, methodArgs: [type], replyMethod: 'REQNone' },
		'library',
	);
	if (!answer || !('id' in answer)) return answer?.error ?? 'no answer';
	let last = '';
	for await (const row of node.api.ask({ reeve: 'watch', ids: [answer.id] }, never)) {
		const { output, state, why = '' } = row as { output?: string; state: string; why?: string };
		last = state === 'done' ? (output ?? '') : `${state} ${why}`;
	}
	return last;
}
const never = new AbortController().signal;

test('a bad file keeps neither the node nor the others from working, and is reported with its place', async (t) => {
	const { folder, write } = actorsFolder(t);
	write('door.yaml', api(1, 'initail: open'));
	write('lamp.yaml', lamp);
	write('broken.ts', 'export default ((');
	write(
		'raw.ts',
		`import { createMachine } from '${import.meta.resolve('xstate')}';
import { defineActor } from '${import.meta.resolve('../../../supervisors/node/node.ts')}';
const machine = createMachine({
	initial: 'a',
	states: { a: { entry: 'nowhere' } },
});
export default defineActor({ name: 'raw', version: 1, machine });
`,
	);
	const node = await nodeOn(folder);
	assert.equal(await tell(node, 'lamp', 'TELL'), 'lit');
	const refused = node.signals
		.recent()
		.flatMap((signal) => (signal.type === 'definition.refused' ? [signal.detail] : []));
	assert.match(
		refused.join('\n'),
		/door\.yaml:9:1: there is no field of an actor initail; did you mean initial\?/,
	);
	assert.match(refused.join('\n'), /raw\.ts:5:24: .*there is no action nowhere/);
	assert.match(refused.join('\n'), /broken\.ts:1:17: ERROR: Unexpected end of file/);
	const rows = await ask<ActorRow>(node, { reeve: 'actors' });
	assert.deepEqual(
		rows.map(({ name, problem }) => `${name} ${problem === undefined}`),
		['lamp true', 'broken.ts false', 'door.yaml false', 'raw.ts false'],
	);
	await node.stop();
});

test('a changed file is put in force, with its instances and their mail; a bad one is not', async (t) => {
	const { folder, write, remove } = actorsFolder(t);
	write('door.yaml', api(1));
	const node = await nodeOn(folder);
	await tell(node, 'door', 'PUSH');
	assert.deepEqual(
		(await reload(node)).map(({ what }) => what),
		['same'],
	);
	write('door.yaml', api(1).replace('reply: =context.pushes', "reply: 'n=${context.pushes}'"));
	const [dry] = await reload(node, { isDryRun: true });
	assert.equal(dry?.what, 'changed');
	assert.equal(await tell(node, 'door', 'TELL'), '1');
	await reload(node);
	assert.equal(await tell(node, 'door', 'TELL'), 'n=1');
	write('door.yaml', api(1, 'nonsense: 1'));
	const [bad] = await reload(node);
	assert.match(bad?.problem ?? '', /door\.yaml:9:1: /);
	assert.equal(await tell(node, 'door', 'TELL'), 'n=1');
	write('lamp.yaml', lamp);
	assert.deepEqual(
		(await reload(node)).map(({ what }) => what),
		['refused', 'added'],
	);
	assert.equal(await tell(node, 'lamp', 'TELL'), 'lit');
	remove('lamp.yaml');
	assert.deepEqual(
		(await reload(node)).map(({ what }) => what),
		['removed', 'refused'],
	);
	await node.stop();
});

test('a definition that would park instances is held until the operator forces it', async (t) => {
	const { folder, write } = actorsFolder(t);
	write('door.yaml', api(1));
	const node = await nodeOn(folder);
	await tell(node, 'door', 'PUSH');
	write('door.yaml', api(1).replaceAll('shut', 'closed'));
	const [held] = await reload(node);
	assert.equal(held?.what, 'held');
	const { statesAdded, statesRemoved, parked, instances } = held?.diff ?? {};
	assert.deepEqual([statesAdded, statesRemoved, instances], [['closed'], ['shut'], 1]);
	assert.match(parked?.[0]?.reason ?? '', /shut/);
	assert.equal(await tell(node, 'door', 'TELL'), '1');
	const migrated = api(2, 'migrate: { 1: { states: { shut: closed } } }');
	write(
		'door.yaml',
		migrated.replaceAll('shut', 'closed').replace('closed: closed', 'shut: closed'),
	);
	const [changed] = await reload(node);
	assert.deepEqual([changed?.what, changed?.diff?.version], ['changed', { from: 1, to: 2 }]);
	await tell(node, 'door', 'PUSH');
	const question = { reeve: 'actor', actor: 'door', key: '' };
	const [instance] = await ask<InstanceRow>(node, question);
	assert.deepEqual([instance?.version, instance?.value], [2, 'open']);
	await node.stop();
});

test('a version that went backwards is refused at its place, in YAML and programs, also after a restart', async (t) => {
	const { folder, write } = actorsFolder(t);
	const program = (
		version: number,
	) => `import { createMachine } from '${import.meta.resolve('xstate')}';
import { defineActor } from '${import.meta.resolve('../../../supervisors/node/node.ts')}';
export default defineActor({
	name: 'program',
	version: ${version},
	machine: createMachine({ on: { TELL: {} } }),
});
`;
	write('door.yaml', api(2));
	write('program.ts', program(2));
	let node = await nodeOn(folder);
	await tell(node, 'door', 'PUSH');
	write('door.yaml', api(1));
	write('program.ts', program(1));
	const problems = (await reload(node)).map(({ problem }) => problem);
	assert.match(problems[0] ?? '', /door\.yaml:2:1: version 1 is older than 2/);
	assert.match(problems[1] ?? '', /program\.ts:5:2: version 1 is older than 2/);
	await node.stop();
	node = await nodeOn(folder);
	const rows = await ask<ActorRow>(node, { reeve: 'actors' });
	assert.deepEqual(
		rows.map(({ name, version }) => `${name} ${version}`),
		['door 2', 'program 0'],
	);
	// The previous YAML definition is in force; messages for a program that is gone wait.
	assert.equal(await tell(node, 'door', 'TELL'), '1');
	const waiting = { toNode: 'central', method: 'program', methodArgs: ['TELL'] };
	const [answer] = await node.api.accept(waiting, 'library');
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	await node.stop();
});

test('a folder that is watched is reloaded when it has been quiet for a while', async (t) => {
	const { folder, write } = actorsFolder(t);
	write('door.yaml', api(1));
	const node = await nodeOn(folder, true);
	const changes: string[] = [];
	node.signals.subscribe((signal) => {
		if (signal.type === 'definition.changed') changes.push(`${signal.actor} ${signal.what}`);
	});
	write('lamp.yaml', lamp);
	// Neither the watch nor its timer keep a process alive.
	while (changes.length === 0) await turnOfTheLoop();
	assert.deepEqual(changes, ['lamp added']);
	assert.equal(await tell(node, 'lamp', 'TELL'), 'lit');
	await node.stop();
});
