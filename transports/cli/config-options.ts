/**
 * The configuration as options of a command: each key both as steward spells it and in kebab case.
 *
 * @module
 */
import { configDoc, configKeys, kebabCase, type ConfigPlaces } from '../../runtime/config-file.ts';
import type { CommandInput, CommandTools, OptionDefinition } from './command.ts';

/** The options. */
export const configOptions: readonly OptionDefinition[] = [
	{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
	...configKeys.map(optionOf),
];

function optionOf(key: (typeof configKeys)[number]): OptionDefinition {
	const { meaning, default: usual } = configDoc(key);
	const kebab = kebabCase(key);
	const isFlag = typeof usual === 'boolean';
	const value = isFlag ? '[true|false]' : typeof usual === 'number' ? '<number>' : '<text>';
	const flags = `${kebab === key ? '' : `--${kebab}, `}--${key} ${value}`;
	const shown = usual === '' ? '' : ` (${String(usual)})`;
	return { flags, help: `${meaning}${shown}`.trim() };
}

/** Where these options, and the environment, say that the configuration is to be found. */
export function configPlaces(
	{ options }: CommandInput,
	{ environment }: Pick<CommandTools, 'environment'>,
): ConfigPlaces {
	const { configFolder } = options;
	const fromFlag = typeof configFolder === 'string' ? configFolder : undefined;
	const folder = fromFlag ?? environment['CONFIG_FOLDER'] ?? './etc/';
	const given = configKeys.filter((key) => options[key] !== undefined);
	return {
		folder,
		environment,
		flags: Object.fromEntries(given.map((key) => [key, options[key]])),
	};
}
