/**
 * The command line: words of commands, in a process that runs one after the other, beside a node
 * that they can talk to. Commands that start other processes are left out.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../../runtime/platform/errors.ts';
import unixSocket from '../../../transports/sockets/unix-socket.ts';
import type { TestScope } from '../../support/temporary.ts';
import { mutated } from '../byte-mutation.ts';
import { few, type Chance } from '../chance.ts';
import { startFuzzNode } from '../fuzz-node.ts';
import type { Input, Way } from '../way.ts';

const lines: readonly string[] = [
	'send ping --to central',
	'send ping --to central --detach',
	'send ping --to central,ship1 --timeout 1 --limit 1',
	'send write-file --to central fileName=a directory=b data=text -- a b',
	'send thermostat --to central key=kitchen -- TELL',
	'send REQPing --to * schedule=every\u00a010m',
	'send ping --to site=oslo --batch 1 --batch-sleep 1s --dry-run',
	'get nodes -o json',
	'get messages --limit 3 -o yaml',
	'get dead',
	'get methods',
	'get processes -o table',
	'get actors',
	'describe message job-1',
	'describe node central',
	'describe actor thermostat kitchen',
	'explain REQPing',
	'explain pign',
	'events --type message. --message job-1',
	'retry job-1 --json',
	'cancel --state queued --older-than 5m --to central',
	'drop --method REQPing',
	'resend job-1 --json',
	'audit --since 5m --to central --wait 1 --json',
	'tree',
	'tree -o json',
	'config show -o json',
	'config check',
	'config schema',
	'keys show',
	'keys list',
	'keys pending',
	'keys trust node:ship1 ed25519:x',
	'keys revoke ship1',
	'keys accept ship1 0123456789abcdef',
	'acl show',
	'acl allow ship1 REQPing --yes',
	'acl deny client:alice exec -- df -h',
	'acl check ship1 REQPing',
	'acl group add fleet ship1',
	'actors check .',
	'actors reload --dry-run',
	'actors unpark thermostat kitchen --fresh',
	'replay --against x',
	'fork thermostat kitchen --at 1 --send GO',
	'install systemd --print --confined',
	'install broker-acl --print --nodes a,b',
	'help send',
	'--version',
	'run -nodeName x --claimMs 1',
	'nosuchcommand',
	'send --help',
];
/** What starts programs, or writes where the word says. */
const leftOut = /^(?:demo|dev|broker|new|backup|doctor)$/;
const oddWords = [
	'',
	'-',
	'--',
	'---',
	'--=',
	'--to',
	'--to=',
	'-o',
	'-x',
	'--debug',
	'--socket',
	'--limit=-1',
	'--limit',
	'1e9',
	'NaN',
	'__proto__',
	'--__proto__=1',
	'--constructor',
	'@nosuchfile',
	'*',
	'{a,b}{c,d}',
	'a=b=c',
	'=',
	'key=',
	'__proto__=x',
	'toNode=x',
	'\u001b[31m',
	'\ud800',
	'é',
	'\n',
	'x'.repeat(10_000),
	'{'.repeat(300),
	'*'.repeat(300),
	'every 1s',
	'-nodeName',
	'job',
];

function wordsOf(chance: Chance): readonly string[] {
	const words = chance.pick(lines).split(' ');
	if (chance.happens(0.15)) return words;
	for (let left = few(chance, 4); left > 0; left -= 1) {
		const at = chance.below(words.length + 1);
		const word = chance.happens(0.6)
			? chance.pick(oddWords)
			: chance.pick(lines.join(' ').split(' '));
		const changed = Buffer.from(mutated(Buffer.from(words[at] ?? 'x'), chance)).toString();
		if (chance.happens(0.3)) words.splice(at, 1, changed);
		else words.splice(at, chance.happens(0.4) ? 1 : 0, word);
	}
	return words;
}

/** Words are divided by NUL, which none can have. */
const divider = '\0';

function inputOf(chance: Chance): Input {
	const words = wordsOf(chance).map((word) => word.replaceAll(divider, ''));
	const isLeftOut = words.some((word) => leftOut.test(word));
	return {
		bytes: Buffer.from(isLeftOut ? 'get' : words.join(divider)),
		about: {},
	};
}

/** A process that runs command lines. */
interface Runner {
	/** Resolves with the exit code; rejects if the process ends. */
	run(words: readonly string[], interruptMs: number): Promise<number>;
}

/** What is right has an end of its own. */
const interruptMs = { input: 700, good: 25_000 };

async function startRunner(t: TestScope, folder: string): Promise<Runner> {
	const program = fileURLToPath(new URL('../../support/command-line-host.ts', import.meta.url));
	const env = { ...process.env, CONFIG_FOLDER: join(folder, 'etc'), NO_COLOR: '1' };
	const child: ChildProcess = fork(program, [], {
		cwd: folder,
		env,
		execArgv: ['--import', import.meta.resolve('tsx')],
		stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
	});
	let errors = '';
	child.stdout?.resume();
	child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-3000)));
	const ended = once(child, 'exit').then((): never => {
		throw new Error(`the process has ended: ${errors}`);
	});
	ended.catch(() => undefined);
	t.after(async () => {
		child.kill('SIGKILL');
		await ended.catch(() => undefined);
	});
	const told = () => once(child, 'message') as Promise<[{ readonly exitCode: number }]>;
	await Promise.race([told(), ended]);
	return {
		async run(words, interruptMs) {
			errors = '';
			const answer = told();
			child.send({ words, interruptMs });
			const [{ exitCode }] = await Promise.race([answer, ended]);
			const isBug = exitCode === exitCodes.bug;
			assert.ok(!isBug, `exit code ${exitCode}: ${errors}`);
			return exitCode;
		},
	};
}

/** The command line. */
export const commandLineWay: Way = {
	name: 'command-line',
	short: 40,
	together: 10,
	isInTurn: true,
	input: inputOf,
	async open(t) {
		const fuzzNode = await startFuzzNode(t, [unixSocket]);
		const { folder } = fuzzNode;
		mkdirSync(join(folder, 'etc'), { recursive: true });
		const settings = { nodeName: 'central', socketFolder: folder, databaseFolder: folder };
		// JSON is YAML.
		writeFileSync(join(folder, 'etc', 'config.yaml'), JSON.stringify(settings));
		const runner = await startRunner(t, folder);
		let last: Promise<unknown> = Promise.resolve();
		/** One after the other. */
		const run = (words: readonly string[], ms: number): Promise<number> => {
			const result = last.then(() => runner.run(words, ms));
			last = result.catch(() => undefined);
			return result;
		};
		return {
			async give(input) {
				const words = Buffer.from(input.bytes).toString().split(divider);
				await run(words, interruptMs.input);
			},
			async good() {
				const socket = join(folder, 'central.sock');
				const words = ['send', 'ping', '--to', 'central', '--socket', socket];
				assert.equal(await run(words, interruptMs.good), exitCodes.ok);
			},
			faults: fuzzNode.faults,
			timers: fuzzNode.timers,
		};
	},
};
