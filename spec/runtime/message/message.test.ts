import assert from 'node:assert/strict';
import test from 'node:test';
import { checkInput, isReply } from '../../../runtime/message/message.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { messageOf } from '../../support/messages.ts';

const minimal = { toNode: 'ship1', method: 'REQPing' };

/** The error with which a message is refused. */
function refusal(raw: unknown): ReeveError {
	try {
		checkInput(raw);
	} catch (thrown) {
		if (thrown instanceof ReeveError) return thrown;
		throw thrown;
	}
	return assert.fail('it was not refused');
}

test("steward's own examples pass, with their fields as they are", () => {
	const checked = checkInput({
		directory: '/var/cli/command_result/',
		fileName: 'some-file-name.result',
		toNodes: ['ship1', 'ship2'],
		methodArgs: ['bash', '-c', 'sleep 3 & tree ./'],
		replyMethod: 'REQToFileAppend',
		method: 'REQCliCommand',
		ACKTimeout: 10,
		retries: 3,
		replyACKTimeout: 3,
		replyRetries: 2,
		methodTimeout: 7,
	});
	assert.deepEqual(checked.receivers, ['ship1', 'ship2']);
	assert.equal(checked.replyRetries, 2);
});

test('toNode wins over toNodes, and a receiver that is named twice is one receiver', () => {
	assert.deepEqual(checkInput({ ...minimal, toNodes: ['a', 'b'] }).receivers, ['ship1']);
	const twice = { method: 'REQPing', toNodes: ['a', 'b', 'a'] };
	assert.deepEqual(checkInput(twice).receivers, ['a', 'b']);
});

test('a thousand receivers are taken, and more than ten thousand are not', () => {
	const nodes = (count: number) => Array.from({ length: count }, (_, at) => `node${at}`);
	assert.equal(checkInput({ method: 'REQPing', toNodes: nodes(1000) }).receivers.length, 1000);
	assert.equal(refusal({ method: 'REQPing', toNodes: nodes(10_001) }).code, 'bad_message');
});

test('the case of a field makes no difference, as for steward', () => {
	const checked = checkInput({ TONODE: 'ship1', Method: 'REQPing', replyMethodTimeOut: 7 });
	assert.deepEqual(checked.receivers, ['ship1']);
	assert.equal(checked.replyMethodTimeout, 7);
});

test('a field that is given twice in two spellings is refused: which is meant is unknown', () => {
	const { code, detail } = refusal({ ...minimal, tonode: 'ship2' });
	assert.equal(code, 'bad_message');
	assert.match(detail, /toNode/);
});

test('data may be text, a list of texts as in steward, or bytes', () => {
	const bytes = new Uint8Array([0, 255]);
	assert.equal(checkInput({ ...minimal, data: 'text' }).data, 'text');
	assert.equal(checkInput({ ...minimal, data: ['a', 'b'] }).data, 'ab');
	assert.equal(checkInput({ ...minimal, data: bytes }).data, bytes);
	assert.equal(checkInput({ ...minimal, data: '' }).data, '');
	assert.equal('data' in checkInput(minimal), false);
});

test('a message without a receiver, or without a method, says what is missing', () => {
	assert.equal(refusal({ method: 'REQPing' }).code, 'no_destination');
	assert.match(refusal({ toNode: 'ship1' }).detail, /^method: /);
	assert.equal(refusal({ method: 'REQPing', toNodes: [] }).code, 'bad_message');
});

test('what is no object is no message', () => {
	for (const raw of [undefined, null, 5, 'text', true, [], [minimal], Symbol('s')]) {
		assert.equal(refusal(raw).code, 'bad_message');
	}
});

test('a name that topics or paths would read is refused as a name', () => {
	for (const name of ['', 'a/b', '+', '#', '..', 'a b', '_ack', 'ä', 'x'.repeat(129), 'a\n']) {
		assert.equal(refusal({ ...minimal, toNode: name }).code, 'bad_name', name);
		assert.equal(refusal({ method: 'REQPing', toNodes: ['ok', name] }).code, 'bad_name', name);
		assert.equal(refusal({ ...minimal, method: name }).code, 'bad_name', name);
		assert.equal(refusal({ ...minimal, replyMethod: name }).code, 'bad_name', name);
	}
});

test('a field of the wrong type or size is named', () => {
	const wrong: [string, unknown][] = [
		['methodArgs', 'uptime'],
		['methodArgs', [1]],
		['methodArgs', Array.from({ length: 10_001 }, () => 'x')],
		['ACKTimeout', -1],
		['ACKTimeout', '10'],
		['ACKTimeout', Number.NaN],
		['retries', 1.5],
		['retries', Number.POSITIVE_INFINITY],
		['methodTimeout', 31_536_001],
		['ttl', 0],
		['ttl', 2_592_001],
		['id', ''],
		['id', 'a b'],
		['id', 'a/b'],
		['id', 'x'.repeat(129)],
		['id', 5],
		['kind', 'commandack'],
		['kind', null],
		['key', 'x'.repeat(129)],
		['onCrash', 'maybe'],
		['note', 'x'.repeat(501)],
		['directory', 'x'.repeat(4097)],
		['fileName', 'x'.repeat(256)],
		['data', 5],
		['data', { a: 1 }],
		['operation', 'stop'],
	];
	for (const [field, value] of wrong) {
		const { code, detail } = refusal({ ...minimal, [field]: value });
		assert.equal(code, 'bad_message', field);
		assert.ok(detail.includes(field), `${field}: ${detail}`);
	}
});

test('text that UTF-8 cannot hold is refused, and its place is named: it would arrive as U+FFFD', () => {
	const half = 'half \ud800';
	const wrong: [string, unknown][] = [
		['data', half],
		['data.1', ['whole', half]],
		['methodArgs.1', ['echo', half]],
		['replyMethodArgs.0', [half]],
		['fileName', half],
		['directory', half],
		['note', half],
		['replyTopic', half],
		['correlation', half],
		['operation.opArg.deep.0', { opCmd: 'x', opArg: { deep: [half] } }],
		['operation.opArg.half \ufffd', { opCmd: 'x', opArg: { [half]: 1 } }],
	];
	for (const [place, value] of wrong) {
		const [field = ''] = place.split('.');
		const { code, detail } = refusal({ ...minimal, [field]: value });
		assert.deepEqual([code, detail], ['bad_message', `${place}: half a surrogate pair in text`]);
	}
	assert.equal(checkInput({ ...minimal, data: '\u{1f600} whole' }).data, '\u{1f600} whole');
});

test('what is wrong with a value is told in words, and once', () => {
	const wrong: [string, unknown, RegExp][] = [
		['schedule', 'every 0s', /^schedule: no schedule: a cron expression, "every 10m", seconds/],
		['schedule', '61 * * * *', /^schedule: no schedule: /],
		['schedule', { cron: 'x' }, /^schedule\.cron: no cron expression$/],
		['data', { a: 1 }, /^data: text, a list of texts, or bytes; write an object as JSON text$/],
		['correlation', 5, /^correlation: text or bytes, 1024 at most$/],
		['correlation', 'x'.repeat(1025), /^correlation: /],
	];
	for (const [field, value, why] of wrong) {
		const { detail } = refusal({ ...minimal, [field]: value });
		assert.match(detail, why);
		assert.doesNotMatch(detail, /Invalid input/);
	}
});

test('an unknown field is refused with the known one that is nearest', () => {
	assert.match(refusal({ ...minimal, metodTimeout: 7 }).detail, /metodTimeout.*methodTimeout/);
	assert.match(refusal({ ...minimal, fromNode: 'central' }).detail, /fromNode/);
	const { detail } = refusal({ ...minimal, completelyElse: 1 });
	assert.match(detail, /completelyElse/);
	assert.doesNotMatch(detail, /mean/);
});

test('fields that every object inherits are unknown fields like others', () => {
	for (const field of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
		const raw: unknown = JSON.parse(`{"toNode":"ship1","method":"REQPing","${field}":{"id":"x"}}`);
		const { code, detail } = refusal(raw);
		assert.equal(code, 'bad_message', field);
		assert.ok(detail.includes(field), detail);
	}
	assert.equal(Object.hasOwn(Object.prototype, 'id'), false);
});

test('a refusal is short, however long the fields and values are', () => {
	const long = 'x'.repeat(1_000_000);
	const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`field${at}`, 1]));
	for (const raw of [
		{ ...minimal, [long]: 1 },
		{ ...minimal, toNode: long },
		{ ...minimal, id: long },
		{ ...minimal, kind: long },
		{ ...minimal, ...many },
		{ ...minimal, methodArgs: Array.from({ length: 9000 }, () => 5) },
	]) {
		assert.ok(refusal(raw).message.length < 1000);
	}
});

test('a reply is what answers a message', () => {
	assert.equal(isReply(messageOf()), false);
	assert.equal(isReply(messageOf({ inReplyTo: 'm0' })), true);
});
