/**
 * Compares with Erlang at length: `npm run otp -- [--seed N] [--scenarios N]`. Ends with 0 only if
 * every difference is declared.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { realClock } from '../../runtime/platform/clock.ts';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { cornerCases } from './corner-cases.ts';
import { declaredDifferences } from './declared-differences.ts';
import { createErlangPlayer, type ErlangPlayer } from './erlang-player.ts';
import { differenceText, equalNow, judge, undeclared, type Judgement } from './judgement.ts';
import { randomScenarios } from './random-scenario.ts';
import { shrink } from './shrinking.ts';

/** How many undeclared differences are made smaller, and how many are shown. */
const shrunkMax = 3;
const shownMax = 10;

function wholeNumber(text: string): number {
	const number = Number(text);
	if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
	throw new InvalidArgumentError('a whole number is wanted');
}

const command = new Command('npm run otp --')
	.description('Play scenarios on the supervisors of Erlang/OTP and on ours, and compare.')
	.addOption(new Option('--seed <n>', 'a random one if absent').argParser(wholeNumber))
	.addOption(
		new Option('--scenarios <n>', 'how many, beside those by hand')
			.argParser(wholeNumber)
			.default(1000),
	)
	.parse();
const flags = command.opts<{ readonly seed?: number; readonly scenarios: number }>();

const tell = (text: string): void => void process.stdout.write(`${text}\n`);

function tellFigures({ compared, slow, differences }: Judgement): void {
	const declared = differences.filter((each) => each.declared).length;
	tell(
		`${compared} scenarios compared (${cornerCases.length} of them by hand), ` +
			`${compared - differences.length} equal, ${declared} differ as declared, ` +
			`${differences.length - declared} differ otherwise, ${slow.length} left out as too slow`,
	);
	for (const { row } of declaredDifferences) {
		const times = differences.filter(({ declared: found }) => found?.row === row).length;
		tell(`  ${times} times: ${row}`);
	}
}

async function compare(player: ErlangPlayer): Promise<number> {
	const seed = flags.seed ?? Math.floor(realClock.random() * 1e6);
	tell(`Erlang/OTP ${await player.release()}, seed ${seed}`);
	const scenarios = [...cornerCases, ...randomScenarios(seed, flags.scenarios)];
	const judgement = await judge(player, scenarios);
	tellFigures(judgement);
	const gone = equalNow(judgement, scenarios);
	for (const name of gone) tell(`equal, though declared as different: ${name}`);
	const odd = undeclared(judgement);
	for (const [at, found] of odd.slice(0, shownMax).entries()) {
		const least = at < shrunkMax ? await shrink(player, found) : found;
		tell(
			`\n${differenceText({ ...least, scenario: { ...least.scenario, id: found.scenario.id } })}`,
		);
	}
	return odd.length + gone.length === 0 ? exitCodes.ok : exitCodes.bug;
}

const folder = mkdtempSync(join(tmpdir(), 'reeve-erlang-'));
try {
	process.exitCode = await compare(await createErlangPlayer(folder));
} finally {
	rmSync(folder, { recursive: true, force: true });
}
