import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import type { ReeveError } from '../../../runtime/platform/errors.ts';
import { parseRules } from '../../../runtime/security/access-rules.ts';
import { readJson } from '../../../runtime/text/lenient-json.ts';
import { readPayload } from '../../../runtime/text/payload.ts';
import { readLogin } from '../../../transports/mqtt/broker-login.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const defaults = configOf({});
const ping = { toNode: 'ship1', method: 'REQPing' };
const read = (text: string, encoding: BufferEncoding = 'utf8') =>
	readPayload(Buffer.from(text, encoding), defaults);

test('an invisible mark at the beginning of a text is no part of it: JSON, YAML, rules, passwords', (t) => {
	assert.deepEqual(read(`\ufeff${JSON.stringify(ping)}`), [ping]);
	assert.deepEqual(read('\ufefftoNode: ship1\nmethod: REQPing\n'), [ping]);
	assert.deepEqual(read('\ufeff[{"toNode": "ship1", "method": "REQPing",},]'), [ping]);
	assert.deepEqual(
		parseRules('\ufeffrules: []\n', 'acl.yaml'),
		parseRules('rules: []\n', 'acl.yaml'),
	);
	const file = join(temporaryFolder(t), 'password');
	writeFileSync(file, '\ufeffsecret\r\n');
	const login = readLogin({ ...defaults, brokerUser: 'ship1', brokerPasswordFile: file });
	assert.equal(String(login.password), 'secret');
});

test('a text that is only a mark is empty', () => {
	assert.equal(readJson(Buffer.from('\ufeff')), undefined);
	assert.throws(() => read('\ufeff \n'), { code: 'bad_message' });
});

test('UTF-16 is refused by its name', () => {
	assert.throws(() => read(`\ufeff${JSON.stringify(ping)}`, 'utf16le'), {
		code: 'bad_json',
		message: /UTF-16: save it as UTF-8/,
	});
});

test('no work that grows faster than its input: a payload that is deep or long is refused unparsed', () => {
	const refused = (text: string) => {
		try {
			read(text);
			return 'taken';
		} catch (thrown) {
			const { code, detail } = thrown as ReeveError;
			return `${code}: ${detail.slice(0, 40)}`;
		}
	};
	const many = (text: string, count: number) => text.repeat(count);
	for (const [open, close] of ['[]', '{"a":}'].map((pair) => [pair.slice(0, -1), pair.slice(-1)])) {
		const [from = '', to = ''] = [open, close];
		assert.equal(refused(many(from, 300_000)), 'bad_message: nested deeper than 64');
		assert.equal(
			refused(many(from, 65) + '1' + many(to, 65)),
			'bad_message: nested deeper than 64',
		);
		assert.equal(refused(many(from, 64) + '1' + many(to, 64)), 'taken');
	}
	assert.equal(refused(many(' ', 9000) + many('[', 300_000)), 'bad_message: nested deeper than 64');
	assert.equal(refused(JSON.stringify({ data: many('[{\\"', 99_999) })), 'taken');
	// The node could do nothing else for seconds.
	for (const unit of ['[1],', '{},', '1,', '"",', '{"a":[[]]},']) {
		const refusal = 'too_large: more than 50000 values; see messageValue';
		assert.equal(refused(`{"data":[${many(unit, 150_000)}1]}`), refusal, unit);
		assert.equal(refused(`{"data":[${many(unit, 12_000)}1]}`), 'taken', unit);
	}
	assert.equal(refused(JSON.stringify({ data: many('[1],', 150_000) })), 'taken');
	for (const unit of ['[\n', '{a: 1}, ', '- \n', 'k: 1\n', ', ']) {
		const refusal = 'too_large: YAML with too many entries and lines: se';
		assert.equal(refused(`x: ${many(unit, 16_000 / unit.length)}`), refusal, unit);
	}
	const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1`).join('\n');
	assert.equal(refused(keys), 'too_large: more than 16384 bytes of YAML: send it a');
	assert.equal(refused(`data: |\n  ${many('x', 16_000)}`), 'taken');
	assert.equal(refused('a: &a 1\nb: *a\n'), 'bad_json: Alias resolution is disabled');
	for (const deep of ['- ', '? ', 'a: ', 'x: {a: ', 'x: [']) {
		assert.equal(refused(many(deep, 600)), 'bad_json: line 1: nested deeper than 200', deep);
	}
	const ladder = Array.from({ length: 100 }, (_, depth) => `${many(' ', depth)}a:`).join('\n');
	assert.equal(refused(ladder), 'bad_message: nested deeper than 64');
	assert.equal(refused(`a: 1\nb: 2\n`), 'taken');
});
