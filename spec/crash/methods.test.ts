import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { realClock } from '../../runtime/platform/clock.ts';
import { sizeOf, textIn, until } from '../support/condition.ts';
import { type Fleet, startFleet } from '../support/processes.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

const bounded = { timeout: 120_000 };

let fleet: Fleet;
before(async () => {
	fleet = await startFleet(['central', 'ship1']);
});
after(() => fleet.stop());

/** Hands central a message for ship1. */
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

/** Nodes that die so often would come up in safe mode. */
const start = (node: string) => fleet.start(node, ['--uncleanStartsMax', '1000']);

async function restart(node: string): Promise<void> {
	await fleet.kill(node);
	await start(node);
}

const place = (name: string) => join(fleet.folder, name);
const result = (fileName: string) => join(fleet.data('central'), 'crash', 'ship1', fileName);
const filed = (fileName: string) => ({ directory: 'crash', fileName });

/** A command that marks its start, and ends when a file is there. */
const holding = (name: string) =>
	[
		`echo run >> ${place(name)}.runs; echo early`,
		`until [ -e ${place(name)}.go ]; do sleep 0.05; done; echo late`,
	].join('; ');

test('a command runs once though its sender is killed meanwhile', bounded, async () => {
	const methodArgs = ['bash', '-c', holding('exec')];
	const id = await send({
		...filed('exec'),
		method: 'REQCliCommand',
		methodArgs,
		methodTimeout: 60,
	});
	await until('it runs', () => sizeOf(place('exec.runs')) > 0);
	await restart('central');
	writeFileSync(place('exec.go'), '');
	const { state, output } = await outcome(id);
	assert.deepEqual({ state, output }, { state: 'done', output: 'early\nlate\n' });
	assert.equal(textIn(place('exec.runs')), 'run\n');
	await until('its result is filed', () => textIn(result('exec')) === 'early\nlate\n');
});

test(
	'each line of a streaming command comes once though its sender is killed meanwhile',
	bounded,
	async () => {
		const methodArgs = ['bash', '-c', holding('cont')];
		const message = { ...filed('cont'), method: 'REQCliCommandCont', methodArgs };
		const id = await send({ ...message, methodTimeout: 60 });
		await until('the first line is filed', () => textIn(result('cont')) === 'early\n');
		await restart('central');
		writeFileSync(place('cont.go'), '');
		assert.equal((await outcome(id)).state, 'done');
		await until('the last line is filed', () => textIn(result('cont')) === 'early\nlate\n');
	},
);

test(
	'a streaming command whose node is killed is reported, and what it printed by then is kept',
	bounded,
	async () => {
		const methodArgs = ['bash', '-c', holding('report')];
		const message = { ...filed('report'), method: 'REQCliCommandCont', methodArgs };
		const id = await send({ ...message, methodTimeout: 60 });
		await until('the first line is filed', () => textIn(result('report')) === 'early\n');
		await restart('ship1');
		assert.equal((await outcome(id)).state, 'interrupted');
		assert.equal(textIn(result('report')), 'early\n');
		assert.equal(textIn(place('report.runs')), 'run\n');
	},
);

test(
	'a followed file goes on after its last line, over a crash of either end and a rotation',
	bounded,
	async () => {
		const log = place('some.log');
		let written = '';
		const add = (text: string) => {
			written += text;
			appendFileSync(log, text);
		};
		/** Everything from the first line that was seen on is filed, each line once. */
		const isFiled = () => {
			const text = textIn(result('tail'));
			const [first = ''] = text.split('\n');
			return text !== '' && text === written.slice(written.indexOf(first));
		};
		const id = await send({ ...filed('tail'), method: 'REQTailFile', methodArgs: [log] });
		let count = 0;
		await until('it is followed', () => {
			if (sizeOf(result('tail')) > 0) return true;
			add(`probe ${(count += 1)}\n`);
			return false;
		});
		add('one\n');
		await until('one is filed', isFiled);
		await fleet.kill('ship1');
		add('two\n');
		renameSync(log, `${log}.1`);
		add('three\n');
		await start('ship1');
		await until('three is filed', isFiled);
		await fleet.kill('central');
		add('four\n');
		await start('central');
		await until('four is filed', isFiled);
		await restart('ship1');
		add('five\n');
		await until('five is filed', isFiled);
		await send({ method: 'REQCancel', methodArgs: [id] });
		assert.equal((await outcome(id)).state, 'cancelled');
		assert.ok(isFiled(), 'no line was filed twice');
	},
);

test(
	'a page is fetched again after a crash of the node, and once if its sender crashes',
	bounded,
	async (t) => {
		const held: ServerResponse[] = [];
		const server = createServer((_request, response) => held.push(response));
		await once(server.listen(0, '127.0.0.1'), 'listening');
		t.after(() => {
			server.closeAllConnections();
			server.close();
		});
		const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
		const message = { method: 'REQHttpGet', methodArgs: [url], replyMethod: 'REQToFile' };
		const id = await send({ ...message, ...filed('page'), methodTimeout: 60 });
		await until('it is asked for', () => held.length === 1);
		await restart('ship1');
		await until('it is asked for again', () => held.length === 2);
		await restart('central');
		held[1]?.end('the page');
		const { state, attempts } = await outcome(id);
		assert.deepEqual({ state, attempts }, { state: 'done', attempts: 2 });
		assert.equal(held.length, 2);
		await until('it is filed', () => textIn(result('page')) === 'the page');
	},
);

test('a schedule goes on after a crash of the node', bounded, async () => {
	const methodArgs = ['bash', '-c', `echo tick >> ${place('ticks')}; echo tick`];
	const message = { method: 'REQCliCommand', methodArgs, ...filed('ticks') };
	const id = await send({ ...message, schedule: { every: 1, times: 4 } });
	await until('it has run twice', () => sizeOf(place('ticks')) >= 'tick\n'.length * 2);
	await restart('ship1');
	const { state } = await outcome(id);
	assert.equal(state, 'done');
	const ran = textIn(place('ticks'));
	// One that the death has caught is not run again, and counts.
	assert.ok(ran === 'tick\n'.repeat(4) || ran === 'tick\n'.repeat(3), ran);
});

test(
	'a file of 100 MB arrives complete over a crash of each end, and is not sent anew',
	bounded,
	async () => {
		const bytes = realClock.bytes(100_000_000);
		mkdirSync(fleet.data('ship1'), { recursive: true });
		writeFileSync(join(fleet.data('ship1'), 'large'), bytes);
		const sum = createHash('sha256').update(bytes).digest('hex');
		const target = join(fleet.data('central'), 'copies', 'large');
		const part = join(fleet.data('central'), 'copies', `.reeve-${sum.slice(0, 32)}.part`);
		const methodArgs = ['large', 'central', 'copies/large', '1000000'];
		const id = await send({ ...filed('copy'), method: 'REQCopySrc', methodArgs });
		await until('a part is there', () => sizeOf(part) >= 20_000_000);
		await restart('ship1');
		await until('more is there', () => sizeOf(part) >= 50_000_000);
		await restart('central');
		const { state, output, why = '' } = await outcome(id);
		assert.equal(state, 'done', why);
		assert.match(output ?? '', /^copyDstDone, copies\/large, 100000000 bytes, sha256 /);
		assert.equal(createHash('sha256').update(readFileSync(target)).digest('hex'), sum);
		const rows = (await fleet.ask('ship1', { reeve: 'messages', limit: 1000 })) as MessageRow[];
		const sent = rows.filter(({ method }) => method === 'REQCopyDst').length;
		assert.ok(sent < 130, `${sent} messages for 100 chunks`);
	},
);
