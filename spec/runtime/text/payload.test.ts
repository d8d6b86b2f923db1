import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
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
