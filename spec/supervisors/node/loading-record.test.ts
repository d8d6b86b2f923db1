import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { realClock } from '../../../runtime/platform/clock.ts';
import { beginLoading } from '../../../supervisors/node/loading-record.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('starts that die while programs are loaded are counted within a period, until one has loaded them', (t) => {
	const path = join(temporaryFolder(t), 'db', 'loading.json');
	let at = 1_000_000;
	const clock = { ...realClock, now: () => at };
	const begin = () => beginLoading(path, clock, 600_000);
	assert.deepEqual([begin().deaths, begin().deaths, begin().deaths], [0, 1, 2]);
	at += 600_001;
	assert.equal(begin().deaths, 0, 'they are long ago');
	at -= 1e9;
	assert.equal(begin().deaths, 0, 'the clock was set');
	const last = begin();
	assert.equal(last.deaths, 1);
	last.end();
	assert.equal(existsSync(path), false);
	assert.equal(begin().deaths, 0);
	writeFileSync(path, '[12');
	assert.equal(begin().deaths, 0, 'a record that is cut off');
	assert.equal(beginLoading('/proc/none/loading.json', clock, 1).deaths, 0, 'nowhere to write');
});
