/**
 * The definitions folder: actors that a node finds as files, one in each, its default export made
 * with
 * `defineActor`.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ReeveError } from '../runtime/errors.ts';
import { isActorDefinition, type ActorDefinition } from './definition.ts';

/** A definition, and where it stands. */
export interface DeclaredActor {
	readonly source: string;
	readonly definition: ActorDefinition;
}

/** Compiled or plain JavaScript, and TypeScript where a loader for it runs; no types, no specs. */
const isDefinitionFile = (file: string) =>
	/\.(?:[cm]?js|ts)$/.test(file) && !/\.d\.ts$|\.test\.|^\./.test(file);

/**
 * Loads every definition of a folder, in the order of the file names.
 *
 * @throws ReeveError `bad_config` if the folder cannot be read; `bad_declaration`, naming the file
 */
export async function loadActors(folder: string): Promise<readonly DeclaredActor[]> {
	const path = resolve(folder);
	let files: readonly string[];
	try {
		files = await readdir(path);
	} catch (cause) {
		throw new ReeveError('bad_config', `definitions folder ${path}`, { cause });
	}
	const declared: DeclaredActor[] = [];
	for (const file of files.filter(isDefinitionFile).toSorted()) {
		const source = join(path, file);
		declared.push({ source, definition: await loadActor(source) });
	}
	return declared;
}

async function loadActor(source: string): Promise<ActorDefinition> {
	let loaded: unknown;
	try {
		loaded = await import(pathToFileURL(source).href);
	} catch (thrown) {
		const why = thrown instanceof Error ? thrown.message : String(thrown);
		throw new ReeveError('bad_declaration', `${source}: ${why}`, { cause: thrown });
	}
	const exported: unknown = Reflect.get(Object(loaded), 'default');
	if (isActorDefinition(exported)) return exported;
	throw new ReeveError('bad_declaration', `${source}: its default export is no defineActor(...)`);
}
