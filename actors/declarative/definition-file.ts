/**
 * Definition files: one actor in each, as a program (its default export made with `defineActor`) or
 * as a sheet in YAML or JSON.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { isActorDefinition, type ActorDefinition } from '../definition/definition.ts';
import { placedError } from './program-location.ts';
import type { StepSurroundings } from './steps.ts';

/** A definition, and where it stands. */
export interface DeclaredActor {
	readonly source: string;
	readonly definition: ActorDefinition;
}

/** A file as it was read: either a definition, or what is wrong with it. */
export interface DefinitionFile {
	/** Its path. */
	readonly source: string;
	readonly text: string;
	readonly definition?: ActorDefinition;
	/** Its detail names file, line and column wherever there is a place to name. */
	readonly error?: ReeveError;
}

const programs = /\.(?:[cm]?js|ts)$/;
const yamlDefinitions = /\.(?:ya?ml|json)$/;
/** No types, no specs, nothing hidden; a package's own file is often found beside programs. */
const others = /\.d\.ts$|\.test\.|^\.|^(?:package|package-lock|tsconfig)\.json$/;

/** Whether a file of this name may define an actor. */
export function isDefinitionFile(name: string): boolean {
	return (programs.test(name) || yamlDefinitions.test(name)) && !others.test(name);
}

/** Whether a file is text that is compiled here, and not a program. */
export function isYamlDefinition(source: string): boolean {
	return yamlDefinitions.test(source);
}

/** How often a program was loaded: each later load asks for the file under another address. */
const loads = new Map<string, number>();

/** Reads one file. What is wrong with it is an answer, not a throw. */
export async function readDefinition(
	source: string,
	surroundings: StepSurroundings,
): Promise<DefinitionFile> {
	let text = '';
	try {
		text = await readFile(source, 'utf8');
		return { source, text, definition: await define(source, text, surroundings) };
	} catch (thrown) {
		return { source, text, error: placedError(thrown, { source, text }) };
	}
}

async function define(
	source: string,
	text: string,
	surroundings: StepSurroundings,
): Promise<ActorDefinition> {
	if (isYamlDefinition(source)) {
		// Nodes without sheets need not load what reads them.
		const { compileYamlDefinition } = await import('./yaml-definition.ts');
		return compileYamlDefinition({ source, text, ...surroundings });
	}
	const address = pathToFileURL(source).href;
	const count = (loads.get(source) ?? 0) + 1;
	loads.set(source, count);
	const loaded: unknown = await import(count === 1 ? address : `${address}?load=${count}`);
	const exported: unknown = Reflect.get(Object(loaded), 'default');
	if (isActorDefinition(exported)) return exported;
	throw new ReeveError('bad_declaration', 'its default export is no defineActor(...)');
}

/** The refusal of a definition for its version. */
export function versionRefusal(
	{ source, text, definition }: DefinitionFile,
	known: number,
): ReeveError {
	const lines = text.split('\n');
	const index = lines.findIndex((line) => /^\s*["']?version["']?\s*:/.test(line));
	const column = (lines[index]?.search(/\S/) ?? 0) + 1;
	const place = index < 0 ? '1:1' : `${index + 1}:${column}`;
	const what = `version ${definition?.version} is behind ${known}, which was in force already`;
	return new ReeveError('bad_declaration', `${source}:${place}: ${what}`);
}
