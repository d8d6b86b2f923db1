/**
 * The methods that a configuration declares: the built-in ones, those of the methods folder, and
 * the actors of the definitions folder, which are methods too.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import type { Config } from '../../runtime/config/config.ts';
import { loadMethods } from '../../runtime/method/method-registry.ts';
import { checkDefinitions } from './offline-replay.ts';

/** The folders whose files are methods. */
export function methodFolders({ methodsFolder }: Pick<Config, 'methodsFolder'>): string[] {
	const ours = fileURLToPath(new URL('../../actors/methods/', import.meta.url));
	return methodsFolder === '' ? [ours] : [ours, methodsFolder];
}

/**
 * The names of all methods, without starting a node.
 *
 * @throws ReeveError `bad_config`, `bad_declaration`
 */
export async function declaredMethods(
	config: Config,
): Promise<readonly { readonly name: string; readonly aliases: readonly string[] }[]> {
	const { definitionsFolder: folder } = config;
	const methods = await loadMethods(methodFolders(config));
	const files = folder === '' ? [] : await checkDefinitions(folder);
	const actors = files.flatMap(({ actor: name }) => (name ? [{ name, aliases: [] }] : []));
	return [...methods.list(), ...actors];
}
