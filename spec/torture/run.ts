/**
 * Runs the torture: `npm run torture -- [--seconds S] [--seed N] [--broker NAME] [--json]
 * [WORD...]`. What follows `--` is handed to every node. Ends with 0 only if nothing was lost,
 * doubled or misordered.
 *
 * @module
 */
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { realClock } from '../../runtime/platform/clock.ts';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { missing } from '../support/broker.ts';
import { brokerPrograms, brokers, type BrokerName } from './brokers.ts';
import { torture, type TortureResult } from './play.ts';

const faultsShown = 20;

const command = new Command('npm run torture --')
	.description('Kill, fill and cut off nodes under load, then check that no message was lost.')
	.argument('[words...]', 'after --: further settings for every node, such as --signing on')
	.addOption(new Option('--seconds <n>', 'how long').argParser(wholeNumber).default(120))
	.addOption(new Option('--seed <n>', 'of the plan; a random one if absent').argParser(wholeNumber))
	.addOption(
		new Option('--broker <name>', 'mosquitto where it is installed, else embedded').choices(
			Object.keys(brokers),
		),
	)
	.option('--json', 'print only the result, as JSON')
	.parse();
interface Flags {
	readonly seconds: number;
	readonly seed?: number;
	readonly broker?: BrokerName;
	readonly json?: true;
}
const flags = command.opts<Flags>();

function wholeNumber(text: string): number {
	const number = Number(text);
	if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
	throw new InvalidArgumentError('a whole number is wanted');
}

/** Mosquitto where it is installed: it has a state that can be wiped. */
function defaultBroker(): BrokerName {
	return missing(brokerPrograms.mosquitto) ? 'embedded' : 'mosquitto';
}

async function main(): Promise<number> {
	const stopping = new AbortController();
	for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort());
	const since = realClock.monotonic();
	const tell = (text: string): void => {
		const at = ((realClock.monotonic() - since) / 1000).toFixed(1).padStart(6);
		process.stderr.write(`${at}s  ${text}\n`);
	};
	try {
		const seed = flags.seed ?? Math.floor(realClock.random() * 1e6);
		tell(`seed ${seed}`);
		const result = await torture({
			seconds: flags.seconds,
			seed,
			broker: flags.broker ?? defaultBroker(),
			words: command.args,
			clock: realClock,
			signal: stopping.signal,
			tell: flags.json ? () => undefined : tell,
		});
		return report(result);
	} catch (thrown) {
		if (stopping.signal.aborted) {
			tell('interrupted: everything is stopped and removed');
			return exitCodes.interrupted;
		}
		process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
		return exitCodes.bug;
	}
}

function report({ faults, ...figures }: TortureResult): number {
	process.stdout.write(`${JSON.stringify(figures)}\n`);
	for (const fault of faults.slice(0, faultsShown)) process.stderr.write(`${fault}\n`);
	if (figures.kept === undefined) return exitCodes.ok;
	process.stderr.write(
		`${faults.length} faults; journals, files and logs are in ${figures.kept}\n`,
	);
	return exitCodes.bug;
}

process.exitCode = await main();
