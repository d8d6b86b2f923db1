/**
 * The configuration as options of a command: each key both as steward spells it and in kebab case.
 *
 * @module
 */
import {
	configDoc,
	configKeys,
	kebabCase,
	type ConfigPlaces,
} from '../../../runtime/config/config-file.ts';
import { unusedStewardFlags } from '../../../runtime/config/steward-flags.ts';
import type { CommandInput, CommandTools, OptionDefinition } from './command.ts';

/** The options. */
export const configOptions: readonly OptionDefinition[] = [
	{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
	...configKeys.map(configOption),
	...unusedStewardFlags.map(unusedOptionOf),
];

/** A flag of steward's that is accepted with a remark, and has no effect. */
function unusedOptionOf(key: string): OptionDefinition {
	const flags = `--${kebabCase(key)}, --${key} [value]`;
	return { flags, help: 'Accepted as in steward; has no effect', hidden: true };
}

/** The option of one key. */
export function configOption(key: (typeof configKeys)[number]): OptionDefinition {
	const { meaning, default: usual } = configDoc(key);
	const kebab = kebabCase(key);
	const isFlag = typeof usual === 'boolean';
	const value = isFlag ? '[true|false]' : typeof usual === 'number' ? '<number>' : '<text>';
	const flags = `${kebab === key ? '' : `--${kebab}, `}--${key} ${value}`;
	const shown = usual === '' ? '' : ` (${String(usual)})`;
	return { flags, help: `${meaning}${shown}`.trim() };
}

/** Where the configuration is, by these options and the environment. */
export function configPlaces(
	{ options }: CommandInput,
	{ environment }: Pick<CommandTools, 'environment'>,
): ConfigPlaces {
	const { configFolder } = options;
	const fromFlag = typeof configFolder === 'string' ? configFolder : undefined;
	const folder = fromFlag ?? environment['CONFIG_FOLDER'] ?? './etc/';
	const keys = [...configKeys, ...unusedStewardFlags];
	const given = keys.filter((key) => options[key] !== undefined);
	return {
		folder,
		environment,
		flags: Object.fromEntries(given.map((key) => [key, options[key]])),
	};
}
