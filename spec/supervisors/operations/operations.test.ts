import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type {
	AuditRow,
	MessageTimeline,
	OperationRow,
} from '../../../runtime/queries/operation-rows.ts';
import type { RunningNode } from '../../../supervisors/node/node.ts';
import { ask, seen, send, settled, startLocalFleet } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const command = (...methodArgs: string[]) => ({
	toNode: 'ship1',
	method: 'REQCliCommand',
	methodArgs,
	methodTimeout: 60,
});
const operate = (node: RunningNode, reeve: string, more: object) =>
	ask<OperationRow>(node, { reeve, ...more });
const codes = (rows: readonly OperationRow[]) =>
	rows.map((row) => ('error' in row ? row.error : row.state));
const words = ({ events }: MessageTimeline) => events.map(({ what }) => what);
const timelineOf = async (node: RunningNode, id: string): Promise<MessageTimeline> => {
	const [t] = await ask<MessageTimeline>(node, { reeve: 'message', id });
	return t ?? Promise.reject(new Error('no history'));
};

test('a message that never left is taken back at once, and never runs', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const ids = [await send(central, command('false')), await send(central, command('false'))];
	assert.deepEqual(codes(await operate(central, 'cancel', { ids })), ['cancelled', 'cancelled']);
	const kept = await send(central, command('echo', 'kept'));
	const ship1 = await fleet.start('ship1');
	assert.equal((await settled(central, kept)).state, 'done');
	const started = ship1.signals.recent().filter(({ type }) => type === 'call.started');
	assert.equal(started.length, 1, 'only the one that was not taken back');
	const row = await settled(central, ids[0] ?? '');
	assert.deepEqual([row.state, row.code], ['cancelled', 'cancelled']);
	assert.deepEqual(codes(await operate(central, 'cancel', { ids: [kept] })), ['already_settled']);
});

test('a message far behind in its lane is taken back where it stands', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central', { windowMessagesMax: 4 });
	const message = { toNode: 'ship1', method: 'REQToFileAppend', directory: 'd', fileName: 'f' };
	const ids: string[] = [];
	for (let number = 0; number < 20; number += 1) {
		ids.push(await send(central, { ...message, data: `${number}\n` }));
	}
	const taken = [ids[0] ?? '', ids[12] ?? '', ids[19] ?? ''];
	assert.deepEqual(
		new Set(codes(await operate(central, 'cancel', { ids: taken }))),
		new Set(['cancelled']),
	);
	const folder = temporaryFolder(t);
	await fleet.start('ship1', { subscribersDataFolder: folder });
	await settled(central, ids[18] ?? '');
	const lines = readFileSync(join(folder, 'd', 'ship1', 'f'), 'utf8')
		.trim()
		.split('\n');
	const expected = ids.flatMap((id, number) => (taken.includes(id) ? [] : [String(number)]));
	assert.deepEqual(lines, expected);
});

test('a command that runs is told to end, and its outcome is cancelled', async (t) => {
	const fleet = await startLocalFleet(t);
	const [central, ship1] = [await fleet.start('central'), await fleet.start('ship1')];
	const id = await send(central, command('sleep', '50'));
	await seen(ship1, 'call.started', id);
	assert.deepEqual(codes(await operate(central, 'cancel', { ids: [id] })), ['cancelling']);
	const row = await settled(central, id);
	assert.deepEqual([row.state, row.code], ['cancelled', 'cancelled']);
	const { received: receipt } = await timelineOf(ship1, id);
	assert.deepEqual([receipt?.state, receipt?.attempts, receipt?.from], ['cancelled', 1, 'central']);
});

test('what waits at its receiver can be taken back at either end, by id or by age', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const ship1 = await fleet.start('ship1', { callsMax: 1 });
	const first = await send(central, command('sleep', '50'));
	await seen(ship1, 'call.started', first);
	const waiting: string[] = [];
	for (let number = 0; number < 3; number += 1) waiting.push(await send(central, command('false')));
	const [bySender = '', byReceiver = '', byAge = ''] = waiting;
	await seen(ship1, 'message.accepted', byAge);
	assert.equal((await timelineOf(ship1, byReceiver)).received?.state, 'waiting');
	assert.deepEqual(codes(await operate(ship1, 'cancel', { ids: [byReceiver] })), ['cancelled']);
	assert.equal((await settled(central, byReceiver)).state, 'cancelled');
	await operate(central, 'cancel', { ids: [bySender] });
	assert.equal((await settled(central, bySender)).state, 'cancelled');
	const young = { state: 'waiting', olderThanMs: 3_600_000 };
	assert.deepEqual(await operate(ship1, 'cancel', { where: young }), []);
	const all = { state: 'waiting', method: 'REQCliCommand', node: 'central' };
	const rows = await operate(ship1, 'cancel', { where: all });
	assert.deepEqual(codes(rows).toSorted(), ['cancelled', 'cancelling']);
	assert.equal((await settled(central, byAge)).state, 'cancelled');
	assert.equal((await settled(central, first)).state, 'cancelled');
	const starts = ship1.signals.recent().filter((signal) => signal.type === 'call.started');
	const ran = starts.flatMap((signal) => ('id' in signal ? [signal.id] : []));
	assert.deepEqual(
		ran.filter((id) => waiting.includes(id)),
		[],
	);
});

test('a node cannot take back what another has sent', async (t) => {
	const fleet = await startLocalFleet(t);
	const [central, ship1] = [await fleet.start('central'), await fleet.start('ship1')];
	const ship2 = await fleet.start('ship2');
	const id = await send(central, command('sleep', '50'));
	await seen(ship1, 'call.started', id);
	const publicMessage = { toNode: 'ship1', method: 'cancel', methodArgs: [id] };
	const row = await settled(ship2, await send(ship2, publicMessage));
	assert.deepEqual([row.state, row.output], ['done', '0 of 1\n']);
	assert.equal((await timelineOf(ship1, id)).received?.state, 'running');
	await operate(central, 'cancel', { ids: [id] });
	assert.equal((await settled(central, id)).state, 'cancelled');
});

test('a failed message is sent again as a new one, which says so', async (t) => {
	const fleet = await startLocalFleet(t);
	const [central] = [await fleet.start('central'), await fleet.start('ship1')];
	const id = await send(central, { ...command('sh', '-c', 'exit 3'), note: 'nightly' });
	assert.equal((await settled(central, id)).state, 'failed');
	const [row] = await operate(central, 'retry', { ids: [id.slice(0, 20)] });
	assert.ok(row && 'newId' in row && row.newId);
	const again = await settled(central, row.newId);
	assert.equal(again.note, `nightly (retry of ${id})`);
	assert.equal(again.exitCode, 3);
	assert.ok(words(await timelineOf(central, id)).includes('retried'));
	const done = await send(central, command('true'));
	await settled(central, done);
	assert.deepEqual(codes(await operate(central, 'retry', { ids: [done] })), ['already_settled']);
	const filtered = await operate(central, 'retry', { where: { state: 'failed', node: 'ship2' } });
	assert.deepEqual(filtered, []);
	const both = await operate(central, 'retry', { where: { state: 'failed' } });
	assert.equal(both.length, 2);
});

test('what is too large to be kept is not sent again by hand', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central', { bodyKeptBytesMax: 200 });
	await fleet.start('ship1');
	const id = await send(central, { ...command('false'), data: 'x'.repeat(300) });
	await settled(central, id);
	assert.deepEqual(codes(await operate(central, 'retry', { ids: [id] })), ['not_kept']);
});

test('a settled entry can be forgotten, an open one cannot', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const open = await send(central, command('true'));
	const done = await send(central, { toNode: 'central', method: 'ping' });
	await settled(central, done);
	const rows = await operate(central, 'drop', { ids: [open, done, 'nobody'] });
	assert.deepEqual(codes(rows), ['still_open', 'dropped', 'not_found']);
	assert.deepEqual(codes(await operate(central, 'drop', { ids: [done] })), ['not_found']);
	await assert.rejects(operate(central, 'drop', {}), { code: 'bad_message' });
	await assert.rejects(operate(central, 'drop', { where: {} }), { code: 'bad_message' });
});

test('a dead letter keeps all that there was, and is run at most once more by each redrive', async (t) => {
	const fleet = await startLocalFleet(t);
	const methodsFolder = temporaryFolder(t);
	const [cure, runs] = [join(methodsFolder, 'cure'), join(methodsFolder, 'runs')];
	writeFileSync(
		join(methodsFolder, 'frail.mjs'),
		`import { appendFileSync, existsSync } from 'node:fs';
		export default {
			name: 'REQFrail', aliases: [], summary: 'Crash until cured', kind: 'CommandACK',
			ordering: 'concurrent', onCrash: 'retry', replies: true, example: {},
			args: { safeParse: (value) => ({ success: true, data: value }) },
			async run(message) {
				if (!existsSync(${JSON.stringify(cure)})) throw new TypeError('frail');
				appendFileSync(${JSON.stringify(runs)}, message.data + '\\n');
			},
		};`,
	);
	const values = { methodsFolder, attemptsMax: 2 };
	const central = await fleet.start('central', values);
	const ship1 = await fleet.start('ship1', values);
	const id = await send(central, { toNode: 'ship1', method: 'REQFrail', data: 'payload' });
	assert.deepEqual((await settled(central, id)).code, 'max_attempts');
	const [letter] = await ask<Record<string, unknown>>(ship1, { reeve: 'dead' });
	const { id: dead, lane, seq, attempts, detail } = letter ?? {};
	assert.deepEqual([dead, lane, seq, attempts], [id, 'ship1/REQFrail/CommandACK/', 1, 2]);
	assert.match(String(detail), /frail/);
	assert.equal((await timelineOf(ship1, id)).received?.state, 'dead');
	writeFileSync(cure, '');
	const [first, second] = await Promise.all([
		operate(ship1, 'retry', { ids: [id] }),
		operate(ship1, 'retry', { ids: [id] }),
	]);
	assert.deepEqual(codes([...first, ...second]).toSorted(), ['not_found', 'queued']);
	const [redriven] = [...first, ...second].flatMap((row) =>
		'newId' in row ? [row.newId ?? ''] : [],
	);
	await seen(ship1, 'call.ended', redriven ?? '');
	assert.equal(readFileSync(runs, 'utf8'), 'payload\n');
	assert.deepEqual(await ask(ship1, { reeve: 'dead' }), []);
	assert.ok(existsSync(cure));
});

test('both ends tell the history of a message, also after a restart', async (t) => {
	const fleet = await startLocalFleet(t);
	const first = await fleet.start('central');
	const id = await send(first, command('true'));
	const ship1 = await fleet.start('ship1');
	await settled(first, id);
	const sent = words(await timelineOf(first, id));
	assert.equal(sent[0], 'accepted');
	assert.equal(sent.at(-1), 'settled');
	assert.ok(sent.includes('sent') && sent.includes('acked'), sent.join(' '));
	assert.deepEqual(words(await timelineOf(ship1, id)), ['taken', 'started', 'ended']);
	await first.stop();
	const second = await fleet.start('central');
	assert.deepEqual(words(await timelineOf(second, id)), sent, 'it was on disk');
});

test('an audit finds every message at both ends, and says who was not asked', async (t) => {
	const fleet = await startLocalFleet(t);
	const [central, ship1] = [await fleet.start('central'), await fleet.start('ship1')];
	const ids: string[] = [];
	for (let number = 0; number < 30; number += 1) ids.push(await send(central, command('true')));
	ids.push(await send(central, { toNode: 'central', method: 'ping' }));
	for (const id of ids) await settled(central, id);
	await send(central, { toNode: 'ship2', method: 'ping' });
	const rows = await ask<AuditRow>(central, { reeve: 'audit', waitSeconds: 1 });
	const byReceiver = Object.fromEntries(rows.map((row) => [row.to, row]));
	const { checked, agrees, lost, doubled, differs, notKept } = byReceiver['ship1'] ?? {};
	assert.deepEqual([checked, agrees, lost, doubled, differs, notKept], [30, 30, 0, 0, 0, 0]);
	assert.equal(byReceiver['central']?.agrees, 1);
	assert.equal(byReceiver['ship2']?.unasked, 1);
	assert.equal(byReceiver['ship2']?.error, 'expired');
	await ship1.stop();
	const [young] = await ask<AuditRow>(central, { reeve: 'audit', to: 'ship1', newerThanMs: 0 });
	assert.equal(young, undefined, 'nothing is as young as that');
});

test('an audit of a receiver with a new store counts what the old one had run as not kept', async (t) => {
	const fleet = await startLocalFleet(t);
	const [central, ship1] = [await fleet.start('central'), await fleet.start('ship1')];
	for (let number = 0; number < 3; number += 1) {
		await settled(central, await send(central, command('true')));
	}
	await ship1.stop();
	const wiped = { databaseFolder: temporaryFolder(t) };
	await fleet.start('ship1', wiped);
	const found = async () => (await ask<AuditRow>(central, { reeve: 'audit', waitSeconds: 5 }))[0];
	const before = await found();
	// The lane of the commands still knows the old store only.
	assert.deepEqual([before?.lost, before?.notKept, before?.inFormerStore], [0, 3, 3]);
	await settled(central, await send(central, command('true')));
	const { checked, agrees, lost, notKept, inFormerStore } = (await found()) ?? {};
	assert.deepEqual([checked, agrees, lost, notKept, inFormerStore], [4, 1, 0, 3, 3]);
	await central.stop();
	const again = await fleet.start('central');
	const [row] = await ask<AuditRow>(again, { reeve: 'audit', waitSeconds: 5 });
	assert.deepEqual([row?.agrees, row?.lost, row?.inFormerStore], [1, 0, 3], 'it is on disk');
});
