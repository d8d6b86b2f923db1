import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { startLog } from '../../../runtime/observability/log.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';

/** A log whose lines are kept. */
function logAt(level: 'debug' | 'info' | 'warn' | 'silent') {
	const lines: Record<string, unknown>[] = [];
	const signals = createSignals(steppedClock());
	const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
	const end = startLog({ node: 'ship1', level, signals, destination });
	return { lines, signals, end };
}

const call = {
	id: 'm1',
	method: 'REQCliCommand',
	from: 'central',
	outcome: 'done',
	tookMs: 3,
	attempts: 1,
	code: '',
	detail: '',
	stderr: 'password: secret',
	methodArgs: ['mysql', '-psecret', 'fleet'],
};

test('each signal is a line of JSON with the node, the time and the name of the signal', () => {
	const { lines, signals } = logAt('info');
	signals.emit('node.stopping', { reason: 'stop' });
	assert.equal(lines[0]?.['msg'], 'node.stopping');
	assert.equal(lines[0]?.['node'], 'ship1');
	assert.equal(lines[0]?.['reason'], 'stop');
	assert.equal(lines[0]?.['level'], 30);
});

test('what happens once for each message is left out unless it is asked for', () => {
	const info = logAt('info');
	const debug = logAt('debug');
	for (const { signals } of [info, debug]) signals.emit('call.ended', call);
	assert.equal(info.lines.length, 0);
	assert.equal(debug.lines.length, 1);
});

test('the arguments of a command and what it wrote never reach the log', () => {
	const { lines, signals } = logAt('debug');
	signals.emit('call.ended', call);
	assert.doesNotMatch(JSON.stringify(lines), /secret/);
	assert.equal(lines[0]?.['program'], 'mysql');
	assert.equal(lines[0]?.['arguments'], 2);
});

test('of a signal that comes very often a second has so many lines, and the others are told', async () => {
	const clock = steppedClock();
	const lines: Record<string, unknown>[] = [];
	const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
	const signals = createSignals(clock);
	const parts = { node: 'ship1', signals, destination, linesPerSecondMax: 10 };
	const ends = (['info', 'debug'] as const).map((level) => startLog({ ...parts, level }));
	const refused = { code: 'bad_json', detail: 'no', via: 'tcp' } as const;
	for (let count = 0; count < 50; count += 1) signals.emit('message.refused', refused);
	const refusals = () => lines.filter(({ msg }) => msg === 'message.refused').length;
	assert.equal(refusals(), 10 + 50, 'the log at debug has all');
	await clock.advance(1000);
	for (let count = 0; count < 12; count += 1) signals.emit('message.refused', refused);
	assert.equal(refusals(), 20 + 62);
	for (const end of ends) end();
	const told = lines.filter(({ msg, level }) => msg === 'log.dropped' && level === 50);
	const texts = told.map(({ lines: dropped, what }) => `${String(dropped)} ${String(what)}`);
	assert.deepEqual(new Set(texts), new Set(['40 message.refused', '2 message.refused']));
});

test('a level hides what is below it, silence hides all, and a log that has ended writes nothing', () => {
	const warn = logAt('warn');
	const silent = logAt('silent');
	for (const { signals } of [warn, silent]) {
		signals.emit('node.stopping', { reason: 'stop' });
		signals.emit('transport.down', { transport: 'mqtt', address: 'a', reason: 'b' });
	}
	assert.deepEqual(
		warn.lines.map(({ msg }) => msg),
		['transport.down'],
	);
	assert.deepEqual(silent.lines, []);
	warn.end();
	warn.signals.emit('transport.down', { transport: 'mqtt', address: 'a', reason: 'b' });
	assert.equal(warn.lines.length, 1);
});
