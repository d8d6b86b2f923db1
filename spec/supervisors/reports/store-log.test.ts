import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { MessageRecord } from '../../../runtime/ledger/message-record.ts';
import type { OperationRow } from '../../../runtime/queries/operation-rows.ts';
import { startNode, type RunningNode } from '../../../supervisors/node/node.ts';
import { runReeve } from '../../support/command-line.ts';
import { ask, send, settled } from '../../support/local-nodes.ts';
import { startFleet } from '../../support/processes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

function readLog(folder: string, at = 0): MessageRecord[] {
	const path = join(folder, at === 0 ? 'store.log' : `store.log.${at}`);
	if (!existsSync(path)) return [];
	const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
	return lines.map((line) => JSON.parse(line) as MessageRecord);
}

/** A node without a broker; one in the same folder finds its journal again. */
async function start(
	t: TestContext,
	folder: string,
	values: Parameters<typeof configOf>[0] = {},
): Promise<RunningNode> {
	const own = { databaseFolder: folder, subscribersDataFolder: join(folder, 'data') };
	const config = configOf({ ...own, startPubREQHello: 0, logLevel: 'silent', ...values });
	const node = await startNode(config, { transports: [] });
	t.after(() => node.stop());
	return node;
}

const echo = (...words: string[]) => ({
	toNode: 'central',
	method: 'REQCliCommand',
	methodArgs: ['echo', ...words],
});
/** Resolves when a message is in the log. */
async function recorded(node: RunningNode, folder: string, id: string): Promise<void> {
	await settled(node, id);
	while (readLog(folder).every((record) => record.id !== id)) await turnOfTheLoop();
}

const resend = (node: RunningNode, ...ids: string[]) =>
	ask<OperationRow>(node, { reeve: 'resend', ids });

test('each message that came to its end has a line, in order, with all that it held', async (t) => {
	const folder = temporaryFolder(t);
	const node = await start(t, folder);
	const ids: string[] = [];
	for (const word of ['a', 'b', 'c']) {
		ids.push(await send(node, { ...echo(word), note: 'why' }));
		await settled(node, ids.at(-1) ?? '');
	}
	const failing = await send(node, { ...echo(), methodArgs: ['sh', '-c', 'exit 3'] });
	await settled(node, failing);
	await node.stop();
	const log = readLog(folder);
	assert.deepEqual(
		log.map(({ id, outcome }) => [id, outcome]),
		[...ids.map((id) => [id, 'done']), [failing, 'failed']],
	);
	const [first, , , last] = log;
	assert.match(first?.sentAt ?? '', /^20\d\d-\d\d-\d\dT\S+Z$/);
	assert.equal(first?.note, 'why');
	const { message } = first ?? {};
	assert.equal(Reflect.get(Object(message), 'method'), 'REQCliCommand');
	assert.deepEqual(Reflect.get(Object(message), 'methodArgs'), ['echo', 'a']);
	assert.deepEqual([last?.exitCode, last?.code], [3, 'command_failed']);
	assert.equal(statSync(join(folder, 'store.log')).mode & 0o777, 0o600);
	assert.doesNotMatch(readFileSync(join(folder, 'store.log'), 'utf8'), /"output"/);
});

test('what was not written before a death is written at the next start, and nothing twice', async (t) => {
	const folder = temporaryFolder(t);
	const first = await start(t, folder);
	for (let count = 0; count < 5; count += 1) await settled(first, await send(first, echo('x')));
	await first.stop();
	const path = join(folder, 'store.log');
	const whole = readFileSync(path, 'utf8');
	assert.equal(readLog(folder).length, 5);
	const lines = whole.split('\n');
	for (const cut of [
		`${lines.slice(0, 2).join('\n')}\n${lines[2]?.slice(0, 20)}`,
		`${lines.slice(0, 4).join('\n')}\n`,
		whole,
		'',
		`${lines[0]?.slice(0, 9)}`,
	]) {
		writeFileSync(path, cut);
		const again = await start(t, folder);
		await again.stop();
		assert.equal(readFileSync(path, 'utf8'), whole);
	}
});

test('a table of settled messages that was emptied by hand numbers from the beginning, and the log goes on', async (t) => {
	const folder = temporaryFolder(t);
	const first = await start(t, folder);
	for (let count = 0; count < 3; count += 1) await settled(first, await send(first, echo('x')));
	await first.stop();
	const second = await start(t, folder);
	await ask(second, { reeve: 'drop', where: { state: 'done' } });
	await second.stop();
	const third = await start(t, folder);
	const id = await send(third, echo('new'));
	await settled(third, id);
	await third.stop();
	const log = readLog(folder);
	assert.equal(log.length, 4);
	assert.equal(log.at(-1)?.id, id);
	const last = await start(t, folder);
	await last.stop();
	assert.equal(readLog(folder).length, 4);
});

test('the log is rotated by size, and only so many files are kept', async (t) => {
	const folder = temporaryFolder(t);
	const node = await start(t, folder, { storeLogBytesMax: 1000, storeLogFilesMax: 3 });
	for (let count = 0; count < 15; count += 1) await settled(node, await send(node, echo('x')));
	await node.stop();
	for (const at of [0, 1, 2]) assert.ok(readLog(folder, at).length > 0);
	assert.equal(readLog(folder, 3).length, 0);
	assert.ok(statSync(join(folder, 'store.log.1')).size <= 1000);
	const orders = [2, 1, 0].flatMap((at) => readLog(folder, at).map(({ order }) => order));
	assert.deepEqual(
		orders,
		orders.toSorted((one, other) => one - other),
	);
	const none = temporaryFolder(t);
	const silent = await start(t, none, { storeLogFilesMax: 0 });
	await settled(silent, await send(silent, echo('x')));
	await silent.stop();
	assert.equal(existsSync(join(none, 'store.log')), false);
});

test('any message of the log can be sent again: done, failed, or forgotten by the ledger', async (t) => {
	const folder = temporaryFolder(t);
	const node = await start(t, folder, { settledKeptMax: 2 });
	const old = await send(node, { ...echo('old'), note: 'why' });
	await recorded(node, folder, old);
	const binary = { toNode: 'central', method: 'REQToFile', fileName: 'f', id: 'binary' };
	const bytes = { ...binary, data: Uint8Array.of(0, 255, 10, 200) };
	await recorded(node, folder, await send(node, bytes));
	const ids: string[] = [];
	for (let count = 0; count < 5; count += 1) {
		ids.push(await send(node, echo(`${count}`)));
		await recorded(node, folder, ids.at(-1) ?? '');
	}
	await node.stop();
	// More are kept from here on: what is sent again must not be forgotten before it is watched.
	const next = await start(t, folder, { settledKeptMax: 10 });
	writeFileSync(join(folder, 'data', 'central', 'f'), '');
	const rows = await resend(next, old, 'binary', ids.at(-1) ?? '', 'nobody');
	assert.deepEqual(
		rows.map((row) => ('error' in row ? row.error : row.state)),
		['queued', 'queued', 'queued', 'not_found'],
	);
	const newIds = rows.flatMap((row) => ('error' in row ? [] : [row.newId ?? '']));
	const again = new Map<string, MessageRow>();
	for await (const row of next.api.ask(
		{ reeve: 'watch', ids: newIds },
		new AbortController().signal,
	)) {
		again.set((row as MessageRow).id, row as MessageRow);
	}
	const [first, , third] = newIds.map((id) => again.get(id));
	assert.deepEqual([first?.state, first?.output], ['done', 'old\n']);
	assert.equal(first?.note, `why (resend of ${old})`);
	assert.equal(third?.output, '4\n');
	const written = readFileSync(join(folder, 'data', 'central', 'f'));
	assert.deepEqual([...written], [0, 255, 10, 200]);
	assert.deepEqual(
		(await resend(next, '0')).map((row) => 'error' in row && row.error),
		['not_found'],
		'more than one begins so',
	);
});

test('a message that is too large to be kept is recorded without its content', async (t) => {
	const folder = temporaryFolder(t);
	const node = await start(t, folder, { bodyKeptBytesMax: 200 });
	const id = await send(node, { ...echo('x'), note: 'y'.repeat(300) });
	await settled(node, id);
	assert.deepEqual(
		(await resend(node, id)).map((row) => 'error' in row && row.error),
		['not_kept'],
	);
	await node.stop();
	assert.equal(readLog(folder)[0]?.message, undefined);
});

test('a disk that cannot be written stops nothing, is reported, and the log follows later', async (t) => {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'store.log'));
	const node = await start(t, folder);
	const id = await send(node, echo('x'));
	assert.equal((await settled(node, id)).state, 'done');
	await node.stop();
	assert.equal(node.signals.counts()['record.failed'], 1);
	assert.ok(node.signals.recent().some(({ type }) => type === 'error.reported'));
	rmdirSync(join(folder, 'store.log'));
	const next = await start(t, folder);
	await next.stop();
	assert.ok(readLog(folder).some((record) => record.id === id));
});

test('a process that was replaced writes nothing more into the log of its successor', async (t) => {
	const folder = temporaryFolder(t);
	const first = await start(t, folder);
	await settled(first, await send(first, echo('a')));
	const second = await start(t, folder);
	const id = await send(second, echo('b'));
	await recorded(second, folder, id);
	await first.stop();
	await second.stop();
	const ids = readLog(folder).map((record) => record.id);
	assert.equal(new Set(ids).size, ids.length);
	assert.equal(ids.at(-1), id);
});

test('reeve resend sends again; and a central that is killed over and over records each outcome once', async (t) => {
	const fleet = await startFleet(['central']);
	t.after(() => fleet.stop());
	const database = join(fleet.folder, 'central', 'db');
	const ids: string[] = [];
	for (let round = 0; round < 3; round += 1) {
		const messages = Array.from({ length: 60 }, (_, at) => ({
			toNode: 'central',
			method: 'REQNone',
			id: `round-${round}.${at}`,
		}));
		await fleet.send('central', messages);
		ids.push(...messages.map(({ id }) => id));
		await fleet.kill('central');
		await fleet.start('central', ['--uncleanStartsMax', '100']);
	}
	await fleet.settled('central', ids);
	const surroundings = { cwd: fleet.folder, env: { REEVE_SOCKET: fleet.socket('central') } };
	const { code, stdout } = await runReeve(['resend', 'round-0.7', 'round-9.9'], surroundings);
	assert.equal(code, 3);
	assert.match(stdout, /^round-0\.7 {2}queued {2}as \S+\nround-9\.9 {2}not_found/);
	// A clean start writes what is still missing.
	await fleet.kill('central');
	await fleet.start('central', ['--uncleanStartsMax', '100']);
	const count = () => readLog(database).filter(({ id }) => id.startsWith('round-')).length;
	while (count() < ids.length) await fleet.ask('central', { reeve: 'node' });
	const recorded = readLog(database).map(({ id }) => id);
	assert.equal(new Set(recorded).size, recorded.length, 'nothing is recorded twice');
	for (const id of ids) assert.ok(recorded.includes(id), id);
});
