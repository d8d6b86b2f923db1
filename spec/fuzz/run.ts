/**
 * Fuzzes the ways in: `npm run fuzz -- [--minutes N] [--seed S] [--way NAME...] [--json]`. Each way
 * gets its share of the time, in a process of its own: so one that crashes or hangs is noticed, and
 * its input, which follows from way, seed and number, is shown. Ends with 0 only if nothing failed.
 *
 * @module
 */
import { fork } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { realClock, type Timer } from '../../runtime/platform/clock.ts';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { runCampaign, type Finding, type Outcome } from './campaign.ts';
import { chanceOf } from './chance.ts';
import { ways } from './way-table.ts';
import { inputText, type Way } from './way.ts';

/** How long the event loop may stand still. */
const stopMsMax = 200;
/** A process that says nothing for so long hangs. */
const silenceMs = 240_000;

interface Flags {
	readonly minutes: number;
	readonly seed?: number;
	readonly way?: readonly string[];
	readonly number?: number;
	readonly json?: true;
	/** In the process of one way: how long. */
	readonly ms?: number;
}

function positive(text: string): number {
	const number = Number(text);
	if (text !== '' && Number.isFinite(number) && number >= 0) return number;
	throw new InvalidArgumentError('a number is wanted');
}

const command = new Command('npm run fuzz --')
	.description('Give every way in inputs that are wrong, and look whether all still holds.')
	.addOption(new Option('--minutes <n>', 'how long, for all ways').argParser(positive).default(1))
	.addOption(new Option('--seed <n>', 'a random one if absent').argParser(positive))
	.addOption(new Option('--way <names...>', 'which ways').choices(ways.map(({ name }) => name)))
	.addOption(new Option('--number <n>', 'only the input of this number').argParser(positive))
	.option('--json', 'print only the result, as JSON')
	.addOption(new Option('--ms <n>', 'run one way in this process').argParser(positive).hideHelp())
	.parse();
const flags = command.opts<Flags>();

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** What the process of a way tells. */
type Told = { readonly number: number } | { readonly outcome: Outcome };

/** Runs one way, in this process. */
async function runHere(way: Way, seed: number, ms: number): Promise<void> {
	const end = realClock.monotonic() + ms;
	const { number } = flags;
	const outcome = await runCampaign({
		way,
		seed,
		first: number ?? 1,
		goesOn: (next) => (number === undefined ? realClock.monotonic() < end : next === number),
		stopMsMax,
		onInput: (reached) => void process.send?.({ number: reached } satisfies Told),
	});
	process.send?.({ outcome } satisfies Told);
	process.disconnect?.();
}

/** Runs one way in a process of its own. */
function runApart(way: Way, seed: number, ms: number): Promise<Outcome> {
	const only = flags.number === undefined ? [] : ['--number', String(flags.number)];
	const words = ['--way', way.name, '--seed', String(seed), '--ms', String(ms), ...only];
	const child = fork(fileURLToPath(import.meta.url), words, {
		execArgv: process.execArgv,
		stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
	});
	const since = realClock.monotonic();
	let reached = 0;
	let errors = '';
	let outcome: Outcome | undefined;
	let why = '';
	let silence: Timer | undefined;
	const listen = (): void => {
		silence?.cancel();
		silence = realClock.after(silenceMs, () => {
			why = `it has hung for ${silenceMs / 1000} s`;
			child.kill('SIGKILL');
		});
	};
	listen();
	child.on('message', (told: Told) => {
		listen();
		if ('number' in told) reached = told.number;
		else ({ outcome } = told);
	});
	child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
	return new Promise((resolve) => {
		child.once('close', (code, signal) => {
			silence?.cancel();
			if (outcome) return resolve(outcome);
			const ended = `the process ended with ${signal ?? code}: ${errors}`;
			const finding = lastInputs(way, { seed, reached, what: why || ended });
			const times = { ms: Math.round(realClock.monotonic() - since), stopMs: 0, heapKb: 0 };
			resolve({ way: way.name, seed, inputs: reached, ...times, finding });
		});
	});
}

/** The inputs that were given together when a process ended. */
function lastInputs(
	way: Way,
	{ seed, reached, what }: { seed: number; reached: number; what: string },
): Finding {
	const number = Math.max(1, reached - way.together + 1);
	const numbers = Array.from({ length: reached - number + 1 }, (_, at) => number + at);
	const texts = numbers.map((each) => inputText(way.input(chanceOf(way.name, seed, each))));
	return { way: way.name, seed, number, what, input: texts.join('\n') };
}

/** A finding for people, and how it is seen again. */
function findingText({ way, seed, number, what, input, smaller }: Finding): string {
	const again = `npm run fuzz -- --way ${way} --seed ${seed} --number ${number}`;
	const small = smaller === undefined ? [] : [`smaller: ${smaller}`];
	return [`${way}: ${what}`, `input: ${input}`, ...small, `again: ${again}`].join('\n');
}

function rowText({ way, inputs, ms, stopMs, heapKb, finding }: Outcome): string {
	const perMinute = Math.round((inputs / Math.max(1, ms)) * 60_000);
	const end = finding ? 'FAILED' : 'ok';
	const figures = `${inputs} inputs, ${perMinute} a minute, longest stop ${stopMs} ms`;
	return `${way.padEnd(22)} ${end}: ${figures}, heap ${heapKb > 0 ? '+' : ''}${heapKb} KB`;
}

async function main(chosen: readonly Way[], seed: number): Promise<number> {
	const ms = (flags.minutes * 60_000) / chosen.length;
	const outcomes: Outcome[] = [];
	tell(`seed ${seed}`);
	for (const way of chosen) {
		const outcome = await runApart(way, seed, ms);
		outcomes.push(outcome);
		if (!flags.json) tell(rowText(outcome));
		if (outcome.finding) tell(findingText(outcome.finding));
	}
	if (flags.json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
	return outcomes.some(({ finding }) => finding) ? exitCodes.bug : exitCodes.ok;
}

const chosen = ways.filter(({ name }) => flags.way?.includes(name) ?? true);
const seed = flags.seed ?? Math.floor(realClock.random() * 1e6);
const [only] = chosen;
if (flags.ms !== undefined && only) await runHere(only, seed, flags.ms);
else process.exitCode = await main(chosen, seed);
