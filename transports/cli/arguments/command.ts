/**
 * The declaration of a command: each file in `commands/` exports one as its default. Its help, its
 * usage line and the check of its options follow from the declaration.
 *
 * @module
 */
import type { Clock } from '../../../runtime/platform/clock.ts';
import type { Host } from './program-host.ts';
import type { Interrupts } from './interrupts.ts';
import type { Screen } from '../output/render.ts';

/** One positional argument, in commander's notation: `<name>`, `[name]` or `[names...]`. */
interface ArgumentDefinition {
	readonly name: string;
	readonly help: string;
	readonly choices?: readonly string[];
}

/** One option, in commander's notation: `-o, --output <format>`. */
export interface OptionDefinition {
	readonly flags: string;
	readonly help: string;
	readonly choices?: readonly string[];
	/** Not shown in the help: for programs that start this one. */
	readonly hidden?: true;
}

/** The words and options that were typed. */
export interface CommandInput {
	/** The positional arguments, before `--`. */
	readonly words: readonly string[];
	/** The words after `--`; undefined if there was no `--`. */
	readonly rest: readonly string[] | undefined;
	/** The options that were given, by their long name in camel case. */
	readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** What a command may use. */
export interface CommandTools {
	readonly host: Host;
	readonly screen: Screen;
	readonly clock: Clock;
	readonly interrupts: Interrupts;
	readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A command. */
export interface CommandDefinition {
	readonly arguments: readonly ArgumentDefinition[];
	readonly options: readonly OptionDefinition[];
	/** Lines that can be typed as they are. */
	readonly examples: readonly string[];
	/** Lines of the help after the examples. */
	readonly notes?: readonly string[];
	/**
	 * Does the work and returns the exit code. An error that it throws is printed in three lines.
	 */
	run(input: CommandInput, tools: CommandTools): Promise<number>;
}

/** Freezes a declaration and gives it its type. */
export function defineCommand(definition: CommandDefinition): CommandDefinition {
	return Object.freeze(definition);
}
