/**
 * Replays and copies instances for the command line: from a journal that is only read, and a folder
 * of definitions.
 *
 * @module
 */
import {
	loadActors,
	surroundingsOf,
	definitionPaths,
} from '../../actors/declarative/definition-folder.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { replay } from '../../actors/replay/replay.ts';
import { createSandbox, type Sandbox } from '../../actors/replay/sandbox.ts';
import type { Difference, ReplayTotals } from '../../runtime/queries/actor-rows.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import { readStore, type StoreReading } from '../../runtime/journal/lmdb-store.ts';
import type { CheckedFile } from '../../transports/cli/arguments/program-host.ts';
import { isDefinitionFile, readDefinition } from '../../actors/declarative/definition-file.ts';
import { resolve } from 'node:path';

/** What is read. */
export interface Replayed {
	/** The folder of the journal. */
	readonly journal: string;
	/** The folder of the definitions. */
	readonly definitions: string;
	/** The name of the node that the journal belongs to; some machines are given it as input. */
	readonly node: string;
}

/** Runs all that a journal holds of actors through the definitions of a folder. */
export function replayStore(
	what: Replayed,
	tell: (difference: Difference) => void,
): Promise<ReplayTotals> {
	return withStore(what, ({ journal, definitions }) => {
		return replay({ ...what, journal, definitions, microstepsMax }, tell);
	});
}

/** Makes a copy of an instance; what it needs of the journal is read at once. */
export function forkInstance(
	what: Replayed & {
		readonly actor: string;
		readonly key: string;
		readonly at?: number | undefined;
	},
): Promise<Sandbox> {
	const { actor, key, at, node } = what;
	return withStore(what, ({ journal, definitions }) => {
		const names = definitions.map(({ name }) => name);
		const definition = definitions.find(({ name }) => name === actor);
		if (!definition) {
			const nearest = nearestWord(actor, names);
			const guess = nearest ? `; is it ${nearest}?` : '';
			throw new ReeveError('not_found', `no file of ${what.definitions} declares ${actor}${guess}`);
		}
		const now = () => realClock.now();
		return createSandbox({ journal, definition, key, at, node, microstepsMax, now });
	});
}

/** What nodes allow unless they are told otherwise. */
const { microstepsMax } = configOf({});

interface Opened {
	readonly journal: StoreReading;
	readonly definitions: readonly ActorDefinition[];
}

async function withStore<Value>(
	{ journal: folder, definitions: path }: Replayed,
	work: (opened: Opened) => Value,
): Promise<Value> {
	const declared = await loadActors(path);
	const journal = readStore(folder);
	try {
		return work({ journal, definitions: declared.map(({ definition }) => definition) });
	} finally {
		await journal.close();
	}
}

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
