/**
 * Descriptions: everything known about one thing, one field in a line.
 *
 * @module
 */
import type { Facts } from '../../../runtime/message/facts.ts';
import { agoText, durationText, instantText } from './durations.ts';
import { stateText } from './tables.ts';
import { shade, tableText } from './render.ts';
import { whyWaiting } from './tally.ts';
import type { NodeRow, ProcessRow } from '../../../runtime/queries/question.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** Fields with their names; empty ones are left out. */
export type Fields = readonly (readonly [name: string, value: string | undefined])[];

/** Fields as text, one in a line. */
export async function fieldsText(fields: Fields): Promise<string> {
	const rows = fields.flatMap(([name, value]) =>
		value === undefined || value === '' ? [] : [[shade('quiet', name), value]],
	);
	return tableText(['', ''], rows);
}

/** A message, and on whose behalf it was sent. */
export async function messageText(row: MessageRow, now: number, askedBy?: string): Promise<string> {
	const { settledAt, durationMs, output, stderr, exitCode } = row;
	const fields = await fieldsText([
		['message', row.id],
		['note', row.note],
		['method', row.method],
		['node', row.toNode],
		['asked by', askedBy],
		['state', stateText(row.state)],
		['why', row.settled ? row.why : whyWaiting(row)],
		['code', row.code],
		['tries', String(row.attempts)],
		['sent', `${instantText(row.sentAt)} (${agoText(row.sentAt, now)} ago)`],
		[
			'settled',
			settledAt === undefined
				? ''
				: `${instantText(settledAt)} (after ${durationText(settledAt - row.sentAt)})`,
		],
		['ran for', durationMs === undefined ? '' : durationText(durationMs)],
		['exit code', exitCode === undefined ? '' : String(exitCode)],
	]);
	return `${fields}${block('output', output)}${block('stderr', stderr)}`;
}

function block(name: string, text = ''): string {
	if (text.trim() === '') return '';
	return `${shade('quiet', name)}\n${text.trimEnd().replaceAll(/^/gm, '  ')}\n`;
}

/** What a node has saved of a damaged store: rows by table, and what was wrong in words. */
interface SavedRow {
	readonly at: number;
	readonly saved: Readonly<Record<string, number>>;
	readonly damaged: Readonly<Record<string, number>>;
	readonly faults: readonly string[];
}

/** The row with which a node describes itself. */
export interface AboutRow {
	readonly name: string;
	readonly version: string;
	readonly pid: number;
	readonly storeId: string;
	readonly epoch: number;
	readonly replayed: number;
	readonly startedAt: number;
	readonly uptimeMs: number;
	/** Set while its wall clock has an offset, for tests. */
	readonly clockOffsetMs?: number;
	readonly broker: string;
	readonly open: number;
	readonly settled: number;
	/** Rows of its store that were found damaged. */
	readonly damagedRows?: number;
	/** Where a damaged store was moved to at its start. */
	readonly quarantined?: string;
	/** What was saved of a damaged store that this one replaces. */
	readonly saved?: SavedRow;
	/** `safe` if it runs no messages, see `docs/identity.md`. */
	readonly mode: 'safe' | 'normal';
	readonly facts: Facts;
	readonly signals: Readonly<Record<string, number>>;
}

/** The description of the node itself. */
export async function aboutText(row: AboutRow): Promise<string> {
	const fields = await fieldsText([
		['node', row.name],
		['version', row.version],
		['process', String(row.pid)],
		['up', `${durationText(row.uptimeMs)}, since ${instantText(row.startedAt)}`],
		['broker', row.broker],
		['store', row.storeId],
		['epoch', String(row.epoch)],
		['mode', row.mode],
		['facts', factsText(row.facts)],
		['replayed', String(row.replayed)],
		['open messages', String(row.open)],
		['settled kept', String(row.settled)],
		['damaged rows', row.damagedRows ? `${row.damagedRows}; see: reeve get damaged` : ''],
		['damaged store', row.quarantined],
		['saved of it', row.saved && savedText(row.saved)],
	]);
	const counts = Object.entries(row.signals).map(([name, count]) => [name, String(count)]);
	return `${fields}\n${await tableText(['SIGNAL', 'COUNT'], counts)}`;
}

/** When, how many rows, and what was wrong. */
function savedText({ at, saved, damaged, faults }: SavedRow): string {
	const sum = (counts: Readonly<Record<string, number>>): number =>
		Object.values(counts).reduce((total, count) => total + count, 0);
	const counts = `${sum(saved)} rows, and ${sum(damaged)} damaged ones`;
	return `${instantText(at)}: ${counts}; ${faults.slice(0, faultsShown).join('; ')}`;
}

/** Of what was wrong; all is in the output as JSON. */
const faultsShown = 3;

/** `os=linux role=db`, as in a target. */
function factsText(facts: Facts = {}): string {
	return Object.entries(facts)
		.map((pair) => pair.join('='))
		.join(' ');
}

/** The description of another node, as this one sees it. */
export function neighbourText(row: NodeRow, now: number): Promise<string> {
	return fieldsText([
		['node', row.name],
		['state', `${stateText(row.state)} since ${agoText(row.since, now)}`],
		['waiting here', String(row.waiting)],
		['store', row.storeId],
		['epoch', String(row.epoch)],
		['mode', row.mode],
		['facts', factsText(row.facts)],
		['key', row.key && `not accepted; see: reeve keys pending`],
	]);
}

/** A process. */
export function processText(row: ProcessRow): Promise<string> {
	return fieldsText([
		['process', row.name],
		['kind', row.kind],
		['method', row.method],
		['node', row.node],
		['state', stateText(row.state)],
		['waiting', String(row.waiting)],
		['running', String(row.running)],
	]);
}
