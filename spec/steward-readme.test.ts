/**
 * Every JSON example of steward's README, as it stands there: trailing commas, misspelt names and
 * all.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test, { after, before } from 'node:test';
import { readJson } from '../runtime/text/lenient-json.ts';
import type { Answer } from '../runtime/network/transport.ts';
import { askInLines, type Fleet, startFleet } from './support/processes.ts';
import type { MessageRow } from '../runtime/ledger/message-state.ts';

interface Example {
	readonly toNode?: string;
	readonly toNodes?: readonly string[];
	readonly method: string;
	readonly methodArgs?: readonly string[];
	readonly directory?: string;
	readonly fileName?: string;
	readonly replyMethod?: string;
	readonly methodTimeout?: number;
}

/** One message to one node: what was asked for, and what came of it. */
interface Sent {
	readonly example: Example;
	readonly id: string;
	readonly to: string;
}

/**
 * What the examples call, and a machine for tests has not got: Docker, and a system log to follow.
 */
const programs: Readonly<Record<string, string>> = {
	docker: 'echo "CONTAINER ID   IMAGE"',
	tail: 'echo "a line of the log"; sleep 100',
};
/**
 * What cannot be had everywhere, and the reason that is told then: the pages of the README are out
 * of reach without a network, its log file is missing, and the process with its number is not
 * running.
 */
const mayFail: Readonly<Record<string, RegExp>> = {
	REQHttpGet: /./,
	REQTailFile: /./,
	REQOpProcessStop: /did not find process to stop/,
};
/** The longest wait for an example; then what it has printed so far is compared. */
const patienceSeconds = 30;

let folder: string;
let fleet: Fleet;
let texts: readonly string[];
before(async () => {
	const all = await readFile(new URL('support/steward-examples.txt', import.meta.url), 'utf8');
	texts = all.trim().split(/\n\n/);
	folder = await mkdtemp(join(tmpdir(), 'reeve-programs-'));
	for (const [name, script] of Object.entries(programs)) {
		await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
		await chmod(join(folder, name), 0o755);
	}
	const path = `${folder}${delimiter}${process.env['PATH']}`;
	fleet = await startFleet(['central', 'ship1', 'ship2'], { PATH: path });
});
after(async () => {
	await fleet?.stop();
	await rm(folder, { recursive: true, force: true });
});

function examplesOf(text: string): readonly Example[] {
	const read = readJson(Buffer.from(text));
	assert.ok(read?.type === 'value', `no JSON: ${text}`);
	return read.value as Example[];
}

/**
 * Hands one example to the socket as it stands; each message is taken, for each of its receivers.
 */
async function handIn(text: string): Promise<readonly Sent[]> {
	const answers = (await askInLines(fleet.socket('central'), text)) as Answer[];
	const wanted = examplesOf(text).flatMap((example) =>
		(example.toNodes ?? [example.toNode ?? '']).map((to) => ({ example, to })),
	);
	assert.equal(answers.length, wanted.length, text);
	return wanted.map((each, at) => {
		const answer = answers[at];
		assert.ok(answer && 'id' in answer, `${text}: ${JSON.stringify(answer)}`);
		return { ...each, id: answer.id };
	});
}

/** The content of a file once it is there and holds something. */
async function appearing(path: string): Promise<string> {
	for (;;) {
		const text = existsSync(path) ? await readFile(path, 'utf8') : '';
		if (text !== '') return text;
		// The round trip through the node is the pause: nothing here waits for time to pass.
		await fleet.ask('central', { reeve: 'node' });
	}
}

const resultPath = ({ example: { directory = '', fileName = '' }, to }: Sent): string =>
	join(fleet.data('central'), directory, to, fileName);

/** What must be there when a message has been done, or is still being done. */
async function checkResult(sent: Sent): Promise<void> {
	const { example } = sent;
	if (example.replyMethod === 'REQCliCommand') {
		const file = example.methodArgs?.[0] === 'bash' ? ['apekatt.txt', 'hest.txt'] : [];
		for (const name of file) await appearing(join(fleet.folder, 'central', name));
	} else if (example.fileName !== undefined && example.replyMethod !== 'REQToConsole') {
		await appearing(resultPath(sent));
	}
}

test('all of them are taken, come to an end that is told, and leave what the README says', async () => {
	await appendFile(join(fleet.folder, 'ship2', 'test.log'), 'before\n');
	const sent: Sent[] = [];
	for (const text of texts) sent.push(...(await handIn(text)));
	assert.equal(texts.length, 22);

	const isLong = ({ example }: Sent) => (example.methodTimeout ?? 0) > patienceSeconds;
	const isEvent = ({ example }: Sent) => example.method === 'REQHello';
	const ending = sent.filter((each) => !isLong(each) && !isEvent(each));
	const rows = new Map<string, MessageRow>();
	for (const row of await fleet.settled(
		'central',
		ending.map(({ id }) => id),
	)) {
		rows.set(row.id, row);
	}
	for (const each of ending) {
		const row = rows.get(each.id);
		const what = `${each.example.method} to ${each.to}: ${row?.state}, ${row?.why}`;
		assert.ok(row, what);
		if (row.state === 'failed')
			assert.match(row.why ?? '', mayFail[each.example.method] ?? /^$/, what);
		else assert.equal(row.state, 'done', what);
		if (row.state === 'done' && !(each.example.method in mayFail)) await checkResult(each);
	}

	await appearing(join(fleet.data('central'), 'hello-messages', 'central', 'hello.log'));
	const follows = sent.filter(isLong);
	assert.equal(follows.length, 2, 'a command that streams, and a file that is followed');
	await appendFile(join(fleet.folder, 'ship2', 'test.log'), 'a new line\n');
	for (const each of follows) assert.match(await appearing(resultPath(each)), /line/);
});
