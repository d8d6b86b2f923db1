/**
 * YAML definitions in specs: compiled from a text, or refused.
 *
 * @module
 */
import { join } from 'node:path';
import { compileYamlDefinition } from '../../actors/declarative/yaml-definition.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** Compiles a YAML definition. */
export function yamlDefinitionOf(text: string, dataFolder = '.'): ActorDefinition {
	return compileYamlDefinition({
		source: 'it.yaml',
		text,
		node: 'ship1',
		dataFolder,
		notesFolder: join(dataFolder, 'notes'),
		outputBytesMax: 10_000,
	});
}

/** The problems of a YAML definition, a line for each; empty if it is accepted. */
export function refusalOf(text: string): readonly string[] {
	try {
		yamlDefinitionOf(text);
		return [];
	} catch (thrown) {
		if (thrown instanceof ReeveError && thrown.code === 'bad_declaration') {
			return thrown.detail.split('\n');
		}
		throw thrown;
	}
}
