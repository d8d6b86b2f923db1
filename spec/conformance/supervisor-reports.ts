/** OTP's supervisor_SUITE: how reports are rendered. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { crashReport, manyLines, oneLine, print } from '../../supervisors/otp/crash-report.ts';

const deep = { a: { b: { c: { d: { e: { f: 'too deep' } } } } } };

const report = crashReport({
	actor: 'db',
	pid: 'db#7',
	ancestors: ['storage', 'node'],
	reason: new Error('disk\nfull'),
	restarts: 3,
	neighbours: Array.from({ length: 30 }, (_, index) => `n#${index}`),
	description: {
		initialCall: 'database',
		lastMessage: { type: 'WRITE', password: 'hunter2', data: 'x'.repeat(5000) },
		state: { value: 'open', context: deep },
		mailboxLength: 4,
	},
});

test('format_log_2: reports are JSON, one line or several, within limits of depth and length', () => {
	assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
	const line = oneLine(report);
	assert.match(line, /^db#7 under storage < node crashed: disk full; state .*; restarts 3$/);
	assert.doesNotMatch(line, /\n/);

	const lines = manyLines(report, 2).split('\n');
	assert.equal(lines[0], 'crash report');
	assert.ok(lines.some((text) => /^ {2}ancestors +storage, node$/.test(text)));
	assert.ok(lines.some((text) => /^ {2}mailboxLength +4$/.test(text)));
	assert.equal(lines.filter((text) => text.startsWith('    ')).length, 2);

	assert.equal(print(deep), '{"a":{"b":{"c":{"d":{"e":"[...]"}}}}}');
	assert.ok((report.lastMessage?.length ?? 0) <= 1003);
	assert.ok(line.length < 2500);
	assert.equal(report.neighbours?.length, 10);
	assert.doesNotMatch(JSON.stringify(report), /hunter2|too deep/);
});
