/**
 * Definition files: each declares one actor, as a program whose default export is made by
 * `defineActor`, or as a YAML definition, which may be written as JSON.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { isActorDefinition, type ActorDefinition } from '../definition/definition.ts';
import { placedError } from './program-location.ts';
import type { StepSurroundings } from './steps.ts';
import { utf8Text } from '../../runtime/text/utf8.ts';

/** A definition and its file. */
export interface DeclaredActor {
	readonly source: string;
	readonly definition: ActorDefinition;
}

/** A file that was read: with its definition, or with an error. */
export interface DefinitionFile {
	/** Its path. */
	readonly source: string;
	readonly text: string;
	readonly definition?: ActorDefinition;
	/** Its detail begins with file, line and column. */
	readonly error?: ReeveError;
}

const programs = /\.(?:[cm]?js|ts)$/;
const yamlDefinitions = /\.(?:ya?ml|json)$/;
/** Not definitions: types, specs, hidden files, and the files of a package beside programs. */
const others = /\.d\.ts$|\.test\.|^\.|^(?:package|package-lock|tsconfig)\.json$/;

/** Whether a file of this name may define an actor. */
export function isDefinitionFile(name: string): boolean {
	return (programs.test(name) || yamlDefinitions.test(name)) && !others.test(name);
}

/** Whether a file is a YAML definition, and not a program. */
export function isYamlDefinition(source: string): boolean {
	return yamlDefinitions.test(source);
}

/** How often each program was loaded: a later load must import it by another URL. */
const loads = new Map<string, number>();

/** Reads one file. Its error is returned, not thrown. */
export async function readDefinition(
	source: string,
	surroundings: StepSurroundings,
): Promise<DefinitionFile> {
	let text = '';
	try {
		text = utf8Text(await readFile(source));
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
		// Imported on demand: nodes without YAML definitions need not load the compiler.
		const { compileYamlDefinition } = await import('./yaml-definition.ts');
		return compileYamlDefinition({ source, text, ...surroundings });
	}
	const address = pathToFileURL(source).href;
	const count = (loads.get(source) ?? 0) + 1;
	loads.set(source, count);
	const loaded: unknown = await import(count === 1 ? address : `${address}?load=${count}`);
	const exported: unknown = Reflect.get(Object(loaded), 'default');
	if (isActorDefinition(exported)) return exported;
	throw new ReeveError('bad_declaration', 'its default export is not made by defineActor');
}

/** The error of a definition whose version is older than one that was in force. */
export function versionRefusal(
	{ source, text, definition }: DefinitionFile,
	known: number,
): ReeveError {
	const lines = text.split('\n');
	const index = lines.findIndex((line) => /^\s*["']?version["']?\s*:/.test(line));
	const column = (lines[index]?.search(/\S/) ?? 0) + 1;
	const place = index < 0 ? '1:1' : `${index + 1}:${column}`;
	const what = `version ${definition?.version} is older than ${known}, which was already in force`;
	return new ReeveError('bad_declaration', `${source}:${place}: ${what}`);
}
