/**
 * Reloads definitions: changed files of the definitions folder are checked, tried on the stored
 * instances, and put in force one by one, while everything else runs. A host is stopped and another
 * one started; the messages for it stay in the mailbox.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { diffDefinitions } from '../../actors/replay/definition-diff.ts';
import { readDefinition } from '../../actors/declarative/definition-file.ts';
import type { DefinitionFile } from '../../actors/declarative/definition-file.ts';
import { definitionPaths, surroundingsOf } from '../../actors/declarative/definition-folder.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { methodOf } from '../../actors/definition/event-message.ts';
import type { ReloadRow } from '../../runtime/queries/definition-rows.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import type { Refusal } from '../otp/child-management.ts';
import type { NodeServices, ReloadChoice, Reload } from '../composition/node-services.ts';
import { hostChild, type HostServices } from './actor-host-child.ts';
import type { SupervisorRef } from '../otp/supervisor.ts';
import { supervisorNamed } from '../otp/registered-supervisors.ts';

/** What this file needs of the node. */
type Services = HostServices &
	Pick<NodeServices, 'definitions' | 'isSafe' | 'names' | 'openMailbox' | 'phase'>;

/** Creates what reloads the definitions of a node. */
export function createReload(services: Services): Reload {
	const { definitions, config, signals, names } = services;
	const hosts = () => supervisorNamed(names, 'actors');
	let line: Promise<unknown> = Promise.resolve();

	const refuse = (file: DefinitionFile, problem: string): ReloadRow => {
		const name = basename(file.source);
		const { actor } = definitions.files.get(name) ?? {};
		return { file: name, what: 'refused', problem, ...(actor === undefined ? {} : { actor }) };
	};
	/** Puts a definition in force, unless it would park instances and `force` was not given. */
	const apply = async (
		read: DefinitionFile,
		after: ActorDefinition,
		{ isDryRun = false, force = false }: ReloadChoice,
	): Promise<ReloadRow> => {
		const before = definitions.actors.find(({ name }) => name === after.name);
		const diff = await diffDefinitions({ ...services, before, after, ...config });
		const row = { file: basename(read.source), actor: after.name, diff };
		if (diff.parked.length > 0 && !force) return { ...row, what: 'held' };
		if (!isDryRun) {
			await replaceHost(services, hosts(), { before, after });
			definitions.enact(read, after);
			await services.journal.commit(definitions.record(read, after));
		}
		return { ...row, what: before ? 'changed' : 'added' };
	};
	const consider = async (source: string, choice: ReloadChoice): Promise<ReloadRow> => {
		const file = basename(source);
		const { actor, text, problem } = definitions.files.get(file) ?? {};
		// A program is not loaded again for what it imports: each load stays in memory.
		const isSame = problem === undefined && text === (await textOf(source));
		if (isSame && actor !== undefined) return { file, actor, what: 'same' };
		const read = await readDefinition(source, surroundingsOf(config));
		const error = definitions.judge(read);
		if (!error && read.definition) return apply(read, read.definition, choice);
		if (choice.isDryRun !== true) definitions.blame(read, error?.detail ?? '');
		return refuse(read, error?.detail ?? '');
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
		if (services.isSafe) throw new ReeveError('safe_mode');
		if (config.definitionsFolder === '') throw new ReeveError('bad_config', 'no definitionsFolder');
		const sources = await definitionPaths(config.definitionsFolder);
		const there = new Set(sources.map((source) => basename(source)));
		const rows: ReloadRow[] = [];
		for (const file of definitions.files.keys()) {
			if (!there.has(file)) rows.push(await remove(file, choice));
		}
		for (const source of sources) rows.push(await consider(resolve(source), choice));
		if (choice.isDryRun) return rows;
		for (const row of rows) tell(row);
		// Other nodes learn from the birth which methods this one takes.
		const isNews = rows.some(({ what }) => what === 'added');
		if (isNews && services.phase.current() === 'open') services.network.announce();
		return rows;
	};
	const tell = ({ file, actor = '', what, problem = '', diff }: ReloadRow): void => {
		if (what === 'refused') signals.emit('definition.refused', { file, actor, detail: problem });
		else if (what === 'held') {
			const [first] = diff?.parked ?? [];
			const why = `${first?.key}: ${first?.reason}`;
			const detail = `${diff?.parked.length} instances would be parked, ${why}`;
			signals.emit('definition.refused', { file, actor, detail });
		} else if (what !== 'same') signals.emit('definition.changed', { file, actor, what });
	};

	return (choice = {}) => {
		const work = line.then(() => reload(choice));
		line = work.catch(() => undefined);
		return work;
	};
}

/** The text of a file; undefined if it cannot be read, of which its reading will tell more. */
function textOf(source: string): Promise<string | undefined> {
	return readFile(source, 'utf8').catch(() => undefined);
}

interface Replacement {
	readonly before: ActorDefinition | undefined;
	readonly after: ActorDefinition;
}

/**
 * Stops the host of a definition and starts one of the other; if that fails, one of the first
 * again.
 */
async function replaceHost(
	services: Services,
	hosts: SupervisorRef,
	{ before, after }: Replacement,
): Promise<void> {
	if (before) await end(hosts, after.name);
	// Only a method can have a mailbox. If the start fails, its messages wait.
	else openBox(services, after);
	try {
		check(await hosts.startChild(hostChild(services, after)));
	} catch (thrown) {
		if (before) check(await hosts.startChild(hostChild(services, before)));
		throw asReeveError(thrown);
	}
}

function openBox({ methods, openMailbox }: Services, definition: ActorDefinition): void {
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
