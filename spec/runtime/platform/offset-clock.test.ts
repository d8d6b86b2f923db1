import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { realClock, steppedClock } from '../../../runtime/platform/clock.ts';
import { clockFor, clockOffsetVariable } from '../../../runtime/platform/offset-clock.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('without the variable a node has the clock of the machine', () => {
	assert.equal(clockFor({}), realClock);
	assert.equal(clockFor({ [clockOffsetVariable]: '' }), realClock);
});

test('a file moves the wall clock, also while it runs, and nothing else', async (t) => {
	const file = join(temporaryFolder(t), 'offset');
	const machine = steppedClock();
	writeFileSync(file, '-86400000\n');
	const clock = clockFor({ [clockOffsetVariable]: file }, machine);
	assert.equal(clock.now(), machine.now() - 86_400_000);
	assert.equal(clock.monotonic(), machine.monotonic());
	writeFileSync(file, '5000');
	await machine.advance(100);
	assert.equal(clock.now(), machine.now() + 5000);
	assert.equal(clock.offsetMs?.(), 5000);
	writeFileSync(file, '');
	await machine.advance(100);
	assert.equal(clock.now(), machine.now() + 5000, 'half a file changes nothing');
});

test('an offset that is no number is refused at the start', (t) => {
	const file = join(temporaryFolder(t), 'offset');
	const read = () => clockFor({ [clockOffsetVariable]: file });
	assert.throws(read, { code: 'bad_config' });
	for (const text of ['', 'tomorrow', '1.5', '1e20']) {
		writeFileSync(file, text);
		assert.throws(read, { code: 'bad_config' }, text);
	}
});
