/**
 * Loads the programs of a node: its methods, and the definitions of its actors. A file whose load
 * does not end, or ends the process, must not do so at every start: after a few such starts, and
 * where safe mode is asked for, those of the operator's folders are left out.
 *
 * @module
 */
import { join } from 'node:path';
import { readDefinitions, surroundingsOf } from '../../actors/declarative/definition-folder.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { StartOptions } from '../../runtime/config/start-options.ts';
import type { SignalFields } from '../../runtime/observability/signals.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import {
	loadMethods,
	type DeclaredMethod,
	type MethodRegistry,
} from '../../runtime/method/method-registry.ts';
import type { FolderReading } from '../composition/definitions.ts';
import { methodFolders } from './declared-methods.ts';
import { beginLoading } from './loading-record.ts';

/** What {@link loadPrograms} has loaded. */
export interface Programs {
	readonly methods: MethodRegistry;
	/** Undefined if there is no definitions folder. */
	readonly reading: FolderReading | undefined;
	/** Those of the operator; with safe mode if programs were left out. */
	readonly choices: StartOptions;
	/** Set if programs were left out. */
	readonly skipped: SignalFields['programs.skipped'] | undefined;
}

/** What it needs to know. */
export interface LoadingOptions {
	readonly clock: Clock;
	readonly choices: StartOptions;
	/** Methods that no file declares. */
	readonly others: readonly DeclaredMethod[];
}

/**
 * Loads them; a file of the definitions folder that is wrong stops nothing.
 *
 * @throws ReeveError `bad_config`, `bad_declaration`
 */
export async function loadPrograms(config: Config, options: LoadingOptions): Promise<Programs> {
	const { methodsFolder, definitionsFolder, databaseFolder, uncleanPeriod } = config;
	const { choices, others, clock } = options;
	const folders = [methodsFolder, definitionsFolder].filter((folder) => folder !== '');
	if (folders.length === 0) {
		const methods = await loadMethods(methodFolders(config), others);
		return { methods, reading: undefined, choices, skipped: undefined };
	}
	const path = join(databaseFolder, 'loading.json');
	const loading = beginLoading(path, clock, uncleanPeriod * 1000);
	const { deaths } = loading;
	const isSafe = choices.mode === 'safe' || mustBeSafe(deaths, choices, config);
	try {
		const own = isSafe ? { methodsFolder: '' } : config;
		return {
			methods: await loadMethods(methodFolders(own), others),
			reading: await readFolder(config, isSafe),
			choices: isSafe ? { ...choices, mode: 'safe' } : choices,
			skipped: isSafe ? { folders: folders.join(' '), deaths } : undefined,
		};
	} finally {
		loading.end();
	}
}

function mustBeSafe(deaths: number, { mode }: StartOptions, config: Config): boolean {
	return mode !== 'normal' && deaths > 0 && deaths >= config.uncleanStartsMax;
}

/** The definitions folder. */
async function readFolder(config: Config, isSafe: boolean): Promise<FolderReading | undefined> {
	const { definitionsFolder: folder } = config;
	if (folder === '') return undefined;
	const surroundings = surroundingsOf(config);
	const files = await readDefinitions(folder, surroundings, { isSafe });
	// Nodes without such a folder need not load the YAML compiler.
	const { compileYamlDefinition } = await import('../../actors/declarative/yaml-definition.ts');
	const compile = (source: string, text: string) =>
		compileYamlDefinition({ source, text, ...surroundings });
	return { files, compile };
}
