import assert from 'node:assert/strict';
import test from 'node:test';
import { oldestFirst } from '../../../transports/folders/file-age.ts';

const now = Date.UTC(2026, 0, 1);
const yearMs = 365 * 86_400_000;

test('clock jumps: files from before a clock was set back are older than those from after it', () => {
	const files = [
		{ name: 'today', at: now - 1000 },
		{ name: 'a moment ahead', at: now + 1000 },
		{ name: 'later in 2037', at: now + 11 * yearMs + 5 },
		{ name: 'yesterday', at: now - 86_400_000 },
		{ name: '2037', at: now + 11 * yearMs },
	];
	assert.deepEqual(
		oldestFirst(files, now).map(({ name }) => name),
		['2037', 'later in 2037', 'yesterday', 'today', 'a moment ahead'],
	);
});
