/**
 * The definitions of a node: which actors there are, which file each comes from, and what is wrong
 * with files that define none. The journal keeps which versions were in force, and the texts of
 * YAML definitions: a file that became wrong while the node was down leaves the previous definition
 * in force.
 *
 * @module
 */
import { basename } from 'node:path';
import {
	versionRefusal,
	isYamlDefinition,
	type DefinitionFile,
} from '../../actors/declarative/definition-file.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { methodOf } from '../../actors/definition/event-message.ts';
import type { DefinitionFileRow } from '../../runtime/queries/definition-rows.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import { rowsUnder, type Change } from '../../runtime/journal/schema.ts';

/** What the journal knows of a definition. */
interface DefinitionRecord {
	/** The highest that was in force. */
	readonly version: number;
	readonly file: string;
	/** The text of a YAML definition; a program is not kept. */
	readonly text?: string;
}

/** The folder, as it was read before anything else was there. */
export interface FolderReading {
	readonly files: readonly DefinitionFile[];
	/** Compiles the text of a YAML definition. Throws what is wrong with it. */
	readonly compile: (source: string, text: string) => ActorDefinition;
}

/** What is known of one file. */
export interface FileState extends DefinitionFileRow {
	/** As it was read last; empty for a definition that is kept in spite of its file. */
	readonly text: string;
}

/** The definitions that {@link openDefinitions} makes. */
export interface Definitions {
	/**
	 * Those in force. A reload changes the contents of this same list.
	 */
	readonly actors: readonly ActorDefinition[];
	/** Whether a name is that of an actor, even if nothing that defines it is in force. */
	readonly isActor: (name: string) => boolean;
	/** By the names of the files. */
	readonly files: ReadonlyMap<string, FileState>;
	/** What is wrong with a file; undefined if its definition may be put in force. */
	readonly judge: (file: DefinitionFile) => ReeveError | undefined;
	/** Puts the definition of a file in force, as far as names go. */
	readonly enact: (file: DefinitionFile, definition: ActorDefinition) => void;
	/** Takes the definition of a file out of force. */
	readonly repeal: (file: string) => void;
	/** Notes what is wrong with a file; what is in force stays. */
	readonly blame: (file: DefinitionFile, problem: string) => void;
	/** The changes by which a restart knows of an enacted definition. */
	readonly record: (file: DefinitionFile, definition: ActorDefinition) => readonly Change[];
	/** The same for those that were in force from the start. */
	readonly firstRecords: () => readonly Change[];
}

/** What definitions are opened with. */
export interface DefinitionParts {
	/** Actors that no file defines. */
	readonly given: readonly ActorDefinition[];
	readonly reading: FolderReading | undefined;
	readonly journal: Journal;
	readonly methods: MethodRegistry;
}

/** Opens the definitions: every file of the folder is judged, and what is right is in force. */
export function openDefinitions(parts: DefinitionParts): Definitions {
	const { given, reading, journal, methods } = parts;
	const actors = [...given];
	const files = new Map<string, FileState>();
	const absent = new Set<string>();
	const recordOf = (actor: string) => journal.get<DefinitionRecord>('definitions', [actor]);

	const enact: Definitions['enact'] = ({ source, text }, definition) => {
		const file = basename(source);
		const index = actors.findIndex(({ name }) => name === definition.name);
		if (index < 0) actors.push(definition);
		else actors[index] = definition;
		absent.delete(definition.name);
		methods.put({ source, definition: methodOf(definition) });
		files.set(file, { file, text, actor: definition.name });
	};
	const judge: Definitions['judge'] = (file) => {
		const { source, error, definition } = file;
		if (!definition) return error;
		const { name, version } = definition;
		const owner = [...files.values()].find(({ actor }) => actor === name);
		const isOurs = owner?.file === basename(source);
		if (!isOurs && (methods.find(name) || absent.has(name))) {
			const whose = owner ? owner.file : 'another method or actor';
			return new ReeveError('bad_declaration', `${source}:1:1: ${name} is the name of ${whose}`);
		}
		const known = recordOf(name)?.version ?? 0;
		return version < known ? versionRefusal(file, known) : undefined;
	};
	/** What was in force when the file was right, if it can be had. */
	const keep = (file: DefinitionFile, problem: string): void => {
		const name = basename(file.source);
		const [row] = journal
			.scan<DefinitionRecord>('definitions', rowsUnder())
			.filter(({ value }) => value.file === name);
		const actor = row && String(row.key[0]);
		const isFree = actor !== undefined && !methods.find(actor);
		if (isFree && row?.value.text !== undefined && reading) {
			enact({ ...file, text: '' }, reading.compile(file.source, row.value.text));
		} else if (isFree) {
			// Messages for it are still accepted, and wait.
			absent.add(actor);
			const stand = { name: actor, summary: `The actor ${actor}, whose file is refused` };
			methods.put({ source: file.source, definition: methodOf(stand) });
		}
		files.set(name, { file: name, text: file.text, problem, ...(isFree ? { actor } : {}) });
	};

	const record: Definitions['record'] = ({ source, text }, { name, version }) => {
		const file = basename(source);
		const value: DefinitionRecord = {
			version,
			file,
			...(isYamlDefinition(source) ? { text } : {}),
		};
		const known = recordOf(name);
		const isSame = known && JSON.stringify(known) === JSON.stringify(value);
		return isSame ? [] : [{ table: 'definitions', key: [name], value }];
	};
	const first: Change[] = [];
	for (const file of reading?.files ?? []) {
		const { definition } = file;
		const error = judge(file);
		if (!error && definition) {
			enact(file, definition);
			first.push(...record(file, definition));
		} else keep(file, error?.detail ?? '');
	}

	return {
		actors,
		isActor: (name) => absent.has(name) || actors.some((actor) => actor.name === name),
		files,
		judge,
		enact,
		repeal(file) {
			const index = actors.findIndex(({ name }) => name === files.get(file)?.actor);
			if (index >= 0) actors.splice(index, 1);
			files.delete(file);
		},
		blame({ source, text }, problem) {
			const file = basename(source);
			files.set(file, { ...files.get(file), file, text, problem });
		},
		record,
		firstRecords: () => first,
	};
}
