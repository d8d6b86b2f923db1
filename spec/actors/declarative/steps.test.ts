import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { appendStep } from '../../../actors/declarative/append-step.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';
import { yamlDefinitionOf } from '../../support/yaml-definitions.ts';

/** An actor that does one step when it is told to, and keeps what came of it. */
const worker = (step: string, folder: string) =>
	yamlDefinitionOf(
		`
actor: worker
version: 1
events: { GO: { word: string } }
context: { result: null, word: '' }
initial: idle
states:
  idle: { on: { GO: { target: working, do: [{ assign: { word: =event.word } }] } } }
  working:
    step:
${step.replaceAll(/^/gm, '      ')}
      done: { target: idle, do: [{ assign: { result: =event.output } }] }
      failed: { target: idle, do: [{ assign: { result: =event.error } }] }
`,
		folder,
	);

/** The result of one step, with this word in the context. */
async function resultOf(node: ActorNode, word: string): Promise<unknown> {
	const before = node.seen('step.ended').length;
	await node.send('worker', { type: 'GO', word });
	await node.until(
		() => node.seen('step.ended').length > before && node.stored('worker')?.state.value === 'idle',
	);
	await node.idle('worker');
	return Reflect.get(Object(node.stored('worker')?.state.context), 'result');
}

async function stageOf(t: TestScope, step: string) {
	const folder = temporaryFolder(t);
	return { folder, node: await startActorNode(t, { actors: [worker(step, folder)] }) };
}

test('a command runs without a shell, and is done or failed by its exit code', async (t) => {
	const { node } = await stageOf(t, "command: [sh, -c, '$0; echo $REEVE_NODE', =context.word]");
	const good = { exitCode: 0, stdout: 'ship1\n', stderr: '' };
	assert.deepEqual(await resultOf(node, 'true'), good);
	const shell = await stageOf(t, 'command: [sh, -c, =context.word]');
	const bad = { code: 'command_failed', message: 'exit code 3 oh' };
	assert.deepEqual(await resultOf(shell.node, 'echo oh >&2; exit 3'), bad);
	await node.stop();
	await shell.node.stop();
});

test('a value in an argument stays one argument', async (t) => {
	const { node, folder } = await stageOf(t, 'command: [echo, =context.word]');
	const file = join(folder, 'made');
	const result = await resultOf(node, `; touch ${file} $(touch ${file})`);
	assert.match((result as { stdout: string }).stdout, /^; touch/);
	assert.ok(!existsSync(file));
	await node.stop();
});

test('files are written, read and appended to in the data folder only', async (t) => {
	const written = await stageOf(
		t,
		"writeFile: { file: 'rooms/${context.word}.json', data: { word: =context.word } }",
	);
	assert.deepEqual(await resultOf(written.node, 'kitchen'), { bytes: 18 });
	const file = join(written.folder, 'rooms', 'kitchen.json');
	assert.equal(readFileSync(file, 'utf8'), '{"word":"kitchen"}');
	const outside = (await resultOf(written.node, '../../../up')) as { code: string };
	assert.equal(outside.code, 'path_outside');
	const read = await stageOf(t, 'readFile: =context.word');
	writeFileSync(join(read.folder, 'a.txt'), 'hello');
	assert.equal(await resultOf(read.node, 'a.txt'), 'hello');
	assert.equal(((await resultOf(read.node, 'b.txt')) as { code: string }).code, 'file_failed');
	execFileSync('mkfifo', [join(read.folder, 'pipe')]);
	assert.match(JSON.stringify(await resultOf(read.node, 'pipe')), /file_failed.*is a named pipe/);
	const added = await stageOf(t, 'appendFile: { file: log, data: "${context.word}\\n" }');
	await resultOf(added.node, 'one');
	await resultOf(added.node, 'two');
	assert.equal(readFileSync(join(added.folder, 'log'), 'utf8'), 'one\ntwo\n');
	for (const { node } of [written, read, added]) await node.stop();
});

test('a step that runs again appends only what is missing, also after other appends', async (t) => {
	const path = join(temporaryFolder(t), 'log');
	const notesFolder = temporaryFolder(t);
	const append = (text: string, id: string) =>
		appendStep({ path, bytes: Buffer.from(text), id, notesFolder });
	await append('one\n', 'a');
	await append('one\n', 'a');
	await append('two\n', 'b');
	await append('one\n', 'a');
	assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
	// As if a crash had interrupted the append.
	await append('three\n', 'c');
	writeFileSync(path, 'one\ntwo\nthr');
	await append('three\n', 'c');
	assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\nthree\n');
	appendFileSync(path, 'else\n');
	await Promise.all(['d', 'e', 'f'].map((id) => append(`${id}\n`, id)));
	assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\nthree\nelse\nd\ne\nf\n');
});

/** A server that answers with its request, or with the status in its path. */
async function serve(t: TestScope): Promise<string> {
	const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
		const body = await textOf(request);
		const status = Number(request.url?.slice(1)) || 200;
		const { method, headers } = request;
		response.writeHead(status);
		response.end(
			`${method} ${headers['content-type']} ${headers['idempotency-key']?.length} ${body}`,
		);
	};
	const server = createServer((request, response) => void answer(request, response));
	await new Promise<void>((resolve) => {
		server.listen(0, '127.0.0.1', resolve);
	});
	t.after(() => server.close());
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}

test('a request brings status and text, and carries the key of its step', async (t) => {
	const url = await serve(t);
	const get = await stageOf(t, `http: { url: '${url}/\${context.word}' }`);
	const { status, data } = (await resultOf(get.node, '200')) as { status: number; data: string };
	assert.equal(status, 200);
	assert.match(data, /^GET undefined \d\d/);
	const missing = await resultOf(get.node, '404');
	assert.deepEqual(missing, { code: 'http_failed', message: '404 Not Found' });
	const router = await stageOf(
		t,
		`http: { url: '${url}', method: POST, data: { w: =context.word } }`,
	);
	const posted = (await resultOf(router.node, 'x')) as { data: string };
	assert.match(posted.data, /^POST application\/json \d\d \{"w":"x"\}$/);
	const nowhere = await stageOf(t, "http: { url: 'http://127.0.0.1:1/' }");
	const failed = (await resultOf(nowhere.node, '')) as { code: string };
	assert.equal(failed.code, 'host_unreachable');
	for (const { node } of [get, router, nowhere]) await node.stop();
});

test('a command that a crash interrupted runs again only if onCrash is retry', async (t) => {
	const run = async (more: string) => {
		const folder = temporaryFolder(t);
		const file = join(folder, 'runs');
		const line = `echo run >> ${file}; sleep 0.2`;
		const actors = [worker(`command: [sh, -c, '${line}']\n${more}`, folder)];
		let node = await startActorNode(t, { actors });
		await node.send('worker', { type: 'GO', word: '' });
		await node.until(() => existsSync(file));
		node = await node.crash();
		const result = () =>
			node.stored('worker')?.state.context as { result: { code?: string } | null };
		await node.until(() => Boolean(result()?.result));
		const { code = 'done' } = result().result ?? {};
		const runs = readFileSync(file, 'utf8').split('\n').length - 1;
		await node.stop();
		return `${code} ${runs}`;
	};
	assert.equal(await run(''), 'ambiguous 1');
	assert.equal(await run('onCrash: retry'), 'done 2');
});
