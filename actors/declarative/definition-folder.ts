/**
 * The definitions folder: finds and reads the definition files of a node.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { appendNotesFolderOf } from '../../runtime/config/own-folders.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { isDefinitionFile, isYamlDefinition, readDefinition } from './definition-file.ts';
import type { DeclaredActor, DefinitionFile } from './definition-file.ts';
import type { StepSurroundings } from './steps.ts';

/** The surroundings of the steps of YAML definitions, on the node of a configuration. */
export function surroundingsOf(config: Config): StepSurroundings {
	const { nodeName: node, subscribersDataFolder: dataFolder } = config;
	const { outputBytesMax, diskRetryMs, redirectsMax } = config;
	const notesFolder = appendNotesFolderOf(config);
	return { node, dataFolder, notesFolder, outputBytesMax, diskRetryMs, redirectsMax };
}

/**
 * The paths of the definition files of a folder, sorted.
 *
 * @throws ReeveError `bad_config` if the folder cannot be read
 */
export async function definitionPaths(folder: string): Promise<readonly string[]> {
	const path = resolve(folder);
	try {
		const files = await readdir(path);
		return files
			.filter(isDefinitionFile)
			.toSorted()
			.map((file) => join(path, file));
	} catch (cause) {
		throw new ReeveError('bad_config', `definitions folder ${path}`, { cause });
	}
}

/**
 * Reads every file of a folder, also if some have errors. In safe mode programs are left out, which
 * could do anything: each has an error that says so.
 *
 * @throws ReeveError `bad_config` if the folder cannot be read
 */
export async function readDefinitions(
	folder: string,
	surroundings: StepSurroundings,
	{ isSafe = false }: { readonly isSafe?: boolean } = {},
): Promise<readonly DefinitionFile[]> {
	const read: DefinitionFile[] = [];
	for (const source of await definitionPaths(folder)) {
		if (isSafe && !isYamlDefinition(source)) {
			const error = new ReeveError('safe_mode', `${source}:1:1: not loaded in safe mode`);
			read.push({ source, text: '', error });
		} else read.push(await readDefinition(source, surroundings));
	}
	return read;
}

/**
 * Loads every definition of a folder, to inspect them without a node.
 *
 * @throws ReeveError `bad_config` if the folder cannot be read; `bad_declaration`, naming the file
 */
export async function loadActors(folder: string): Promise<readonly DeclaredActor[]> {
	const read = await readDefinitions(folder, surroundingsOf(configOf({})));
	return read.map(({ source, definition, error }) => {
		if (definition) return { source, definition };
		throw error ?? new ReeveError('internal', source);
	});
}
