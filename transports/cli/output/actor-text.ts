/**
 * Declared actors as text: the list, a definition, and everything about one instance.
 *
 * @module
 */
import type {
	ActorRow,
	DefinitionRow,
	HistoryLine,
	InstanceRow,
} from '../../../runtime/queries/actor-rows.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { fieldsText } from './description.ts';
import { agoText, durationText, instantText } from './durations.ts';
import { stateText } from './tables.ts';
import { shade, tableText } from './render.ts';
import { oneLine, type TableLayout } from './rows.ts';

/** The actors of a node. */
export const actorTable: TableLayout<ActorRow> = {
	name: ({ name }) => name,
	columns: [
		{ head: 'ACTOR', cell: ({ name }) => name },
		{ head: 'VERSION', cell: ({ version }) => String(version) },
		{ head: 'INSTANCES', cell: ({ stored }) => String(stored) },
		{ head: 'ACTIVE', cell: ({ active }) => String(active) },
		{ head: 'WAITING', cell: ({ waiting }) => String(waiting) },
		{ head: 'PARKED', cell: ({ parked }) => parkedText(parked) },
		{ head: 'FILE', cell: fileText },
		{ head: 'SUMMARY', wide: true, cell: ({ summary }) => summary },
	],
};

/** The file, with its first problem. */
function fileText({ file = '', problem }: ActorRow): string {
	if (problem === undefined) return file;
	// The problem names the file, with its folder.
	const [first = ''] = problem.split('\n');
	return shade('bad', oneLine(`refused: ${first.slice(Math.max(0, first.indexOf(file)))}`, 90));
}

/** How many are parked, and one of them with the reason. */
function parkedText(parked: ActorRow['parked']): string {
	const [first] = parked;
	if (!first) return '0';
	const text = `${parked.length}: ${first.key === '' ? '(no key)' : first.key}: ${first.reason}`;
	return shade('bad', oneLine(text, 70));
}

/** The name of an instance: the actor, and after the first slash the key. */
export function instanceName(text: string): { actor: string; key: string | undefined } {
	const slash = text.indexOf('/');
	return slash < 0
		? { actor: text, key: undefined }
		: { actor: text.slice(0, slash), key: text.slice(slash + 1) };
}

/** The same where an instance is required: without a slash it is the one without a key. */
export function instanceNamed(text: string | undefined): { actor: string; key: string } {
	const { actor, key = '' } = instanceName(text ?? '');
	if (actor === '') throw new ReeveError('bad_usage', 'which instance? NAME, or NAME/KEY');
	return { actor, key };
}

/** A definition, and its instances. */
export async function definitionText(row: DefinitionRow): Promise<string> {
	const fields = await fieldsText([
		['actor', row.name],
		['summary', row.summary],
		['version', String(row.version)],
		['states', row.states.join(', ')],
		['events', row.events.join(', ')],
		['instances', `${row.stored} on disk, ${row.active} in memory`],
		['waiting', String(row.waiting)],
	]);
	const parked = row.parked.map(({ key, reason }) => [key, reason]);
	const listed = row.instances.map(({ key, version, turn, status, value }) => {
		return [key, String(version), String(turn), stateText(status), valueText(value)];
	});
	return [
		fields,
		await section('parked', ['KEY', 'WHY'], parked),
		await section('instances', ['KEY', 'VERSION', 'TURNS', 'STATUS', 'STATE'], listed),
	].join('');
}

/** Everything known about an instance. */
export async function instanceText(row: InstanceRow, now: number): Promise<string> {
	const { version, definitionVersion } = row;
	const fields = await fieldsText([
		['instance', row.key === '' ? row.actor : `${row.actor}/${row.key}`],
		['status', stateText(row.status)],
		['parked', row.parked],
		['state', valueText(row.value)],
		[
			'version',
			version === definitionVersion
				? String(version)
				: `${version}, the definition's is ${definitionVersion}`,
		],
		['turns', String(row.turn)],
		['output', row.output === undefined ? '' : valueText(row.output)],
	]);
	const timers = row.timers.map(({ id, dueAt, event, policy }) => {
		const left = dueAt >= now ? `in ${durationText(dueAt - now)}` : `${agoText(dueAt, now)} ago`;
		return [id, event, instantText(dueAt), left, policy];
	});
	return [
		fields,
		block('context', row.context),
		await section('timers', ['ID', 'EVENT', 'DUE', '', 'POLICY'], timers),
		await section(
			'steps',
			['STEP', 'STATE', 'INPUT'],
			row.steps.map(({ step, state, input }) => [step, state, valueText(input)]),
		),
		await section(
			'mail',
			['ID', 'FROM', 'EVENT', 'STARTS'],
			row.mail.map(({ id, from, event, attempts }) => [id, from, event, String(attempts)]),
		),
		await section(
			'asks',
			['ASK', 'MESSAGE'],
			row.asks.map(({ name, id }) => [name, id]),
		),
		await section(
			'owes answers',
			['MESSAGE', 'FROM'],
			row.owed.map(({ id, from }) => [id, from]),
		),
		await section('history', ['TURN', 'AT', 'EVENT', 'STATE', 'DID'], historyRows(row.history)),
	].join('');
}

function historyRows(history: readonly HistoryLine[]): string[][] {
	return history.map(({ turn, at, event, isCut, value, did = [], fresh }) => {
		// A turn without an event starts the instance, or takes what it no longer waits for.
		const none = turn === 1 || fresh ? '(start)' : '(none)';
		const text = event ? `${eventText(event)}${isCut ? ' (cut)' : ''}` : none;
		return [String(turn), instantText(at), text, valueText(value), oneLine(did.join('; '), 60)];
	});
}

/** An event as it is typed: its type, and its payload as JSON. */
export function eventText(event: { readonly type: string }): string {
	const { type, ...payload } = event;
	return Object.keys(payload).length === 0
		? type
		: oneLine(`${type} ${JSON.stringify(payload)}`, 60);
}

/** A state or another value in one line. */
export function valueText(value: unknown): string {
	if (value === undefined) return '';
	return oneLine(typeof value === 'string' ? value : JSON.stringify(value), 80);
}

function block(name: string, value: unknown): string {
	if (value === undefined) return '';
	const text = JSON.stringify(value, undefined, 2);
	return `${shade('quiet', name)}\n${text.replaceAll(/^/gm, '  ')}\n`;
}

/** A table below its name; nothing if there are no rows. */
async function section(
	name: string,
	head: readonly string[],
	rows: readonly (readonly string[])[],
): Promise<string> {
	if (rows.length === 0) return '';
	const table = await tableText(head, rows);
	return `${shade('quiet', name)}\n${table.replaceAll(/^(?=.)/gm, '  ')}`;
}
