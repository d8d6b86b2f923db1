/**
 * Reads the configuration from flags, then the environment, then `config.yaml`, then defaults. The
 * file is created at the first start and belongs to the operator: its comments and order stay. As
 * in steward, a value given as a flag is written into it, so that the flag is needed only once.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { configSchema, type Config, type ConfigKey } from './config.ts';
import { ReeveError } from '../platform/errors.ts';
import { writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { nearestWord } from '../text/spelling.ts';
import { isUnusedStewardFlag, portRemark, stewardRemark } from './steward-flags.ts';
import {
	isLineMap,
	keyOffset,
	parseYaml,
	yamlValue,
	valueRange,
	yamlText,
	type YamlText,
} from '../text/yaml.ts';
import { utf8Text } from '../text/utf8.ts';

/** Where a value may come from, the strongest first. */
type ConfigSource = 'flag' | 'environment' | 'file' | 'default';

/** Where one value comes from; `place` says it in words. */
interface ConfigOrigin {
	readonly source: ConfigSource;
	readonly place: string;
}

/** A configuration with the origin of each value. */
export interface LoadedConfig {
	readonly config: Config;
	readonly origins: Readonly<Record<ConfigKey, ConfigOrigin>>;
	/** The file, whether it is there or not. */
	readonly path: string;
	/** Notices for the operator that are not errors. */
	readonly remarks: readonly string[];
}

/** Where to look. */
export interface ConfigPlaces {
	/** The folder of `config.yaml`. */
	readonly folder: string;
	/** Values given as flags, by key. */
	readonly flags?: Readonly<Record<string, unknown>>;
	readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** The keys of the configuration, in the order of the schema. */
export const configKeys = Object.keys(configSchema.shape) as readonly ConfigKey[];

/** The meaning and the default of a key. */
export function configDoc(key: ConfigKey): { readonly meaning: string; readonly default: unknown } {
	const field = configSchema.shape[key];
	return { meaning: field.description ?? '', default: field.parse(undefined) };
}

/** `startSubREQPing` as `start-sub-req-ping`. */
export function kebabCase(key: string): string {
	return key
		.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
		.replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
		.toLowerCase();
}

/** The environment variable of a key: `REEVE_NODE_NAME`. */
export function variableOf(key: ConfigKey): string {
	return `REEVE_${kebabCase(key).replaceAll('-', '_').toUpperCase()}`;
}

/** The schema as JSON Schema, for editors. */
export function configJsonSchema(): object {
	return z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input', unrepresentable: 'any' });
}

/**
 * Reads the configuration and changes nothing on disk.
 *
 * @throws ReeveError `bad_config`, naming the key and the place of the wrong value
 */
export function readConfig(places: ConfigPlaces): LoadedConfig {
	return merge(places, readFile(join(places.folder, 'config.yaml')));
}

/**
 * Reads the configuration, creates the file if there is none, and writes the flags into it.
 *
 * `onNew` is called at the first start of a new node, before anything else is written: a start that
 * dies in between is then followed by another first one. What it returns is a further remark. A
 * node is new while it has no journal, if its configuration is made here, or came with an
 * invitation.
 *
 * @throws ReeveError `bad_config`, also if the folder cannot be written
 */
export function keepConfig(
	places: ConfigPlaces,
	onNew?: (config: Config) => string | undefined,
): LoadedConfig {
	const { loaded, text, secret, isNew } = kept(places);
	const isFirst = isNew && onNew !== undefined;
	if (text === undefined && !secret && !isFirst) return loaded;
	const code = 'bad_config';
	const write = (): LoadedConfig => {
		// Another process may have written it meanwhile.
		const { loaded, text, secret, isNew } = kept(places);
		const remark = isNew ? onNew?.(loaded.config) : undefined;
		if (secret) writeAtomically(secret.path, `${secret.password}\n`, { mode: 0o600, code });
		if (text !== undefined) writeAtomically(loaded.path, text, { mode: 0o600, code });
		return remark === undefined ? loaded : { ...loaded, remarks: [...loaded.remarks, remark] };
	};
	return withFileLock(loaded.path, write, { code });
}

/** The configuration, and the text that its file is to have; undefined if it has it. */
function kept(places: ConfigPlaces): {
	readonly loaded: LoadedConfig;
	readonly text?: string;
	readonly secret?: GivenSecret;
	readonly isNew: boolean;
} {
	const file = withFirstValues(places, readFile(join(places.folder, 'config.yaml')));
	const loaded = merge(places, file);
	const given = Object.keys(places.flags ?? {}) as ConfigKey[];
	const flags = given.filter((key) => !isUnusedStewardFlag(key));
	const secret = secretOf(loaded);
	const values = {
		...Object.fromEntries(flags.map((key) => [key, loaded.config[key]])),
		...secret?.values,
	};
	const text = file.isThere ? edited(file, values) : freshText({ ...file.values, ...values });
	const config = { ...loaded.config, ...secret?.values };
	const remarks = [...loaded.remarks, ...(secret ? [secret.remark] : [])];
	const isNew = (!file.isThere || config.centralKey !== '') && !hasJournal(config);
	const changed = { loaded: { ...loaded, config, remarks }, isNew, ...(secret ? { secret } : {}) };
	return text === file.text ? changed : { ...changed, text };
}

/** A password that was given as text, and what stands in its place. */
interface GivenSecret {
	readonly path: string;
	readonly password: string;
	readonly values: Partial<Config>;
	readonly remark: string;
}

/** The password of the broker, if a flag or the file holds it; the environment keeps its own. */
function secretOf({ config, origins, path }: LoadedConfig): GivenSecret | undefined {
	if (config.brokerPasswordFile !== '') return undefined;
	const isText = (key: ConfigKey) => ['flag', 'file'].includes(origins[key].source);
	const inAddress = isText('brokerAddress') ? loginIn(config.brokerAddress) : undefined;
	const isGiven = config.brokerPassword !== '' && isText('brokerPassword');
	const password = isGiven ? config.brokerPassword : inAddress?.password;
	if (password === undefined || (inAddress && isGiven)) return undefined;
	const file = passwordFileOf(config);
	return {
		path: file,
		password,
		values: { ...inAddress?.values, brokerPassword: '' },
		remark: `the password of the broker is in ${file} now, and no longer in ${path}`,
	};
}

/** User and password within an address, and the values without them. */
function loginIn(address: string) {
	const [, scheme = '', user = '', password, rest = ''] =
		/^([a-z]+:\/\/)([^:@/]*):([^@/]*)@(.*)$/.exec(address) ?? [];
	if (password === undefined) return undefined;
	return {
		password: decodeURIComponent(password),
		values: { brokerAddress: `${scheme}${rest}`, brokerUser: decodeURIComponent(user) },
	};
}

/** The file with the password of the broker, unless the configuration names another one. */
export function passwordFileOf({
	keysFolder,
	databaseFolder,
}: Pick<Config, 'keysFolder' | 'databaseFolder'>): string {
	return join(keysFolder === '' ? databaseFolder : keysFolder, 'broker.password');
}

/**
 * The file with the token that clients of the listeners must give; if the configuration names none,
 * the one that the first start makes. Undefined if they need no token, or certificates instead.
 */
export function listenerTokenFileOf(
	config: Pick<
		Config,
		'keysFolder' | 'databaseFolder' | 'listenerTokenFile' | 'listenerLogin' | 'listenerTlsClientCA'
	>,
): string | undefined {
	const { keysFolder, databaseFolder, listenerTokenFile } = config;
	if (listenerTokenFile !== '') return listenerTokenFile;
	if (!config.listenerLogin || config.listenerTlsClientCA !== '') return undefined;
	return join(keysFolder === '' ? databaseFolder : keysFolder, 'listener.token');
}

/**
 * What the first start of a new node writes into its file, beside the defaults: it signs. A node
 * whose journal is there belongs to a fleet that may not sign.
 */
function withFirstValues(places: ConfigPlaces, file: ConfigFile): ConfigFile {
	if (file.isThere) return file;
	return hasJournal(merge(places, file).config) ? file : { ...file, values: { signing: 'on' } };
}

function hasJournal({ databaseFolder }: Config): boolean {
	return existsSync(join(databaseFolder, 'data.mdb'));
}

interface ConfigFile {
	readonly path: string;
	readonly isThere: boolean;
	readonly text: string;
	readonly yaml: YamlText;
	readonly values: Readonly<Record<string, unknown>>;
}

function readFile(path: string): ConfigFile {
	let text = '';
	let isThere = true;
	try {
		text = utf8Text(readFileSync(path));
	} catch (thrown) {
		const isMissing = thrown instanceof Error && Reflect.get(thrown, 'code') === 'ENOENT';
		if (!isMissing) throw new ReeveError('bad_config', String(thrown), { cause: thrown });
		isThere = false;
	}
	const yaml = parseYaml(text);
	const { problem } = yaml;
	if (problem) {
		throw new ReeveError('bad_config', `${path}:${problem.place.line}: ${problem.text}`);
	}
	const values: unknown = yamlValue(yaml) ?? {};
	if (typeof values !== 'object' || values === null || Array.isArray(values)) {
		throw new ReeveError('bad_config', `${path}:1: the file holds lines of the form key: value`);
	}
	return { path, isThere, text, yaml, values: { ...values } };
}

/** The line of a key in the file. */
function lineOf({ yaml }: ConfigFile, key: string): number {
	return yaml.placeAt(keyOffset(yaml.document, key) ?? 0).line;
}

function merge(places: ConfigPlaces, file: ConfigFile): LoadedConfig {
	const { folder, flags = {}, environment = {} } = places;
	const remarks = [
		...Object.keys(file.values).map((key) => known(key, `${file.path}:${lineOf(file, key)}`)),
		...Object.keys(flags).map((key) => known(key, `--${key}`)),
	];
	const config: Record<string, unknown> = {};
	const origins: Record<string, ConfigOrigin> = {};
	for (const key of configKeys) {
		const [raw, origin] = find(key, { flags, environment, file });
		config[key] = check(key, raw, origin);
		origins[key] = origin;
	}
	if (config['keysFolder'] === '') config['keysFolder'] = join(folder, 'keys');
	remarks.push(portRemark(String(config['brokerAddress'])));
	return {
		config: config as Config,
		origins: origins as Record<ConfigKey, ConfigOrigin>,
		path: file.path,
		remarks: remarks.filter((remark) => remark !== undefined),
	};
}

/** Refuses an unknown key; returns a notice for one that has no effect. */
function known(key: string, place: string): string | undefined {
	if (Object.hasOwn(configSchema.shape, key)) return undefined;
	if (isUnusedStewardFlag(key)) return stewardRemark(key, place);
	const guess = nearestWord(key, configKeys);
	const advice = guess ? `; did you mean ${guess}?` : '';
	throw new ReeveError('bad_config', `${place}: there is no key ${key}${advice}`);
}

function find(
	key: ConfigKey,
	{ flags, environment, file }: Required<Omit<ConfigPlaces, 'folder'>> & { file: ConfigFile },
): [unknown, ConfigOrigin] {
	if (flags[key] !== undefined) return [flags[key], { source: 'flag', place: `--${key}` }];
	const variable = variableOf(key);
	const given = environment[variable];
	if (given !== undefined) return [given, { source: 'environment', place: variable }];
	const written = file.values[key];
	if (written !== undefined && written !== null) {
		return [written, { source: 'file', place: `${file.path}:${lineOf(file, key)}` }];
	}
	return [undefined, { source: 'default', place: 'default' }];
}

function check(key: ConfigKey, raw: unknown, { place }: ConfigOrigin): unknown {
	const { default: usual } = configDoc(key);
	const isNone = typeof usual === 'number' && raw !== undefined && !isNumeral(raw);
	const parsed = configSchema.shape[key].safeParse(raw);
	if (parsed.success && !isNone) return parsed.data;
	const why = isNone
		? 'not a number'
		: parsed.error?.issues.map(({ message }) => message).join('; ');
	// An address may contain a password.
	const shown = JSON.stringify(raw)?.replace(/\/\/[^@/]*@/, '//********@');
	throw new ReeveError('bad_config', `${place}: ${key} cannot be ${shown}: ${why}`);
}

/** Coercion would read true as 1, and an empty word or list as 0. */
function isNumeral(raw: unknown): boolean {
	return typeof raw === 'number' || (typeof raw === 'string' && raw.trim() !== '');
}

const title =
	'# The configuration of this node. Edit it as you like: reeve writes here only what is\n' +
	'# given as a flag at a start. Where each value comes from is told by: reeve config show\n';

/** A new file: every key with its meaning. */
function freshText(values: Readonly<Record<string, unknown>>): string {
	const entries = configKeys.map((key) => {
		const doc = configDoc(key);
		return entryText(key, Object.hasOwn(values, key) ? values[key] : doc.default);
	});
	return `${title}${entries.join('')}`;
}

function entryText(key: ConfigKey, value: unknown): string {
	const { meaning } = configDoc(key);
	return `\n${meaning ? `# ${meaning}\n` : ''}${yamlText({ [key]: value })}`;
}

/**
 * The text of the file with these values. Only the characters of changed values are replaced,
 * because yaml's own printing would also change the operator's layout.
 */
function edited(file: ConfigFile, values: Readonly<Record<string, unknown>>): string {
	const { document } = file.yaml;
	const changed = Object.entries(values).filter(([key, value]) => !isSame(file.values[key], value));
	if (!isLineMap(document)) {
		if (changed.length === 0) return file.text;
		for (const [key, value] of changed) document.set(key, value);
		return document.toString({ lineWidth: 0 });
	}
	return spliced(file, changed);
}

/** The same text, with the values of these keys in their places, or at its end. */
function spliced(file: ConfigFile, changed: readonly (readonly [string, unknown])[]): string {
	let { text } = file;
	const changes = changed
		.map(([key, value]) => ({
			key: key as ConfigKey,
			value,
			range: valueRange(file.yaml.document, key),
		}))
		.toSorted((a, b) => (b.range?.[0] ?? 0) - (a.range?.[0] ?? 0));
	for (const { value, range } of changes) {
		if (!range) continue;
		const [from, to] = range;
		const space = from === to ? ' ' : '';
		text = `${text.slice(0, from)}${space}${yamlText(value).trimEnd()}${text.slice(to)}`;
	}
	for (const { key, value, range } of changes) {
		if (range) continue;
		if (text !== '' && !text.endsWith('\n')) text += '\n';
		text += entryText(key, value);
	}
	return text;
}

function isSame(written: unknown, value: unknown): boolean {
	return written === value || (written !== null && JSON.stringify(written) === String(value));
}
