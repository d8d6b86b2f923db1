/**
 * Starts of the built program, as people wait for them: `reeve --help`, from the start of the
 * process to its end, and `reeve run`, from the start of the process to the line that says that the
 * node is ready, with a new folder and the broker that it brings along. The baseline is `node -e
 * 0`: what a process costs that does nothing.
 *
 * @module
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../support/broker.ts';
import { atMostItself, atMostMore, budgetOf, full, takeRounds, type Figure } from './figure.ts';

/** Of what was compiled with this file: the one in `dist` may be of yesterday. */
const program = fileURLToPath(new URL('../../supervisors/node/main.js', import.meta.url));
const execute = promisify(execFile);

async function timed(run: () => Promise<unknown>): Promise<number> {
	const from = performance.now();
	await run();
	return performance.now() - from;
}

const nothing = () => timed(() => execute(process.execPath, ['-e', '0']));
const help = () => timed(() => execute(process.execPath, [program, '--help']));

/** Milliseconds until a new node is ready; its end is waited for, but does not count. */
async function ready(): Promise<number> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-start-'));
	const listen = `127.0.0.1:${await freePort()}`;
	const words = ['run', '--nodeName', 'central', '--brokerListen', listen, '--logLevel', 'silent'];
	const from = performance.now();
	const child = spawn(process.execPath, [program, ...words], {
		cwd: folder,
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const ended = once(child, 'exit');
	try {
		const lines = createInterface({ input: child.stdout });
		const told = new Promise<number>((resolve) => {
			lines.on('line', (line) => {
				if (/^central {2}ready /.test(line)) resolve(performance.now() - from);
			});
		});
		const lost = ended.then(() => {
			throw new Error('reeve run ended before it was ready');
		});
		return await Promise.race([told, lost]);
	} finally {
		child.kill('SIGTERM');
		await ended;
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	}
}

/** Measures the starts. */
export async function measureStart(scale = full): Promise<readonly Figure[]> {
	const budgetMs = budgetOf(scale, 0.5);
	const [many, few] = scale.short ? [9, 3] : [21, 7];
	// The first ones read the files from the disk.
	const helps = await takeRounds({ rounds: many, warmUps: 2, budgetMs }, async () => ({
		baseline: await nothing(),
		reeve: await help(),
	}));
	const starts = await takeRounds({ rounds: few, warmUps: 1, budgetMs }, async () => ({
		baseline: await nothing(),
		reeve: await ready(),
	}));
	return [
		atMostMore(120, { name: 'start: help', unit: 'ms' }, helps),
		atMostItself(1000, { name: 'start: run to ready', unit: 'ms' }, starts),
	];
}
