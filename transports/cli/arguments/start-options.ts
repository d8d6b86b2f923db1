/**
 * The options of one start of a node. They are not configuration: the next start does not have
 * them.
 *
 * @module
 */
import { ReeveError } from '../../../runtime/platform/errors.ts';
import type { StartOptions } from '../../../runtime/config/start-options.ts';
import type { CommandInput, OptionDefinition } from './command.ts';

/** The options of a command that starts a node. */
export const startOptions: readonly OptionDefinition[] = [
	{ flags: '--adopt', help: 'The data folder was moved here from another machine: go on with it' },
	{
		flags: '--fork',
		help: 'Make a copied data folder another node: its open messages go to quarantine',
	},
	{
		flags: '--safe',
		help: 'Run no messages and load no programs; only the socket and the presence of the node work',
	},
	{ flags: '--normal', help: 'Run messages, however often the last processes crashed' },
];

/**
 * Reads them.
 *
 * @throws ReeveError `bad_usage` for two that contradict one another
 */
export function startChoices({ options }: Pick<CommandInput, 'options'>): StartOptions {
	return {
		identity: oneOf(options, ['adopt', 'fork']),
		mode: oneOf(options, ['safe', 'normal']),
	};
}

function oneOf<Name extends string>(
	options: CommandInput['options'],
	names: readonly Name[],
): Name | undefined {
	const given = names.filter((name) => options[name] === true);
	if (given.length <= 1) return given[0];
	throw new ReeveError('bad_usage', given.map((name) => `--${name}`).join(' and '));
}
