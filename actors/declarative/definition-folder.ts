/**
 * The definitions folder: actors that a node finds as files, one in each.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { isDefinitionFile, readDefinition } from './definition-file.ts';
import type { DeclaredActor, DefinitionFile } from './definition-file.ts';
import type { StepSurroundings } from './steps.ts';

/** What the steps of sheets will work with on the node of this configuration. */
export function surroundingsOf(config: Config): StepSurroundings {
	const { nodeName: node, subscribersDataFolder: dataFolder, outputBytesMax } = config;
	return { node, dataFolder, outputBytesMax };
}

/**
 * The definition files of a folder, in the order of their names.
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
 * Reads every file of a folder. What is wrong with one of them keeps no other from being read.
 *
 * @throws ReeveError `bad_config` if the folder cannot be read
 */
export async function readDefinitions(
	folder: string,
	surroundings: StepSurroundings,
): Promise<readonly DefinitionFile[]> {
	const read: DefinitionFile[] = [];
	for (const source of await definitionPaths(folder)) {
		read.push(await readDefinition(source, surroundings));
	}
	return read;
}

/**
 * Loads every definition of a folder, for a look at them.
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
