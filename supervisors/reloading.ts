/**
 * Reloading: files of the definitions folder that have changed are judged, tried on the stored
 * instances, and put in force one by one, while everything else runs on. A host is stopped and
 * another one started; its mail stays where it is.
 *
 * @module
 */
import { basename, resolve } from 'node:path';
import { diffDefinitions } from '../actors/definition-diff.ts';
import { isSheet, readDefinition } from '../actors/definition-file.ts';
import type { DefinitionFile } from '../actors/definition-file.ts';
import { definitionPaths, surroundingsOf } from '../actors/definition-folder.ts';
import type { ActorDefinition } from '../actors/definition.ts';
import { methodOf } from '../actors/event-mail.ts';
import type { ReloadRow } from '../runtime/definition-rows.ts';
import { asReeveError, ReeveError } from '../runtime/errors.ts';
import type { Refusal } from './admin.ts';
import type { Ground } from './ground.ts';
import { hostChild } from './host-child.ts';
import type { SupervisorRef } from './supervisor.ts';

/** How a reload is meant. */
export interface ReloadChoice {
	/** Changes nothing, and tells what would be. */
	readonly isDryRun?: boolean;
	/** Puts definitions in force although instances would be parked. */
	readonly force?: boolean;
}

/** Reloads the folder; a row for each file. One reload runs after the other. */
export type Reload = (choice?: ReloadChoice) => Promise<readonly ReloadRow[]>;

/** Creates the reloading of a node. `hosts` is the supervisor of the hosts, once it is there. */
export function createReload(ground: Ground, hosts: () => SupervisorRef): Reload {
	const { definitions, config, signals } = ground;
	let line: Promise<unknown> = Promise.resolve();

	const refuse = (file: DefinitionFile, problem: string): ReloadRow => {
		const name = basename(file.source);
		const { actor } = definitions.files.get(name) ?? {};
		return { file: name, what: 'refused', problem, ...(actor === undefined ? {} : { actor }) };
	};
	const consider = async (source: string, choice: ReloadChoice): Promise<ReloadRow> => {
		const read = await readDefinition(source, surroundingsOf(config));
		const file = basename(source);
		const known = definitions.files.get(file);
		const { definition: after, text } = read;
		const error = definitions.judge(read);
		if (error || !after) {
			if (!choice.isDryRun) definitions.blame(read, error?.detail ?? '');
			return refuse(read, error?.detail ?? '');
		}
		// A program may have changed in what it imports; a sheet is all that it is.
		if (isSheet(source) && known?.text === text && known.problem === undefined) {
			return { file, actor: after.name, what: 'same' };
		}
		const before = definitions.actors.find(({ name }) => name === after.name);
		const diff = await diffDefinitions({ ...ground, before, after, ...config });
		const row = { file, actor: after.name, diff };
		if (diff.parked.length > 0 && choice.force !== true) return { ...row, what: 'held' };
		const what = before ? 'changed' : 'added';
		if (!choice.isDryRun) {
			await exchange(ground, hosts(), { before, after });
			definitions.enact(read, after);
			await ground.journal.commit(definitions.record(read, after));
		}
		return { ...row, what };
	};
	const remove = async (file: string, choice: ReloadChoice): Promise<ReloadRow> => {
		const { actor } = definitions.files.get(file) ?? {};
		if (!choice.isDryRun) {
			if (actor !== undefined) await end(hosts(), actor);
			definitions.repeal(file);
		}
		return { file, what: 'removed', ...(actor === undefined ? {} : { actor }) };
	};
	const reload = async (choice: ReloadChoice): Promise<readonly ReloadRow[]> => {
		if (ground.isSafe) throw new ReeveError('safe_mode');
		if (config.definitionsFolder === '') throw new ReeveError('bad_config', 'no definitionsFolder');
		const sources = await definitionPaths(config.definitionsFolder);
		const there = new Set(sources.map((source) => basename(source)));
		const rows: ReloadRow[] = [];
		for (const file of definitions.files.keys()) {
			if (!there.has(file)) rows.push(await remove(file, choice));
		}
		for (const source of sources) rows.push(await consider(resolve(source), choice));
		if (!choice.isDryRun) for (const row of rows) tell(row);
		return rows;
	};
	const tell = ({ file, actor = '', what, problem = '', diff }: ReloadRow): void => {
		if (what === 'refused') signals.emit('definition.refused', { file, actor, detail: problem });
		else if (what === 'held') {
			const [first] = diff?.parked ?? [];
			const detail = `${diff?.parked.length} instances would be parked, ${first?.key}: ${first?.reason}`;
			signals.emit('definition.refused', { file, actor, detail });
		} else if (what !== 'same') signals.emit('definition.changed', { file, actor, what });
	};

	return (choice = {}) => {
		const work = line.then(() => reload(choice));
		line = work.catch(() => undefined);
		return work;
	};
}

interface Exchanged {
	readonly before: ActorDefinition | undefined;
	readonly after: ActorDefinition;
}

/**
 * Stops the host of a definition and starts one of the other; if that fails, one of the first
 * again.
 */
async function exchange(
	ground: Ground,
	hosts: SupervisorRef,
	{ before, after }: Exchanged,
): Promise<void> {
	if (before) await end(hosts, after.name);
	// Only what is a method can have a mailbox; if it does not come to that, its mail waits.
	else openBox(ground, after);
	try {
		check(await hosts.startChild(hostChild(ground, after)));
	} catch (thrown) {
		if (before) check(await hosts.startChild(hostChild(ground, before)));
		throw asReeveError(thrown);
	}
}

function openBox({ methods, openMailbox }: Ground, definition: ActorDefinition): void {
	methods.put({ source: definition.name, definition: methodOf(definition) });
	openMailbox(definition.name);
}

async function end(hosts: SupervisorRef, actor: string): Promise<void> {
	check(await hosts.terminateChild(actor), 'not_found');
	check(await hosts.deleteChild(actor), 'not_found');
}

function check(answer: object | Refusal, lawful?: Refusal['error']): void {
	if (!('error' in answer) || answer.error === lawful) return;
	throw new ReeveError('start_failed', answer.error, { cause: answer.cause });
}
