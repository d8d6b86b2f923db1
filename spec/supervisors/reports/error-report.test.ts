import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import type { Message } from '../../../runtime/message/message.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { steppedClock, turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import { startErrorReports } from '../../../supervisors/reports/error-report.ts';
import { send, settled, startLocalFleet } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** The texts in central's error log, once there are so many of them. */
async function errorsAt(folder: string, count: number): Promise<string[]> {
	const path = join(folder, 'errorLog', 'errorCentral', 'error.log');
	for (;;) {
		const lines = readText(path).split('\n').filter(Boolean);
		if (lines.length >= count) return lines;
		await turnOfTheLoop();
	}
}

function readText(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch (thrown) {
		assert.equal(Reflect.get(Object(thrown), 'code'), 'ENOENT');
		return '';
	}
}

test('errors of all nodes are at central, a line each, in the words of steward', async (t) => {
	const fleet = await startLocalFleet(t);
	const folder = temporaryFolder(t);
	const central = await fleet.start('central', { subscribersDataFolder: folder });
	const ship1 = await fleet.start('ship1');
	const command = (...methodArgs: string[]) => ({
		toNode: 'ship1',
		method: 'REQCliCommand',
		methodArgs,
		methodTimeout: 1,
	});
	await settled(central, await send(central, command('sh', '-c', 'echo oops >&2; exit 3')));
	await settled(central, await send(central, command('sleep', '9')));
	ship1.api.refuse('bad_json', 'at position 4', 'socket');
	await ship1.api.accept({ method: 'REQPing' }, 'tcp listener');
	await ship1.api.accept({ toNode: 'ship1', method: 'REQNothing' }, 'socket');
	const lines = await errorsAt(folder, 5);
	for (const line of lines) assert.match(line, /^\w{3}, \d\d \w{3} \d{4} \S+ GMT, node: ship1, /);
	const texts = lines.map((line) => line.replace(/^.*?node: ship1, /, ''));
	const [failed = '', timedOut = '', ...refused] = texts;
	assert.match(
		failed,
		/^error: methodREQCliCommand: cmd\.Run : .*, methodArgs: \["sh",.*\], error_output: oops/,
	);
	assert.equal(timedOut, 'error: methodREQCliCommand: method timed out: ["sleep","9"]');
	assert.deepEqual(refused, [
		'error: malformed json received on socket: at position 4',
		'error: no toNode or toNodes where specified in the message, dropping message',
		'error: no such request type defined: REQNothing on ship1',
	]);
});

test('a message that is given up is an info, as in steward', async (t) => {
	const fleet = await startLocalFleet(t);
	const folder = temporaryFolder(t);
	const central = await fleet.start('central', { subscribersDataFolder: folder });
	const away = { toNode: 'ship9', method: 'REQPing', retries: 1, ACKTimeout: 1, ttl: 1 };
	await settled(central, await send(central, away));
	const [line = ''] = await errorsAt(folder, 1);
	assert.match(
		line,
		/node: central, info: toNode: ship9, fromNode: central, subject: ship9\.REQPing: max retries/,
	);
	assert.match(line, /check if node is up and running and if it got a subscriber started/);
});

test('only so many reports leave in a minute, and what is wrong with reports is not reported', async (t) => {
	const fleet = await startLocalFleet(t);
	const folder = temporaryFolder(t);
	const values = { subscribersDataFolder: folder, errorReportsPerMinuteMax: 3 };
	const central = await fleet.start('central', values);
	for (let count = 0; count < 50; count += 1) central.api.refuse('bad_json', `${count}`, 'socket');
	const lines = await errorsAt(folder, 3);
	await settled(central, await send(central, { toNode: 'central', method: 'REQNone' }));
	assert.equal(lines.length, 3);
	assert.equal(central.signals.counts()['error.reported'], 3);
});

test('a refused error report makes no other report, at either end', async (t) => {
	const fleet = await startLocalFleet(t);
	const keysFolder = temporaryFolder(t);
	writeFileSync(join(keysFolder, 'acl.yaml'), 'rules:\n  - {from: ship1, method: REQPing}\n');
	const central = await fleet.start('central', { keysFolder });
	const ship1 = await fleet.start('ship1');
	const refused = new Promise<void>((resolve) => {
		ship1.signals.subscribe(({ type }) => type === 'delivery.refused' && resolve());
	});
	ship1.api.refuse('bad_json', 'at position 4', 'socket');
	await refused;
	await settled(ship1, await send(ship1, { toNode: 'central', method: 'REQPing' }));
	assert.equal(ship1.signals.counts()['error.reported'], 1);
	assert.equal(central.signals.counts()['error.reported'], undefined);
});

test('no signal about an error report is reported, and a wrong acknowledgement once', async (t) => {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const sent: string[] = [];
	const router = {
		send: async ([message]: readonly Message[]) => {
			sent.push(String(message?.data));
			await Promise.resolve();
		},
	};
	const config = configOf({ nodeName: 'ship1', topicPrefix: 'reeve' });
	const reports = startErrorReports({ clock, signals, config, node: 'ship1', router });
	t.after(() => reports.stop());
	const method = 'REQErrorLog';
	const about = { id: 'one', method, to: 'central', from: 'ship1' };
	signals.emit('delivery.refused', { ...about, code: 'not_allowed' });
	signals.emit('delivery.gaveUp', { ...about, attempts: 1 });
	signals.emit('message.refused', { code: 'not_allowed', detail: '', via: 'wire', method });
	const topic = `reeve/ship1/_lane/${method}/EventACK`;
	signals.emit('message.refused', { code: 'bad_frame', detail: topic, via: 'wire', topic });
	signals.emit('signature.refused', { code: 'unsigned', from: 'ship2', topic });
	const crash = { reason: 'bug', neighbours: [], ancestors: [], restarts: 0 };
	for (const actor of [method, `central/${method}/EventACK`]) {
		signals.emit('actor.crashed', { ...crash, actor, pid: `${actor}#2` });
	}
	signals.emit('actor.crashed', { ...crash, actor: 'call', initialCall: `call of ${method}` });
	assert.deepEqual(sent, []);
	for (let count = 0; count < 3; count += 1) {
		signals.emit('signature.refused', {
			code: 'bad_signature',
			from: 'central',
			topic: 'reeve/ship1/_ack',
		});
	}
	assert.equal(
		sent.length,
		1,
		'an acknowledgement of this very report may be wrong in the same way',
	);
});
