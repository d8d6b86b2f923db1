import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { NodeOptions, RunningNode } from '../../../supervisors/node/node.ts';
import startupFolder from '../../../transports/folders/startup-folder.ts';
import { startListeningNode } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** A node in this folder, whose startup messages are those that are there. */
function start(
	t: TestContext,
	folder: string,
	{ keysFolder = '', ...options }: NodeOptions & { readonly keysFolder?: string } = {},
) {
	const values = {
		databaseFolder: join(folder, 'db'),
		subscribersDataFolder: join(folder, 'data'),
		keysFolder,
	};
	return startListeningNode(t, [startupFolder], { ...values, options });
}

function write(folder: string, name: string, text: string): void {
	mkdirSync(join(folder, 'db', 'startup'), { recursive: true });
	writeFileSync(join(folder, 'db', 'startup', name), text);
}

async function settled(node: RunningNode, ids: readonly string[]): Promise<MessageRow[]> {
	const rows: MessageRow[] = [];
	const question = { reeve: 'watch', ids };
	for await (const row of node.api.ask(question, new AbortController().signal)) {
		if ((row as MessageRow).settled) rows.push(row as MessageRow);
	}
	return rows;
}

/** The startup messages that a node has taken. */
const startups = (node: RunningNode) =>
	node.signals
		.recent()
		.flatMap((each) =>
			each.type === 'message.accepted' && each.via === 'startup folder' ? [each.id] : [],
		);

const touch = (path: string) =>
	JSON.stringify({ method: 'exec', methodArgs: ['sh', '-c', `echo ran >> ${path}`], id: 'same' });

test('startup messages are run at every start, whatever id they have', async (t) => {
	const folder = temporaryFolder(t);
	const ran = join(folder, 'ran');
	write(folder, 'b', touch(ran));
	write(folder, 'a', `- method: ping\n- method: ping\n  toNode: central\n`);
	for (let count = 1; count <= 3; count += 1) {
		const { node } = await start(t, folder);
		const ids = startups(node);
		assert.equal(ids.length, 3);
		const rows = await settled(node, ids);
		assert.deepEqual(new Set(rows.map(({ state }) => state)), new Set(['done']));
		await node.stop();
		assert.equal(readFileSync(ran, 'utf8'), 'ran\n'.repeat(count));
	}
});

test('a bad message stops neither the start nor the good ones beside it', async (t) => {
	const folder = temporaryFolder(t);
	write(folder, '1', '[{"method":');
	write(folder, '2', '[{"method":"nonsense"},{"method":"ping"},{"metod":"ping"},17]');
	write(folder, '3', '');
	write(folder, '4', '{"method":"ping"}');
	mkdirSync(join(folder, 'db', 'startup', 'ship1'));
	const { node } = await start(t, folder);
	const ids = startups(node);
	assert.equal(ids.length, 2);
	await settled(node, ids);
	const refused = node.signals
		.recent()
		.flatMap((each) => (each.type === 'message.refused' ? [each.code] : []));
	assert.deepEqual(refused.toSorted(), [
		'bad_json',
		'bad_message',
		'bad_message',
		'bad_message',
		'unknown_method',
	]);
});

test('in safe mode no startup message is taken', async (t) => {
	const folder = temporaryFolder(t);
	write(folder, '1', '{"method":"ping"}');
	const { node } = await start(t, folder, { choices: { mode: 'safe' } });
	assert.deepEqual(startups(node), []);
	assert.equal(node.signals.counts()['message.refused'], undefined);
});

test('a node without startup messages starts as always', async (t) => {
	const { node } = await start(t, temporaryFolder(t));
	assert.deepEqual(startups(node), []);
});

test('startup messages are written, listed and removed by messages', async (t) => {
	const folder = temporaryFolder(t);
	const { node } = await start(t, folder);
	const call = async (method: string, more: object): Promise<MessageRow | undefined> => {
		const message = { toNode: 'central', method, ...more };
		const [answer] = await node.api.accept(message, 'test');
		assert.ok(answer && 'id' in answer, JSON.stringify(answer));
		return (await settled(node, [answer.id]))[0];
	};
	const data = '[{"method":"ping",},]';
	const written = await call('startup-write', { methodArgs: ['pings'], data });
	assert.equal(written?.state, 'done', JSON.stringify(written));
	const listed = await call('REQStartupList', {});
	assert.match(listed?.output ?? '', /^pings 21 bytes 20\d\d-\S+Z\n$/);
	for (const name of ['../out', '.hidden', 'a/b', '']) {
		const bad = await call('REQStartupWrite', { methodArgs: [name], data });
		assert.deepEqual([bad?.state, bad?.code], ['failed', 'bad_name'], name);
	}
	for (const [wrong, code] of [
		['[{"method":', 'bad_json'],
		['', 'bad_message'],
		['[1]', 'bad_message'],
	]) {
		const bad = await call('REQStartupWrite', { methodArgs: ['pings'], data: wrong });
		assert.equal(bad?.code, code);
	}
	await node.stop();
	const next = await start(t, folder);
	assert.equal(startups(next.node).length, 1);
	const [answer] = await next.node.api.accept(
		{ toNode: 'central', method: 'startup-remove', methodArgs: ['pings'] },
		'test',
	);
	assert.ok(answer && 'id' in answer);
	const [removed] = await settled(next.node, [answer.id]);
	assert.equal(removed?.state, 'done');
	assert.deepEqual(readdirSync(join(folder, 'db', 'startup')), []);
});

test('startup messages are sent on behalf of those who had them written, at every start', async (t) => {
	const folder = temporaryFolder(t);
	const acl = join(folder, 'keys', 'acl.yaml');
	mkdirSync(join(folder, 'keys'));
	const mayWrite = '{from: client, method: REQStartupWrite}';
	writeFileSync(acl, `rules: [${mayWrite}, {from: client, method: REQPing}]\n`);
	const keys = { keysFolder: join(folder, 'keys') };
	const first = await start(t, folder, keys);
	const ran = join(folder, 'ran');
	const data = `[{"method":"ping"},${touch(ran)}]`;
	const [answer] = await first.node.api.accept(
		{ toNode: 'central', method: 'startup-write', methodArgs: ['theirs'], data },
		'spec',
		{ askedBy: ['client'] },
	);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	assert.equal((await settled(first.node, [answer.id]))[0]?.state, 'done');
	await first.node.stop();
	const place = join(folder, 'db', 'startup');
	const modes = [place, join(place, 'theirs')].map((path) => statSync(path).mode & 0o777);
	assert.deepEqual(modes, [0o700, 0o600]);
	const { node } = await start(t, folder, keys);
	assert.equal(startups(node).length, 1, 'the ping is taken');
	const refused = node.signals.recent().find(({ type }) => type === 'message.refused');
	assert.match(JSON.stringify(refused), /no rule allows client REQCliCommand/);
	assert.ok(!existsSync(ran));
});

test('a file that says wrongly for whom it is, is refused, and does not stop the others', async (t) => {
	const folder = temporaryFolder(t);
	write(folder, 'a', '#reeve asked-by ["local"]\n{"method":"ping"}');
	write(folder, 'b', '#reeve asked-by');
	write(folder, 'c', '{"method":"ping"}');
	const { node } = await start(t, folder);
	assert.equal(startups(node).length, 1);
	assert.match(JSON.stringify(node.signals.recent()), /its first line does not say for whom/);
});
