/**
 * Open handles: what a method has left behind when it is over.
 *
 * @module
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { until } from './condition.ts';

/** What belongs to the test runner, and to waiting. */
const others = new Set(['Timeout', 'Immediate', 'MessagePort']);

/** What keeps a process alive or a file open, by kind: how many there are. */
export function openHandles(): ReadonlyMap<string, number> {
	const counted = new Map<string, number>();
	for (const kind of process.getActiveResourcesInfo()) {
		if (others.has(kind)) continue;
		counted.set(kind, (counted.get(kind) ?? 0) + 1);
	}
	return counted;
}

/** Runs `work`, and then waits until no more handles of any kind are open than before. */
export async function leavesNothingOpen(work: () => Promise<void>): Promise<void> {
	const before = openHandles();
	await work();
	const left = () => [...openHandles()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
	await until('all handles are closed', () => left().length === 0).catch(() => undefined);
	assert.deepEqual(left(), []);
}
