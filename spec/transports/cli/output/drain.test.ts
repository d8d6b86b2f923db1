import assert from 'node:assert/strict';
import test from 'node:test';
import { turnOfTheLoop } from '../../../../runtime/platform/clock.ts';
import { startReeve } from '../../../support/command-line.ts';
import { startLocalFleet } from '../../../support/local-nodes.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

/** In these formats, more than a pipe holds and its reader's buffer beside it. */
const formats = ['json', 'jsonl', 'yaml'];
const count = 1500;
const limit = String(count);

test('output into a pipe is whole, also for a slow reader', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const message = { toNode: 'ship9', method: 'REQPing' };
	await Promise.all(Array.from({ length: count }, () => central.api.accept(message, 'spec')));
	const socket = fleet.socket('central');
	const cwd = temporaryFolder(t);
	const read = async (format: string): Promise<void> => {
		const words = ['get', 'messages', '--limit', limit, '-o', format, '--socket', socket];
		const { child, finished } = startReeve(words, { cwd, isRead: false });
		let [text, chunks] = ['', 0];
		for await (const chunk of child.stdout ?? []) {
			text += String(chunk);
			// A process that does not wait for its reader has ended after this time.
			for (let turn = 0; chunks < 3 && turn < 5000; turn += 1) await turnOfTheLoop();
			chunks += 1;
		}
		assert.equal((await finished).code, 0);
		const ids = new Set(text.match(/\b01[0-9A-HJKMNP-TV-Z]{24}\b/g));
		assert.equal(ids.size, count, `${format}: ${text.length} characters`);
	};
	await Promise.all(formats.map(read));
});
