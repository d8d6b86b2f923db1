/**
 * Queries about declared actors, and the operation `unpark` on their instances.
 *
 * @module
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { nodesOf } from '../../actors/definition/definition-check.ts';
import { headOf, reportInstance } from '../../actors/replay/instance-report.ts';
import { countInstances, storedInstances } from '../../actors/turn/instance.ts';
import type {
	ActorRow,
	DefinitionRow,
	InstanceRow,
	UnparkedRow,
} from '../../runtime/queries/actor-rows.ts';
import type { ReloadRow } from '../../runtime/queries/definition-rows.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import type { NodeServices, Reload } from '../composition/node-services.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	'actors' | 'config' | 'definitions' | 'hostRuntimes' | 'journal' | 'mailboxes' | 'node'
>;

/** The queries about actors, and the operations on them. */
export const actorQuestions = ['actors', 'actor', 'unpark', 'reload'] as const;

const request = z.discriminatedUnion('reeve', [
	z.object({ reeve: z.literal('actors') }),
	z.object({
		reeve: z.literal('actor'),
		actor: z.string(),
		key: z.string().optional(),
		limit: z.int().min(1).max(100_000).default(100),
	}),
	z.object({
		reeve: z.literal('reload'),
		isDryRun: z.boolean().default(false),
		force: z.boolean().default(false),
	}),
	z.object({
		reeve: z.literal('unpark'),
		actor: z.string(),
		key: z.string(),
		fresh: z.boolean().default(false),
	}),
]);

type Answer = ActorRow | DefinitionRow | InstanceRow | UnparkedRow | ReloadRow;

/** Creates the function that answers one of {@link actorQuestions}, row by row. */
export function createActorQueries(
	services: Services,
	reload: Reload,
): (raw: unknown) => AsyncGenerator<Answer> {
	const find = (name: string): ActorDefinition => {
		const found = services.actors.find((actor) => actor.name === name);
		if (found) return found;
		const nearest = nearestWord(
			name,
			services.actors.map((actor) => actor.name),
		);
		throw new ReeveError('not_found', `actor ${name}${nearest ? `; is it ${nearest}?` : ''}`);
	};

	return async function* ask(raw) {
		const parsed = request.safeParse(raw);
		if (!parsed.success) throw new ReeveError('bad_message', z.prettifyError(parsed.error));
		const asked = parsed.data;
		if (asked.reeve === 'actors') {
			yield* services.actors.map((definition) => actorRow(services, definition));
			yield* undefinedRows(services);
			return;
		}
		if (asked.reeve === 'reload') {
			yield* await reload(asked);
			return;
		}
		const definition = find(asked.actor);
		if (asked.reeve === 'unpark') yield await unpark(services, asked);
		else if (asked.key === undefined) yield definitionRow(services, definition, asked.limit);
		else yield instanceRow(services, definition, asked.key);
	};
}

/** Rows for files whose definition is not in force, such as one that was wrong from the start. */
function undefinedRows({ definitions, actors, mailboxes, journal, node }: Services): ActorRow[] {
	const files = [...definitions.files.values()];
	return files
		.filter(({ actor }) => !actors.some(({ name }) => name === actor))
		.map(({ file, actor = file, problem = '' }) => ({
			name: actor,
			version: 0,
			summary: '',
			stored: countInstances(journal, actor),
			active: 0,
			waiting: mailboxes.get(actor)?.size() ?? 0,
			parked: [],
			file,
			problem,
			node,
		}));
}

function actorRow(services: Services, { name, version, summary }: ActorDefinition): ActorRow {
	const { journal, mailboxes, hostRuntimes, config, node } = services;
	const hostRuntime = hostRuntimes.get(name);
	const { definitionsFolder } = config;
	const { file, problem } =
		[...services.definitions.files.values()].find(({ actor }) => actor === name) ?? {};
	return {
		...(file === undefined ? {} : { file }),
		...(problem === undefined ? {} : { problem }),
		name,
		version,
		summary,
		stored: countInstances(journal, name),
		active: hostRuntime?.counts().active ?? 0,
		waiting: mailboxes.get(name)?.size() ?? 0,
		parked: [...(hostRuntime?.parked() ?? [])].map(([key, reason]) => ({ key, reason })),
		...(definitionsFolder === '' ? {} : { folder: resolve(definitionsFolder) }),
		node,
	};
}

function definitionRow(
	services: Services,
	definition: ActorDefinition,
	limit: number,
): DefinitionRow {
	const events = new Set<string>();
	const states: string[] = [];
	for (const node of nodesOf(definition.machine.root)) {
		if (node.path.length > 0) states.push(node.path.join('.'));
		for (const type of node.transitions.keys()) if (!isOwn(type)) events.add(type);
	}
	const instances = [];
	for (const { key, stored } of storedInstances(services.journal, definition.name)) {
		if (instances.length >= limit) break;
		instances.push(headOf(key, stored));
	}
	return { ...actorRow(services, definition), states, events: [...events], instances };
}

/** Whether an event is one that XState makes itself: it is not listed. */
const isOwn = (type: string) => type.startsWith('xstate.');

function instanceRow(services: Services, definition: ActorDefinition, key: string): InstanceRow {
	const found = reportInstance(services.journal, definition, key);
	if (!found) throw new ReeveError('not_found', `${definition.name}/${key}`);
	const parked = services.hostRuntimes.get(definition.name)?.parked().get(key);
	const timers = found.timers.map((timer) => {
		return { ...timer, dueAt: services.journal.wallOf(timer.dueAt) };
	});
	return { ...found, timers, ...(parked === undefined ? {} : { status: 'parked', parked }) };
}

async function unpark(
	{ hostRuntimes }: Services,
	{ actor, key, fresh }: { actor: string; key: string; fresh: boolean },
): Promise<UnparkedRow> {
	const hostRuntime = hostRuntimes.get(actor);
	if (!hostRuntime) throw new ReeveError('safe_mode', `${actor} is not hosted now`);
	const waiting = await hostRuntime.unpark(key, fresh);
	return { actor, key, mode: fresh ? 'fresh' : 'resume', waiting };
}
