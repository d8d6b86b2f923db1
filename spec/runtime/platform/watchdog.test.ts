import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { takeStall } from '../../../runtime/platform/watchdog.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

/** Words that make a program process 1 of a container of its own. */
const contained = ['unshare', '-pf', '--mount-proc', '--kill-child'];
const hasContainers = spawnSync(contained[0] ?? '', [...contained.slice(1), 'true']).status === 0;

/** How a process ended. */
interface Ending {
	readonly code: number | null;
	readonly signal: string | null;
	readonly errors: string;
	readonly recordPath: string;
}

/** Runs these lines, after a while, in a process whose loop may stand still for a second. */
async function watched(
	t: TestScope,
	lines: string,
	words: readonly string[] = [],
): Promise<Ending> {
	// The folder is not there yet, as at the first start of a node.
	const recordPath = join(temporaryFolder(t), 'db', 'stalled.json');
	const script = `
		import { execSync } from 'node:child_process';
		import { realClock } from './runtime/platform/clock.ts';
		import { startWatchdog } from './runtime/platform/watchdog.ts';
		const recordPath = ${JSON.stringify(recordPath)};
		startWatchdog({ after: 1, recordPath, clock: realClock });
		setTimeout(() => { ${lines} }, 500);`;
	const own = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
	const [program = '', ...rest] = [...words, ...own];
	const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
	t.after(() => child.kill('SIGKILL'));
	let errors = '';
	child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
	return new Promise((done) => {
		child.once('close', (code, signal) => done({ code, signal, errors, recordPath }));
	});
}

const limit = { timeout: 30_000 };

test('code that does not end is ended on a deep stack, too, and told', limit, async (t) => {
	const deep = 'const deep = (n) => { if (n) return deep(n - 1) + 1; for (;;); }; deep(6001);';
	const { signal, errors, recordPath } = await watched(t, deep);
	assert.equal(signal, 'SIGKILL');
	assert.match(errors, /stands still for 1 s in deep \(.*:\d+\) < deep /);
	assert.match(takeStall(recordPath)?.stack ?? '', /^deep /);
});

test('code that does not end is ended and told where the stack is full', limit, async (t) => {
	const full = 'const full = () => { try { return full() + 1; } catch { for (;;); } }; full();';
	const { signal, errors } = await watched(t, full);
	assert.equal(signal, 'SIGKILL');
	assert.match(errors, /stands still for 1 s in .*full/);
});

test(
	'process 1 of a container is ended, though it gets no signals of its own',
	{
		...limit,
		skip: !hasContainers,
	},
	async (t) => {
		const { code, errors, recordPath } = await watched(t, 'for (;;);', contained);
		assert.equal(code, 137);
		assert.match(errors, /stands still for 1 s/);
		assert.equal(existsSync(recordPath), true);
	},
);

test(
	'process 1 of a container is ended where its stack is full',
	{
		...limit,
		skip: !hasContainers,
	},
	async (t) => {
		const full = 'const full = () => { try { return full() + 1; } catch { for (;;); } }; full();';
		const { code } = await watched(t, full, contained);
		assert.notEqual(code, 0);
	},
);

test('a wait for the system that ends by itself is no stall', limit, async (t) => {
	const wait = `execSync('sleep 3'); setTimeout(() => process.exit(7), 3000);`;
	const { code, recordPath } = await watched(t, wait);
	assert.equal(code, 7);
	assert.equal(existsSync(recordPath), false);
});
