import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { programWords } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Each makes several lines of the log; together they are more than a pipe holds. */
const count = 1500;

test(
	'a reader that stands still: the node works on, and tells of lost lines when it reads again',
	{ timeout: 40_000 },
	async (t) => {
		const cwd = temporaryFolder(t);
		const [program = '', ...own] = programWords();
		const words = ['run', '--nodeName', 'n', '--logLevel', 'debug', '--socketFolder', cwd];
		const more = ['--brokerAddress', '127.0.0.1:9', '--logBytesWaitingMax', '50000'];
		const child = spawn(program, [...own, ...words, ...more], {
			cwd,
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		t.after(() => void child.kill('SIGKILL'));
		await once(child.stdout, 'data');

		const socket = connect(join(cwd, 'n.sock'));
		const ping = `${JSON.stringify({ toNode: 'n', method: 'REQPing' })}\n`;
		socket.write(ping.repeat(count));
		let answers = 0;
		for await (const line of createInterface({ input: socket })) {
			assert.match(line, /"id"/);
			answers += 1;
			if (answers === count) break;
		}
		socket.destroy();

		child.kill('SIGTERM');
		const ended = once(child, 'exit');
		let log = '';
		for await (const chunk of child.stderr) log += String(chunk);
		// The first start says in words what it has written; the rest is the log.
		const lines = log.split('\n').filter((line) => line.startsWith('{'));
		const told = lines.map((line) => JSON.parse(line) as { msg: string; lines?: number });
		assert.ok(told.some(({ msg, lines: lost = 0 }) => msg === 'log.dropped' && lost > 0));
		assert.deepEqual(await ended, [0, null]);
	},
);
