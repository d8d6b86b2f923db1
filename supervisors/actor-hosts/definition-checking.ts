/**
 * The check of definition files without a node.
 *
 * @module
 */
import { resolve } from 'node:path';
import { isDefinitionFile, readDefinition } from '../../actors/declarative/definition-file.ts';
import { definitionPaths, surroundingsOf } from '../../actors/declarative/definition-folder.ts';
import { configOf } from '../../runtime/config/config.ts';
import type { CheckedFile } from '../../transports/cli/arguments/program-host.ts';

/**
 * Checks a file, or all definition files of a folder.
 *
 * @throws ReeveError `bad_config` if a folder cannot be read
 */
export async function checkDefinitions(path: string): Promise<readonly CheckedFile[]> {
	const surroundings = surroundingsOf(configOf({}));
	const sources = isDefinitionFile(path) ? [resolve(path)] : await definitionPaths(path);
	const rows: CheckedFile[] = [];
	for (const file of sources) {
		const { definition, error } = await readDefinition(file, surroundings);
		if (definition) rows.push({ file, actor: definition.name, version: definition.version });
		else rows.push({ file, problem: error?.detail ?? '' });
	}
	return rows;
}
