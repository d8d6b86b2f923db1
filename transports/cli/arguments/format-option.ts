/**
 * The option `--output`, and the format that it asks for.
 *
 * @module
 */
import type { OptionDefinition } from './command.ts';
import { formats, type Format } from '../output/rows.ts';

/** The option that chooses a format. */
export const formatOption: OptionDefinition = {
	flags: '-o, --output <format>',
	help: 'How to print',
	choices: formats,
};

/** The format that was asked for. */
export function formatOf({ output }: Readonly<Record<string, unknown>>): Format {
	return formats.find((format) => format === output) ?? 'table';
}
