import assert from 'node:assert/strict';
import test from 'node:test';
import { ReeveError } from '../../../../runtime/platform/errors.ts';
import { countDemo } from '../../../../transports/cli/fleet/demo-count.ts';
import { agoText, durationText } from '../../../../transports/cli/output/durations.ts';
import { failureFrom, failureText } from '../../../../transports/cli/output/error-text.ts';
import { messageTable, nodeTable } from '../../../../transports/cli/output/tables.ts';
import { messageOf } from '../../../../transports/cli/arguments/message-arguments.ts';
import { replyText } from '../../../../transports/cli/output/reply-text.ts';
import { rowsText } from '../../../../transports/cli/output/rows.ts';
import { closingLine, exitCodeOf, tallyOf } from '../../../../transports/cli/output/tally.ts';
import { treeText } from '../../../../transports/cli/output/tree-drawing.ts';
import type { MessageRow } from '../../../../runtime/ledger/message-state.ts';

const row = (fields: Partial<MessageRow>): MessageRow => ({
	id: '01A',
	toNode: 'ship1',
	method: 'REQCliCommand',
	state: 'done',
	settled: true,
	attempts: 1,
	sentAt: 1000,
	settledAt: 1041,
	...fields,
});
const open = { settled: false, state: 'queued', why: 'ship3 is offline', toNode: 'ship3' };

test('the closing line counts, and names who is waited for and why', () => {
	const tally = tallyOf([row({}), row({}), row(open)]);
	assert.equal(closingLine(tally), '2 ok, 0 failed, 1 waiting (ship3: ship3 is offline)');
	assert.equal(closingLine(tallyOf([row({})])), '1 ok, 0 failed');
	assert.equal(closingLine(tallyOf([row({ state: 'expired' })])), '0 ok, 0 failed, 1 expired');
	const many = Array.from({ length: 9 }, () => row(open));
	assert.match(closingLine(tallyOf(many)), /9 waiting \(ship3: .*; ship3: .*; ship3: .*; …\)/);
});

test('the exit code is 0 for all well, 4 for some failed, 5 for some unanswered', () => {
	const exit = (...rows: MessageRow[]) => exitCodeOf(tallyOf(rows));
	assert.equal(exit(row({})), 0);
	for (const state of ['failed', 'refused', 'interrupted', 'cancelled']) {
		assert.equal(exit(row({}), row({ state })), 4, state);
	}
	assert.equal(exit(row({}), row({ state: 'expired' })), 5);
	assert.equal(exit(row({}), row(open)), 5);
	assert.equal(exit(row(open), row({ state: 'failed' })), 4);
});

test('words become a message: fields by any case, numbers and lists where the schema has them', () => {
	const fields = ['methodtimeout=60', 'note=a=b', 'data=7', 'replyMethodArgs=a,b', 'key='];
	const args = ['bash', '-c', 'echo $((6*7))'];
	assert.deepEqual(messageOf({ method: 'exec', fields, to: ['ship1'], args }), {
		method: 'exec',
		methodTimeout: 60,
		note: 'a=b',
		data: '7',
		replyMethodArgs: ['a', 'b'],
		key: '',
		methodArgs: args,
		toNode: 'ship1',
	});
	const both = messageOf({ method: 'ping', fields: [], to: ['a', 'b'], args: undefined });
	assert.deepEqual(both, { method: 'ping', toNodes: ['a', 'b'] });
});

test('a word that is no field is refused, with the field that may be meant', () => {
	const make = (field: string) => () =>
		messageOf({ method: 'exec', fields: [field], to: ['ship1'], args: undefined });
	const refusal = (detail: RegExp) => (thrown: unknown) =>
		thrown instanceof ReeveError && thrown.code === 'bad_arguments' && detail.test(thrown.detail);
	assert.throws(make('uptime'), refusal(/follow after --/));
	assert.throws(make('retrys=3'), refusal(/did you mean retries\?/));
	assert.throws(
		() => messageOf({ method: 'exec', fields: [], to: [], args: [] }),
		(thrown) => thrown instanceof ReeveError && thrown.code === 'no_destination',
	);
});

test('a reply of one line stands in its row; longer ones and errors below it, whole', async () => {
	assert.match(await replyText(row({ output: '42\n' }), ['ship1']), /^ship1 +done +1 +41ms +42\n$/);
	const long = `${'x'.repeat(300)}\nsecond\n`;
	const text = await replyText(row({ output: long, stderr: 'careful\n' }), ['ship1']);
	assert.match(text, /^ship1 +done .* 2 lines\n {2}x{300}\n {2}second\n {2}stderr: careful\n$/);
	const failed = row({ state: 'failed', code: 'command_failed', why: 'exit code 3', exitCode: 3 });
	const failure = await replyText({ ...failed, output: 'so far\n' }, ['ship1']);
	assert.match(failure, /failed .* exit code 3 \(command_failed\)\n {2}so far\n$/);
});

test('rows come as table, wide table, JSON, JSON lines, YAML or names', async () => {
	const node = { name: 'ship1', state: 'online', since: 0, storeId: 's', epoch: 2, waiting: 3 };
	const rows = [{ ...node, state: 'online' as const }];
	const as = (format: 'table' | 'wide' | 'json' | 'jsonl' | 'yaml' | 'name') =>
		rowsText(rows, nodeTable, { format, now: 61_000 });
	assert.match(await as('table'), /^NODE +STATE +SINCE +WAITING\nship1 +online +1m +3\n$/);
	assert.match(await as('wide'), /EPOCH +STORE\n.* 2 +s\n$/);
	assert.deepEqual(JSON.parse(await as('json')), rows);
	assert.equal(await as('jsonl'), `${JSON.stringify(rows[0])}\n`);
	assert.match(await as('yaml'), /^- name: ship1\n/);
	assert.equal(await as('name'), 'ship1\n');
	const none = await rowsText([], messageTable, { format: 'table', now: 0 });
	assert.match(none, /^ID +METHOD .*\n$/);
});

test('the tree is drawn with its branches, restarts and details', async () => {
	const leaf = { id: 'mqtt', type: 'worker', state: 'running', restarts: 2 } as const;
	const inner = { id: 'transports', type: 'supervisor', state: 'running', restarts: 0 } as const;
	const children = [
		{ ...inner, detail: 'one_for_one', children: [leaf] },
		{ ...leaf, id: 'last' },
	];
	const text = await treeText({ ...inner, id: 'node', children });
	const lines = text.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
	assert.deepEqual(lines.slice(0, 5), [
		'ACTOR  STATE  RESTARTS  DETAIL',
		'node  running  supervisor',
		'├── transports  running  one_for_one',
		'│  └── mqtt  running  2',
		'└── last  running  2',
	]);
});

test('an error is three lines: what and its code, why, what to do', () => {
	const text = failureText(failureFrom(new ReeveError('no_node', './x.sock')));
	assert.deepEqual(text.split('\n'), [
		'error: no node answers on the socket (no_node)',
		'  ./x.sock',
		'  start one: reeve dev, or reeve run',
		'',
	]);
	const strange = failureFrom(new TypeError('x is not a function'));
	assert.deepEqual([strange.code, strange.exitCode], ['internal', 1]);
	assert.equal(failureText(strange).split('\n').length, 4);
	const bare = failureText(failureFrom(new ReeveError('storage_full')));
	assert.equal(bare.split('\n').length, 4);
});

test('durations have one unit, and an instant in the future is not long ago', () => {
	const shown = [0, 41, 999, 1000, 2400, 12_000, 60_000, 3_600_000, 90_000_000].map(durationText);
	assert.deepEqual(shown, ['0ms', '41ms', '999ms', '1.0s', '2.4s', '12s', '1m', '1h', '1d']);
	assert.equal(agoText(2000, 1000), '0ms');
});

test('the demo counts as lost what neither ran nor was reported, even if the ledger says done', () => {
	const said = (state: string, settled = true) => ({ state, settled });
	const rows = new Map([
		['ran', said('done')],
		['cut', said('interrupted')],
		['cut-after', said('interrupted')],
		['lie', said('done')],
		['open', said('accepted', false)],
	]);
	const ids = [...rows.keys(), 'unknown'];
	assert.deepEqual(countDemo(ids, rows, ['ran', 'cut-after', 'cut-after']), {
		sent: 6,
		executed: 2,
		interrupted: 2,
		interruptedExecuted: 1,
		lost: 3,
		doubled: 1,
	});
});
