/**
 * `reeve config` shows the configuration with the source of each value, checks it, and prints its
 * schema.
 *
 * @module
 */
import {
	configDoc,
	configJsonSchema,
	configKeys,
	readConfig,
	variableOf,
	type LoadedConfig,
} from '../../../runtime/config/config-file.ts';
import { yamlText } from '../../../runtime/text/yaml.ts';
import { secretKeys, type ConfigKey } from '../../../runtime/config/config.ts';
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { nearestWord } from '../../../runtime/text/spelling.ts';
import { defineCommand, type CommandTools } from '../arguments/command.ts';
import { configOptions, configPlaces } from '../arguments/config-options.ts';
import { shade, tableText } from '../output/render.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** Shows, checks or documents the configuration; changes nothing. */
export default defineCommand({
	arguments: [
		{ name: '<what>', help: 'What to do', choices: ['show', 'check', 'schema'] },
		{
			name: '[of]',
			help: 'schema: actor for YAML definitions; else the configuration',
			choices: ['actor'],
		},
	],
	options: [formatOption, ...configOptions],
	examples: [
		'reeve config show',
		'reeve config check --configFolder /etc/reeve',
		'reeve config schema > reeve.schema.json',
		'reeve config schema actor > actor.schema.json',
	],
	async run(input, tools) {
		const { screen, environment } = tools;
		if (input.words[0] === 'schema') {
			const schema =
				input.words[1] === 'actor' ? await tools.host.definitionSchema() : configJsonSchema();
			screen.out(`${JSON.stringify(schema, undefined, 2)}\n`);
			return exitCodes.ok;
		}
		const loaded = readConfig(configPlaces(input, tools));
		for (const remark of loaded.remarks) screen.note(remark);
		for (const remark of unknownVariables(environment)) screen.note(remark);
		if (input.words[0] === 'check') screen.out(`${loaded.path}: no problems\n`);
		else screen.out(await shown(loaded, formatOf(input.options)));
		return exitCodes.ok;
	},
});

async function shown({ config: whole, origins }: LoadedConfig, format: string): Promise<string> {
	const config = Object.fromEntries(configKeys.map((key) => [key, showable(key, whole[key])]));
	if (format === 'yaml') return yamlText(config);
	const rows = configKeys.map((key) => ({ key, value: config[key], ...origins[key] }));
	if (format === 'json') return `${JSON.stringify(rows, undefined, 2)}\n`;
	if (format === 'jsonl') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
	if (format === 'name') return configKeys.map((key) => `${key}\n`).join('');
	const heads = format === 'wide' ? ['KEY', 'VALUE', 'FROM', 'MEANING'] : ['KEY', 'VALUE', 'FROM'];
	const cells = rows.map(({ key, value, source, place: origin }) => {
		const text = value === '' ? '""' : String(value);
		const from = source === 'default' ? shade('quiet', origin) : origin;
		return [key, text, from, ...(format === 'wide' ? [configDoc(key).meaning] : [])];
	});
	return tableText(heads, cells);
}

/** The value without secrets. */
function showable(key: ConfigKey, value: unknown): unknown {
	if (typeof value !== 'string' || value === '') return value;
	return secretKeys.has(key) ? '********' : value.replace(/\/\/[^@/]*@/, '//********@');
}

/** Variables that are no keys: of this program itself, and of the commands that it runs. */
const otherVariables = new Set(
	['SOCKET', 'NODE', 'STORE', 'MESSAGE', 'DATA'].map((name) => `REEVE_${name}`),
);

/** Remarks on unknown variables. They are no errors, since another program may use them. */
function unknownVariables(environment: CommandTools['environment']): readonly string[] {
	const known = configKeys.map(variableOf);
	return Object.keys(environment)
		.filter((name) => name.startsWith('REEVE_') && !otherVariables.has(name))
		.filter((name) => !known.includes(name))
		.map((name) => {
			const guess = nearestWord(name, known);
			return `${name} in the environment is no key${guess ? `; did you mean ${guess}?` : ''}`;
		});
}
