/**
 * Real brokers as processes of their own, for specs.
 *
 * @module
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { temporaryFolder, type TestScope } from './temporary.ts';

/**
 * For the `skip` of a test that needs a program: its name, if it is not installed. Under CI nothing
 * is skipped, so a missing program is a failure there.
 */
export function missing(program: string): string | false {
	if (process.env['CI'] === 'true') return false;
	const isThere = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
	return isThere ? false : `${program} is not installed`;
}

/** A broker that runs as a process of its own. */
export interface BrokerProcess {
	/** `mqtt://127.0.0.1:<port>`. */
	readonly address: string;
	readonly port: number;
	/** SIGKILLs it: no client is told, and nothing is kept. */
	kill(): Promise<void>;
	/** Starts it again, on the same port. */
	start(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	await new Promise((resolve) => server.close(resolve));
	if (typeof address !== 'object' || !address) throw new Error('no port is free');
	return address.port;
}

/** Starts Mosquitto without persistence, with these further lines in its configuration. */
export async function startMosquitto(
	t: TestScope,
	options: { readonly lines?: readonly string[]; readonly acl?: string } = {},
): Promise<BrokerProcess> {
	const folder = temporaryFolder(t);
	const port = await freePort();
	const aclFile = join(folder, 'acl');
	const file = join(folder, 'mosquitto.conf');
	if (options.acl !== undefined) writeFileSync(aclFile, options.acl, { mode: 0o600 });
	const lines = [
		`listener ${port} 127.0.0.1`,
		'allow_anonymous true',
		'persistence false',
		'log_dest stderr',
		// As root it would change to a user who cannot read this folder.
		...(process.getuid?.() === 0 ? ['user root'] : []),
		...(options.acl === undefined ? [] : [`acl_file ${aclFile}`]),
		...(options.lines ?? []),
	];
	writeFileSync(file, `${lines.join('\n')}\n`);
	let child: ChildProcess | undefined;
	const kill = async (): Promise<void> => {
		const last = child;
		child = undefined;
		if (!last || last.exitCode !== null || last.signalCode !== null) return;
		const ended = once(last, 'exit');
		last.kill('SIGKILL');
		await ended;
	};
	const start = async (): Promise<void> => {
		child = spawn('mosquitto', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
		await untilRunning(child);
	};
	t.after(() => void kill());
	await start();
	return { address: `mqtt://127.0.0.1:${port}`, port, kill, start };
}

function untilRunning(child: ChildProcess): Promise<void> {
	return new Promise((resolve, reject) => {
		let log = '';
		child.once('error', reject);
		child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}:\n${log}`)));
		if (!child.stderr) return reject(new Error('no standard error'));
		createInterface({ input: child.stderr }).on('line', (line) => {
			log += `${line}\n`;
			if (/mosquitto version \S+ running/.test(line)) resolve();
		});
	});
}
