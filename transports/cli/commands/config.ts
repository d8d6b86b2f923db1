/**
 * `reeve config`: what is configured and where each value comes from, whether it is right, and what
 * there is to configure.
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
		{ name: '[of]', help: 'schema: of the configuration, or of sheets', choices: ['actor'] },
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
		for (const remark of strangeVariables(environment)) screen.note(remark);
		if (input.words[0] === 'check') screen.out(`${loaded.path}: nothing is wrong\n`);
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
	const cells = rows.map(({ key, value, source, place }) => {
		const text = value === '' ? '""' : String(value);
		const from = source === 'default' ? shade('quiet', place) : place;
		return [key, text, from, ...(format === 'wide' ? [configDoc(key).meaning] : [])];
	});
	return tableText(heads, cells);
}

/** Whoever may see the configuration need not see what is secret in it. */
function showable(key: ConfigKey, value: unknown): unknown {
	if (typeof value !== 'string' || value === '') return value;
	return secretKeys.has(key) ? '********' : value.replace(/\/\/[^@/]*@/, '//********@');
}

/** Variables for this program itself, and those that commands find in their environment. */
const otherVariables = new Set(
	['SOCKET', 'NODE', 'STORE', 'MESSAGE', 'DATA'].map((name) => `REEVE_${name}`),
);

/** A misspelt variable is no error, since another program may mean it; but somebody should hear. */
function strangeVariables(environment: CommandTools['environment']): readonly string[] {
	const known = configKeys.map(variableOf);
	return Object.keys(environment)
		.filter((name) => name.startsWith('REEVE_') && !otherVariables.has(name))
		.filter((name) => !known.includes(name))
		.map((name) => {
			const guess = nearestWord(name, known);
			return `${name} in the environment is no key${guess ? `; did you mean ${guess}?` : ''}`;
		});
}
