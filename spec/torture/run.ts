/**
 * Runs the torture: `npm run torture -- [--seconds S] [--seed N] [--broker NAME] [--json]
 * [WORD...]`. What follows `--` is handed to every node. Ends with 0 only if nothing was lost,
 * doubled or misordered.
 *
 * @module
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { realClock } from '../../runtime/platform/clock.ts';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { missing } from '../support/broker.ts';
import { brokerPrograms, brokers, type BrokerName } from './brokers.ts';
import { torture, type TortureResult } from './play.ts';

const faultsShown = 20;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		seconds: { type: 'string', default: '120' },
		seed: { type: 'string' },
		broker: { type: 'string' },
		json: { type: 'boolean', default: false },
	},
});

function isBroker(name: string): name is BrokerName {
	return Object.hasOwn(brokers, name);
}

function numberOf(name: string, text: string): number {
	const number = Number(text);
	if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
	throw new Error(`--${name} ${text}: a whole number is wanted`);
}

/** Mosquitto where it is installed: it has a state that can be wiped. */
function brokerOf(name: string | undefined): BrokerName {
	if (name === undefined) return missing(brokerPrograms.mosquitto) ? 'embedded' : 'mosquitto';
	if (isBroker(name)) return name;
	throw new Error(`--broker ${name}: there are ${Object.keys(brokers).join(', ')}`);
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
		const seed = numberOf('seed', values.seed ?? String(Math.floor(realClock.random() * 1e6)));
		tell(`seed ${seed}`);
		const result = await torture({
			seconds: numberOf('seconds', values.seconds),
			seed,
			broker: brokerOf(values.broker),
			words: positionals,
			clock: realClock,
			signal: stopping.signal,
			tell: values.json ? () => undefined : tell,
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
