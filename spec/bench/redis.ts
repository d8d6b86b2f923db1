/**
 * A Redis server as a process of its own, that writes every change to its append-only file.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { freePort } from '../support/broker.ts';
import type { Yard } from './forked.ts';

/**
 * Starts it in a folder of its own. `everysec` can lose a second of jobs with the power, `always`
 * none: it flushes before it answers.
 */
export async function startRedis(yard: Yard, appendfsync: 'everysec' | 'always'): Promise<number> {
	const port = await freePort();
	const dir = `${yard.folder}/redis-${appendfsync}`;
	mkdirSync(dir);
	const settings = { port, dir, bind: '127.0.0.1', save: '', appendonly: 'yes', appendfsync };
	const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
	const child = spawn('redis-server', words, { stdio: ['ignore', 'pipe', 'ignore'] });
	yard.after(async () => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, 'exit');
		child.kill('SIGKILL');
		await ended;
	});
	const lines = createInterface({ input: child.stdout });
	for await (const line of lines) if (line.includes('Ready to accept connections')) break;
	child.stdout.resume();
	return port;
}
