/**
 * The command line: finds the command that was typed, loads and runs it, and returns its exit code.
 *
 * This file is the door to commander.
 *
 * @module
 */
import process from 'node:process';
import { Argument, Command, CommanderError, Option } from 'commander';
import { realClock } from '../../runtime/platform/clock.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import { version } from '../../runtime/platform/version.ts';
import type { CommandDefinition, CommandInput, CommandTools } from './arguments/command.ts';
import { commandTable } from './command-table.ts';
import { failureFrom, failureOf } from './output/error-text.ts';
import type { Host } from './arguments/program-host.ts';
import { takeInterrupts } from './arguments/interrupts.ts';
import { createScreen, type Screen } from './output/render.ts';

const about = 'A durable actor runtime, and the fleet agent built on it.';

const footer = `
Exit codes:
  0    all is well             4    some failed
  1    a mistake in reeve      5    some did not answer in time
  2    a mistake in the input  6    no node behind the socket
  3    nothing matched         130  interrupted

First steps:
  reeve demo
  reeve dev
`;

/**
 * Runs the program with these words and returns its exit code. Until then it keeps the process
 * alive.
 */
export async function runProgram(argv: readonly string[], host: Host): Promise<number> {
	const screen = createScreen();
	const interrupts = takeInterrupts();
	const releaseProcess = holdProcess();
	const environment = process.env;
	const tools: CommandTools = { host, screen, interrupts, environment, clock: realClock };
	try {
		const atOnce = interrupts.second.then(() => exitCodes.interrupted);
		const exitCode = await Promise.race([dispatch(argv, tools), atOnce]);
		await Promise.race([drain(tools), atOnce]);
		const lost = screen.lost();
		if (!lost) return exitCode;
		const failure = failureFrom(lost);
		screen.fail(failure);
		return exitCode || failure.exitCode;
	} finally {
		interrupts.release();
		releaseProcess();
	}
}

/** How long notes, and after an interrupt results too, wait for a reader that takes nothing. */
const drainMs = 5000;

/**
 * Waits until the output is read: what is still in this process at its end would be lost. Results
 * wait for a slow reader as long as it takes; a note to a reader that stands still ends no node.
 */
async function drain({ screen, interrupts, clock }: CommandTools): Promise<void> {
	const over = deferred();
	const timer = clock.after(drainMs, over.resolve);
	// A node that has ended by itself is started again once its process is gone.
	const isPatient = !interrupts.signal.aborted && !screen.isConsole();
	const results = screen.drained('results');
	await Promise.all([
		Promise.race(isPatient ? [results] : [results, over.promise]),
		Promise.race([screen.drained('notes'), over.promise]),
	]);
	timer.cancel();
}

/** Keeps the process alive: a command may wait only for timers, which do not. */
function holdProcess(): () => void {
	const { port1, port2 } = new MessageChannel();
	port1.on('message', () => {});
	return () => {
		port1.close();
		port2.close();
	};
}

async function dispatch(argv: readonly string[], tools: CommandTools): Promise<number> {
	const { screen } = tools;
	const split = argv.indexOf('--');
	const typed = await withLongFlags(split < 0 ? argv : argv.slice(0, split));
	const rest = split < 0 ? undefined : argv.slice(split + 1);
	let exitCode: number = exitCodes.ok;
	const program = createProgram(screen);
	const word = typed.find((each) => !each.startsWith('-'));
	for (const [name, row] of Object.entries(commandTable)) {
		const command = program.command(name).description(row.summary);
		if (name !== word && !(word === 'help' && typed.includes(name))) continue;
		const { default: definition } = await row.load();
		describe(command, definition);
		command.action(async () => {
			exitCode = await definition.run(inputOf(command, rest), tools);
		});
	}
	try {
		if (typed.length === 0) program.help({ error: true });
		await program.parseAsync(typed, { from: 'user' });
		return exitCode;
	} catch (thrown) {
		const isDebug = typed.includes('--debug');
		if (thrown instanceof CommanderError) return afterParsing(thrown, { screen, word });
		const failure = failureFrom(thrown);
		screen.fail(failure, isDebug ? thrown : undefined);
		return failure.exitCode;
	}
}

/**
 * The words, with flags in steward's form (one dash) converted. The list of flags needs the whole
 * configuration, so it is loaded only if a word may be such a flag.
 */
async function withLongFlags(words: readonly string[]): Promise<readonly string[]> {
	if (!words.some((word) => /^-[A-Za-z][A-Za-z0-9]/.test(word))) return words;
	const { withTwoDashes } = await import('./arguments/steward-arguments.ts');
	return withTwoDashes(words);
}

function createProgram(screen: Screen): Command {
	return (
		new Command('reeve')
			.description(about)
			.version(version, '-V, --version', 'Print the version')
			.helpOption('-h, --help', 'Print this help')
			.helpCommand('help [command]', 'Print the help of a command')
			.addHelpText('after', footer)
			.showSuggestionAfterError(true)
			// For an option with two spellings the help shows the second.
			.configureHelp({ optionTerm: ({ flags }) => flags.replace(/^--[a-z-]+, (?=--)/, '') })
			.exitOverride()
			.configureOutput({
				writeOut: (text) => screen.out(text),
				// Usage errors are printed in three lines, like all other errors.
				writeErr: (text) => {
					if (!text.startsWith('error:')) screen.note(text.trimEnd());
				},
			})
	);
}

/** Declares a command to commander. */
function describe(command: Command, definition: CommandDefinition): void {
	for (const { name, help, choices } of definition.arguments) {
		const argument = new Argument(name, help);
		command.addArgument(choices ? argument.choices(choices) : argument);
	}
	for (const { flags, help, choices, hidden } of definition.options) {
		const option = new Option(flags, help);
		if (choices) option.choices(choices);
		if (hidden) option.hideHelp();
		command.addOption(option);
	}
	command.option('--debug', 'Show where an error comes from');
	const lines = definition.examples.map((line) => `  ${line}`).join('\n');
	const notes = (definition.notes ?? []).map((line) => `${line}\n`).join('');
	command.addHelpText('after', `\nExamples:\n${lines}\n${notes && `\n${notes}`}`);
}

function inputOf(command: Command, rest: readonly string[] | undefined): CommandInput {
	return { words: command.args, options: command.opts(), rest };
}

/** Commander throws both for errors and after a help text. */
function afterParsing(
	thrown: CommanderError,
	{ screen, word }: { screen: Screen; word: string | undefined },
): number {
	const { code, message, exitCode } = thrown;
	if (exitCode === 0) return exitCodes.ok;
	if (code === 'commander.help') return exitCodes.usage;
	const [what = '', suggestion = ''] = message.replace(/^error: /, '').split('\n');
	const guess = /Did you mean (.+)\?/.exec(suggestion)?.[1] ?? nearestChoice(what);
	const isKnown = word !== undefined && Object.hasOwn(commandTable, word);
	const see = isKnown ? `see: reeve ${word} --help` : 'see: reeve --help';
	screen.fail(failureOf('bad_usage', what, guess ? `did you mean ${guess}? ${see}` : see));
	return exitCodes.usage;
}

/** Suggests a value for an argument or option; commander itself suggests only their names. */
function nearestChoice(what: string): string | undefined {
	const [, value = '', choices = ''] =
		/'([^']*)' is invalid.*Allowed choices are (.+)\./.exec(what) ?? [];
	return nearestWord(value, choices.split(', '));
}
