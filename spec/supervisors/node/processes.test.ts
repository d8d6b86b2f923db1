import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { textIn, until } from '../../support/condition.ts';
import { type Fleet, startFleet } from '../../support/processes.ts';
import type { TreeRow } from '../../../runtime/queries/question.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const bounded = { timeout: 60_000 };

const flags = ['--startSubREQToConsole', 'false', '--unknownMethodGrace', '0'];

let fleet: Fleet;
before(async () => {
	fleet = await startFleet(['central']);
	await fleet.start('ship1', flags);
});
after(() => fleet.stop());

async function send(fields: object): Promise<string> {
	const [answer] = await fleet.send('central', [{ toNode: 'ship1', ...fields }]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	return answer.id;
}

async function outcome(id: string): Promise<MessageRow> {
	const [row] = await fleet.settled('central', [id]);
	assert.ok(row);
	return row;
}

const run = async (method: string, ...methodArgs: string[]) =>
	outcome(await send({ method, methodArgs }));
const operate = async (opCmd: string, opArg?: object) =>
	outcome(await send({ method: 'REQOpCommand', operation: { opCmd, opArg } }));

/** The line of a process in the list. */
async function lineOf(name: string): Promise<string> {
	const { output = '' } = await run('REQOpProcessList');
	return output.split('\n').find((line) => line.includes(`name: ${name}`)) ?? '';
}

const web = 'ship1.REQHttpGet.EventACK';
const page = { method: 'REQHttpGet', methodArgs: ['data:text/plain,page'] };

test("the list has steward's lines, in order", bounded, async () => {
	const { output = '', state } = await run('REQOpProcessList');
	assert.equal(state, 'done');
	const lines = output.trimEnd().split('\n');
	for (const line of lines) {
		assert.match(line, /^\S+Z, process: (?:subscriber|publisher), id: \d+, name: ship1?\S+/);
	}
	const subscribers = lines
		.filter((line) => line.includes('subscriber'))
		.map((line) => line.split('name: ')[1] ?? '');
	assert.deepEqual(subscribers, subscribers.toSorted());
	assert.equal((await operate('ps')).state, 'done');
});

test('a stopped subscriber keeps its messages, visibly, until it is started', bounded, async () => {
	assert.equal((await run('REQOpProcessStop', 'REQHttpGet', 'ship1', 'subscriber')).state, 'done');
	const id = await send({ ...page, directory: 'd', fileName: 'held', replyMethod: 'REQToFile' });
	let line = '';
	while (!line.includes('waiting: 1')) line = await lineOf(web);
	assert.match(line, /id: -, .*, state: stopped, waiting: 1$/);
	const [tree] = (await fleet.ask('ship1', { reeve: 'tree' })) as TreeRow[];
	const subscribers = tree?.children?.find((row) => row.id === 'subscribers');
	const row = subscribers?.children?.find((child) => child.id === 'REQHttpGet');
	assert.equal(row?.state, 'stopped');
	assert.equal((await run('REQOpProcessStart', 'REQHttpGet')).state, 'done');
	assert.equal((await outcome(id)).state, 'done');
	const file = join(fleet.data('central'), 'd/ship1/held');
	await until('the held message has run', () => textIn(file) === 'page');
	assert.match(await lineOf(web), /id: \d+, name: \S+$/);
});

test(
	'it stays stopped over a restart of the node, and so does one that was started',
	bounded,
	async () => {
		const wrong = await run('REQToConsole');
		assert.deepEqual([wrong.state, wrong.code], ['refused', 'unknown_method']);
		assert.equal((await run('REQOpProcessStart', 'REQToConsole')).state, 'done');
		assert.equal((await outcome(await send({ method: 'REQToConsole', data: 'x' }))).state, 'done');
		const stopped = await operate('stopProc', { method: 'http-get', receivingNode: 'ship1' });
		assert.equal(stopped.state, 'done');
		const id = await send(page);
		await fleet.kill('ship1');
		await fleet.start('ship1', flags);
		assert.match(await lineOf(web), /state: stopped/);
		assert.equal((await outcome(await send({ method: 'REQToConsole', data: 'x' }))).state, 'done');
		const started = await operate('startProc', { method: 'REQHttpGet', allowedNodes: ['central'] });
		assert.match(started.output ?? '', /started process: subscriber.*\nallowedNodes has no effect/);
		assert.equal((await outcome(id)).state, 'done');
	},
);

test('a stopped publisher keeps its messages until it is started', bounded, async () => {
	const name = ['REQToFile', 'central', 'publisher'];
	const wanted = { ...page, replyMethod: 'REQToFile', directory: 'd', fileName: 'late' };
	assert.equal((await outcome(await send(wanted))).state, 'done');
	assert.equal((await run('REQOpProcessStop', ...name)).state, 'done');
	const id = await send(wanted);
	let line = '';
	while (!line.includes('waiting: 1')) line = await lineOf('central/REQToFile/EventACK');
	assert.match(line, /publisher, id: -, .*state: stopped/);
	assert.equal((await run('REQOpProcessStart', ...name)).state, 'done');
	assert.equal((await outcome(id)).state, 'done');
});

test('a node does not saw off the branch that it sits on, and says so', bounded, async () => {
	for (const method of ['REQOpProcessStart', 'process-stop', 'REQOpProcessList', 'REQOpCommand']) {
		const { state, code } = await run('REQOpProcessStop', method, 'local', 'subscriber');
		assert.deepEqual([state, code], ['failed', 'process_needed'], method);
	}
	const outcomes = await run('REQOpProcessStop', 'REQNone', 'central', 'publisher');
	assert.equal(outcomes.code, 'process_needed');
	const methodArgs = ['REQToFileAppend', 'central', 'publisher'];
	const own = await outcome(
		await send({ method: 'REQOpProcessStop', methodArgs, directory: 'd', fileName: 'f' }),
	);
	assert.equal(own.code, 'process_needed');
});

test('what is not there, or was another process, is not stopped', bounded, async () => {
	const [, id = ''] = /id: (\d+)/.exec(await lineOf(web)) ?? [];
	const wrong = [
		['REQHttpGet', 'ship1', 'subscriber', `${Number(id) + 1000}`],
		['REQHttpGet', 'ship2', 'subscriber'],
		['REQNoSuchMethod', 'ship1', 'subscriber'],
		['REQHttpGet', 'ship7', 'publisher'],
	];
	for (const args of wrong) {
		const { state, code } = await run('REQOpProcessStop', ...args);
		assert.deepEqual([state, code], ['failed', 'not_found'], args.join(' '));
	}
	assert.equal(
		(await run('REQOpProcessStop', 'REQHttpGet', 'ship1', 'subscriber', id)).state,
		'done',
	);
	assert.equal((await run('REQOpProcessStart', 'REQHttpGet')).state, 'done');
	assert.equal((await run('REQOpProcessStart', 'REQHttpGet')).state, 'done', 'twice is once');
	assert.equal((await run('REQOpProcessStart', 'REQNoSuchMethod')).code, 'unknown_method');
});

test('wrong arguments and operations are failures that name what is wrong', bounded, async () => {
	assert.equal(
		(await run('REQOpProcessStop', 'REQPong', 'ship1', 'neither')).code,
		'bad_arguments',
	);
	for (const methodArgs of [[], ['REQPong'], ['a', 'b', 'c', 'd', 'e']]) {
		const message = { toNode: 'ship1', method: 'REQOpProcessStop', methodArgs };
		const [answer] = await fleet.send('central', [message]);
		assert.ok(answer && 'error' in answer && answer.error === 'bad_arguments');
	}
	assert.equal((await operate('restart')).code, 'bad_arguments');
	assert.equal((await operate('stopProc')).code, 'bad_arguments');
	assert.equal((await operate('startProc', { method: 7 })).code, 'bad_arguments');
	assert.equal((await run('REQOpCommand')).code, 'bad_arguments');
});
