/** Every message file in `examples/`, as a person would send it, and the file that it leaves. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answer } from '../runtime/network/transport.ts';
import { type Fleet, startFleet } from './support/processes.ts';

const examples = fileURLToPath(new URL('../examples/', import.meta.url));
const run = promisify(execFile);

interface Example {
	readonly toNode: string;
	readonly method: string;
	readonly directory?: string;
	readonly fileName?: string;
	readonly replyMethod?: string;
	readonly replyMethodArgs?: readonly string[];
}

/** What a machine with Docker would print; the example only asks that the command be run. */
const docker = '#!/bin/sh\necho "CONTAINER ID   IMAGE"\n';

let programs: string;
let fleet: Fleet;
before(async () => {
	programs = await mkdtemp(join(tmpdir(), 'reeve-programs-'));
	await writeFile(join(programs, 'docker'), docker);
	await chmod(join(programs, 'docker'), 0o755);
	const path = `${programs}${delimiter}${process.env['PATH']}`;
	fleet = await startFleet(['central', 'ship1', 'ship2'], { PATH: path });
});
after(async () => {
	await fleet?.stop();
	await rm(programs, { recursive: true, force: true });
});

/** Hands a file to the socket with `nc -U`, which ends when the node has answered all of it. */
async function handIn(name: string): Promise<Answer[]> {
	const command = `nc -U "${fleet.socket('central')}" < "${join(examples, name)}"`;
	const { stdout } = await run('sh', ['-c', command]);
	return stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Answer);
}

/** Where the README says that the result of a message is: with the node that it is about. */
function resultPath({ toNode, directory = '', fileName = '', method }: Example): string {
	const writer = method.startsWith('REQToFile') ? toNode : 'central';
	return join(fleet.data(writer), directory, toNode, fileName);
}

for (const name of readdirSync(examples).filter((file) => file.endsWith('.json'))) {
	test(`examples/${name} is taken by nc -U, settled, and leaves what the README says`, async () => {
		const messages = JSON.parse(readFileSync(join(examples, name), 'utf8')) as Example[];
		const answers = await handIn(name);
		assert.equal(answers.length, messages.length);
		const ids = answers.map((answer) => {
			assert.ok('id' in answer, JSON.stringify(answer));
			return answer.id;
		});
		const rows = messages.some(({ method }) => method === 'REQHello')
			? []
			: await fleet.settled('central', ids);
		for (const row of rows) assert.equal(row.state, 'done', `${row.id}: ${row.why}`);
		for (const message of messages) await checkResult(message);
	});
}

async function checkResult(message: Example): Promise<void> {
	if (message.replyMethod === 'REQCliCommand') {
		// The reply runs a command at central, which writes where it stands.
		const [, file = ''] = /> (\S+)$/.exec(message.replyMethodArgs?.[2] ?? '') ?? [];
		const text = await appearing(join(fleet.folder, 'central', file));
		assert.match(text, /directories|file/, 'what tree printed on ship2');
		return;
	}
	if (message.method === 'REQHello') {
		const folder = join(fleet.data('central'), 'hello-messages', 'central');
		assert.match(await appearing(join(folder, 'hello.log')), /Received hello from "central"/);
	}
	if (message.fileName) assert.ok((await appearing(resultPath(message))).length > 0);
}

/**
 * The content of a file, once it is there and holds something; a reply is settled before it runs.
 */
async function appearing(path: string): Promise<string> {
	for (;;) {
		if (existsSync(path)) {
			const text = await readFile(path, 'utf8');
			if (text !== '') return text;
		}
		// The round trip through the node is the pause: nothing here waits for time to pass.
		await fleet.ask('central', { reeve: 'node' });
	}
}
