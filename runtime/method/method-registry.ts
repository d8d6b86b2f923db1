/**
 * The registry: which methods there are. Folders are scanned once, when the node starts; every file
 * in them is one method, its default export the declaration. After that there are only look-ups.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { isKind, isName } from '../message/topics.ts';
import { defineMethod, type MethodDefinition } from './method.ts';
import { onCrashPolicies } from '../message/message.ts';
import { ReeveError, reasonOf } from '../platform/errors.ts';

/** The methods that a node knows. Names are case-sensitive, as in steward. */
export interface MethodRegistry {
	/** The method of this wire name or alias. */
	find(nameOrAlias: string): MethodDefinition | undefined;
	/** Every method once, by wire name. */
	list(): readonly MethodDefinition[];
	/** Adds a method, or puts another declaration in the place of the one of this wire name. */
	put(method: DeclaredMethod): void;
}

/** A method, and what to call the place where it is declared in an error. */
export interface DeclaredMethod {
	readonly source: string;
	readonly definition: MethodDefinition;
}

/**
 * Compiled or plain JavaScript, and TypeScript where a loader for it runs; no mere types, and no
 * specs.
 */
const isDeclarationFile = (file: string) =>
	/\.[cm]?[jt]s$/.test(file) && !/\.d\.[cm]?ts$|\.test\.|^\./.test(file);

const name = z
	.string()
	.refine(isName, 'not a name: letters, digits, dot, dash and underscore only');

/** Whether `value` can be called by this name: a schema may come from another copy of zod. */
const hasFunction = (value: unknown, key: string) =>
	typeof Reflect.get(Object(value), key) === 'function';

/** The shape of a declaration; types say the same, but a method may be written without them. */
const declaration = z.object({
	name,
	aliases: z.array(name),
	summary: z.string().min(1),
	kind: z.string().refine(isKind, 'not a kind of message'),
	ordering: z.enum(['concurrent', 'sequential']),
	onCrash: z.enum(onCrashPolicies),
	replies: z.union([z.boolean(), z.literal('interim')]),
	isolate: z.enum(['worker']).optional(),
	args: z.custom((value) => hasFunction(value, 'safeParse'), 'not a zod schema'),
	example: z.object({
		methodArgs: z.array(z.string()).optional(),
		data: z.string().optional(),
	}),
	run: z.custom((value) => typeof value === 'function', 'not a function'),
});

/**
 * Loads every method of these folders (paths or `file:` addresses), and adds `others`. Files are
 * taken in the order of the folders, then by name.
 *
 * @throws ReeveError `bad_config` if a folder cannot be read; `bad_declaration` if a file cannot be
 * loaded or does not declare a method, or if two claim one name; each names its file
 */
export async function loadMethods(
	folders: readonly (string | URL)[],
	others: readonly DeclaredMethod[] = [],
): Promise<MethodRegistry> {
	const declared: DeclaredMethod[] = [];
	for (const folder of folders) {
		const path = resolve(folder instanceof URL ? fileURLToPath(folder) : folder);
		for (const file of (await filesOf(path)).filter(isDeclarationFile).toSorted()) {
			const source = join(path, file);
			declared.push({ source, definition: await loadMethod(source) });
		}
	}
	return createRegistry([...declared, ...others]);
}

/**
 * A registry of methods that are loaded already.
 *
 * @throws ReeveError `bad_declaration` if two claim one name or alias, or one claims a name twice
 */
export function createRegistry(declared: readonly DeclaredMethod[]): MethodRegistry {
	const byName = new Map<string, DeclaredMethod>();
	for (const method of declared) {
		for (const called of [method.definition.name, ...method.definition.aliases]) {
			const other = byName.get(called);
			if (other) {
				const where = `${other.source} and ${method.source}`;
				throw new ReeveError('bad_declaration', `${called} is declared twice: ${where}`);
			}
			byName.set(called, method);
		}
	}
	const byWireName = (one: MethodDefinition, other: MethodDefinition) =>
		one.name < other.name ? -1 : 1;
	let all = declared.map(({ definition }) => definition).toSorted(byWireName);
	return {
		find: (nameOrAlias) => byName.get(nameOrAlias)?.definition,
		list: () => all,
		put(method) {
			const { definition } = method;
			byName.set(definition.name, method);
			const others = all.filter(({ name: other }) => other !== definition.name);
			all = [...others, definition].toSorted(byWireName);
		},
	};
}

async function filesOf(folder: string): Promise<readonly string[]> {
	try {
		return await readdir(folder);
	} catch (thrown) {
		throw new ReeveError('bad_config', `methods folder ${folder}`, { cause: thrown });
	}
}

async function loadMethod(source: string): Promise<MethodDefinition> {
	let loaded: unknown;
	try {
		loaded = await import(pathToFileURL(source).href);
	} catch (thrown) {
		const why = reasonOf(thrown);
		throw new ReeveError('bad_declaration', `${source}: ${why}`, { cause: thrown });
	}
	const exported: unknown = Reflect.get(Object(loaded), 'default');
	if (exported === undefined)
		throw new ReeveError('bad_declaration', `${source}: no default export`);
	const checked = declaration.safeParse(exported);
	if (checked.success) {
		const definition = exported as MethodDefinition;
		const isIsolated = definition.isolate !== undefined;
		return defineMethod(isIsolated ? { ...definition, file: source } : definition);
	}
	const wrong = checked.error.issues
		.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '))
		.join('; ');
	throw new ReeveError('bad_declaration', `${source}: ${wrong}`);
}
