import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { promisify } from 'node:util';
import { loadActors } from '../../../actors/declarative/definition-folder.ts';
import { startActorNode } from '../../support/actor-node.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { refusalOf, yamlDefinitionOf } from '../../support/yaml-definitions.ts';

const run = promisify(execFile);
const guide = readFileSync(new URL('../../../docs/actors.md', import.meta.url), 'utf8');
const front = new URL('../../../supervisors/node/node.ts', import.meta.url).href;
const testing = new URL('../../../supervisors/testing/testing.ts', import.meta.url).href;

/**
 * The definitions of the guide, each in a file of its own, with its packages where they are here.
 */
function writeDefinitions(folder: string): void {
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	for (const [index, block] of programs.entries()) {
		if (isDefinition(block)) writeFileSync(join(folder, `block-${index}.ts`), linked(block));
	}
}

const programs = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
const isDefinition = (block: string) => block.includes('export default defineActor');
const linked = (block: string) =>
	block
		.replaceAll("'reeve'", `'${front}'`)
		.replaceAll("'reeve/testing'", `'${testing}'`)
		.replaceAll("'xstate'", `'${import.meta.resolve('xstate')}'`);

test('every program of the guide is a valid definition, and the first counts as the guide says', async (t) => {
	const folder = temporaryFolder(t);
	writeDefinitions(folder);
	const declared = await loadActors(folder);
	const names = declared.map(({ definition }) => definition.name);
	assert.deepEqual(names, ['counter', 'payment', 'level', 'door']);
	const actors = declared.map(({ definition }) => definition);
	const node = await startActorNode(t, { actors });
	const id = await node.send('counter', '', { methodArgs: ['ADD', '{"by":2}'], key: 'shelf-7' });
	await node.idle('counter');
	assert.equal(node.ledger.get(id)?.output, '{"total":2}');
	await node.stop();
});

test('the driven actor of the guide prints what its comments say', async (t) => {
	const folder = temporaryFolder(t);
	writeDefinitions(folder);
	const others = programs.filter((block) => !isDefinition(block));
	assert.equal(others.length, 1);
	const text = linked(others[0] ?? '').replace('./counter.ts', './block-0.ts');
	writeFileSync(join(folder, 'driven.ts'), text);
	const tsx = ['--import', import.meta.resolve('tsx')];
	const { stdout } = await run(process.execPath, [...tsx, join(folder, 'driven.ts')]);
	assert.match(stdout, /^\{ total: 2 \}\n\[/);
	assert.match(stdout, /event: \{ type: 'ADD', by: 2 \}/);
});

test('the monitoring machine of the guide gets the end of the other, and the reason of a timeout', async (t) => {
	const folder = temporaryFolder(t);
	writeDefinitions(folder);
	const declared = await loadActors(folder);
	const level = declared.find(({ definition }) => definition.name === 'level')?.definition;
	assert.ok(level);
	const states = '{ on: { on: { END: off } }, off: { type: final } }';
	const pump = yamlDefinitionOf(`actor: pump\nversion: 1\ninitial: on\nstates: ${states}\n`);
	const node = await startActorNode(t, { actors: [level, pump] });
	const told = () => {
		const { value, context } = node.stored('level')?.state ?? {};
		return [value, Reflect.get(Object(context), 'why')];
	};
	await node.send('level', { type: 'START', ship: 'ship1' });
	await node.idle('level');
	await node.send('pump', 'END', { key: 'port' });
	await node.until(() => told()[0] === 'dry');
	assert.deepEqual(told(), ['dry', 'normal']);
	await node.stop();
});

test('every YAML definition of the guide is valid, and the first counts as the guide says', async (t) => {
	const blocks = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
	const yamlDefinitions = blocks.map((block) => yamlDefinitionOf(block));
	const names = yamlDefinitions.map(({ name }) => name);
	assert.deepEqual(names, ['counter', 'fridge', 'service', 'gate']);
	const node = await startActorNode(t, { actors: yamlDefinitions });
	const id = await node.send('counter', '', { methodArgs: ['ADD', '{"by":2}'], key: 'shelf-7' });
	await node.idle('counter');
	assert.equal(node.ledger.get(id)?.output, '{"total":2}');
	await node.send('fridge', { type: 'DOOR', open: true }, { key: 'old' });
	await node.idle('fridge');
	await node.clock.advance(61_000);
	await node.until(() => node.published.length === 1);
	assert.deepEqual(node.published, ['kitchen/old/beeper on']);
	assert.equal(node.seen('alert.raised')[0]?.text, 'old: left open by somebody');
	await node.send('fridge', { type: 'DOOR', open: false }, { key: 'old' });
	await node.idle('fridge');
	assert.deepEqual(node.published[1], 'kitchen/old/beeper off');
	await node.stop();
});

test('the mistakes of the guide are reported as it says', () => {
	const [, fridge = ''] = [...guide.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
		(match) => match[1] ?? '',
	);
	const wrong = fridge
		.replace('target: closed }', 'target: closd }')
		.replace('- alert: { severity', '- command: { severity');
	const told = refusalOf(wrong).map((line) => line.replace('it.yaml', 'actors/fridge.yaml'));
	// Problems of the schema are reported alone, because nothing else can be checked then.
	const both = [...refusalOf(fridge.replace('target: closed }', 'target: closd }')), ...told];
	const shown = both.map((line) => line.replace('it.yaml', 'actors/fridge.yaml')).join('\n');
	assert.ok(guide.includes(shown), shown);
});

test('a file that declares no actor, or cannot be read, is refused with its path', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'wrong.js'), 'export default { name: "wrong" };');
	await assert.rejects(
		loadActors(folder),
		/wrong\.js:1:1: its default export is not made by defineActor/,
	);
	writeFileSync(join(folder, 'wrong.js'), 'export default ((');
	await assert.rejects(loadActors(folder), { code: 'bad_declaration' });
	await assert.rejects(loadActors(join(folder, 'missing')), { code: 'bad_config' });
});
