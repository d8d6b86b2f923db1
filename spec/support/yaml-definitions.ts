/**
 * Sheets in specs: compiled from a text, or refused.
 *
 * @module
 */
import { compileYamlDefinition } from '../../actors/declarative/yaml-definition.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** The definition that a sheet makes. */
export function yamlDefinitionOf(text: string, dataFolder = '.'): ActorDefinition {
	return compileYamlDefinition({
		source: 'it.yaml',
		text,
		node: 'ship1',
		dataFolder,
		outputBytesMax: 10_000,
	});
}

/** What a sheet is refused for, a line for each; empty if it is accepted. */
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
