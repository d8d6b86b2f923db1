import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { promisify } from 'node:util';
import * as front from '../../../supervisors/otp/supervision.ts';

const root = resolve(import.meta.dirname, '../../..');

/** What a file imports when it runs, types aside. */
function importsOf(file: string): readonly string[] {
	const text = readFileSync(file, 'utf8');
	const statements = text.matchAll(/^(?:import|export)\s(?!type\b)[^;']*?from '([^']+)';/gm);
	return [...statements].map(([, from = '']) => from);
}

/** All that a file brings along: files of ours, and packages. */
function reach(file: string, seen = new Set<string>()): ReadonlySet<string> {
	if (seen.has(file)) return seen;
	seen.add(file);
	for (const from of importsOf(file)) {
		if (from.startsWith('.')) reach(resolve(file, '..', from), seen);
		else if (!from.startsWith('node:')) seen.add(from);
	}
	return seen;
}

test('supervision needs no fleet, no broker and no journal: nothing but XState', () => {
	const reached = [...reach(join(root, 'supervisors/otp/supervision.ts'))];
	assert.deepEqual(
		reached.filter((path) => !path.startsWith(root)),
		['xstate'],
	);
	const ours = reached
		.filter((path) => path.startsWith(root))
		.map((path) => path.slice(root.length));
	assert.deepEqual(ours.filter((path) => path.startsWith('/runtime')).toSorted(), [
		'/runtime/observability/signals.ts',
		'/runtime/platform/clock.ts',
		'/runtime/platform/deadline.ts',
		'/runtime/platform/errors.ts',
	]);
	// Check the walk itself: the main export imports everything.
	assert.ok(reach(join(root, 'supervisors/node/node.ts')).has('lmdb'));
});

test('the package exports reeve/supervisor, with everything that supervision needs', () => {
	const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
		exports: Record<string, unknown>;
	};
	assert.deepEqual(exports['./supervisor'], {
		types: './dist/supervisors/otp/supervision.d.ts',
		default: './dist/supervisors/otp/supervision.js',
	});
	const offered = new Set(Object.keys(front));
	const needed = [
		'startSupervisor',
		'defineSupervisor',
		'supervisorChild',
		'actorChild',
		'serviceChild',
		'checkChildSpecs',
		'createNames',
		'createLinks',
		'monitor',
		'monitorRemote',
		'fence',
		'catchStrays',
	];
	assert.deepEqual(
		needed.filter((name) => !offered.has(name)),
		[],
	);
});

test('a definition is checked where it is written, and frozen', () => {
	const { defineSupervisor } = front;
	const spec = { name: 'top', strategy: 'one_for_one', children: [] } as const;
	assert.ok(Object.isFrozen(defineSupervisor({ ...spec })));
	assert.throws(() => defineSupervisor({ ...spec, intensity: -1 }), /invalid_intensity/);
});

test('the example runs with one command, and shows a crash without harm to siblings', async () => {
	const file = join(root, 'examples/supervisor.ts');
	const run = promisify(execFile);
	const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root });
	assert.deepEqual(stdout.trimEnd().split('\n'), [
		'the till has {"sold":12}',
		'till crashed: a price of -1',
		'till was started again',
		'the till has {"sold":0}',
		'flowers delivered',
		'the courier with the flowers: normal',
		'courier crashed: stung',
		'the courier with the bees: stung',
		'books delivered',
		'the courier with the books: normal',
		'the shop ends with shutdown',
	]);
});
