/**
 * The table layouts of `reeve get`, one for each kind of row.
 *
 * @module
 */
import { agoText, durationText } from './durations.ts';
import { shade, type Shade } from './render.ts';
import { oneLine, type TableLayout } from './rows.ts';
import type { NodeRow, ProcessRow } from '../../../runtime/queries/question.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const shades: Readonly<Record<string, Shade>> = {
	done: 'good',
	online: 'good',
	running: 'good',
	queued: 'waiting',
	sent: 'waiting',
	accepted: 'waiting',
	giving_up: 'waiting',
	restarting: 'waiting',
	waiting: 'waiting',
	failed: 'bad',
	refused: 'bad',
	expired: 'bad',
	interrupted: 'bad',
	cancelled: 'bad',
	offline: 'bad',
	stopped: 'quiet',
	idle: 'quiet',
	parked: 'bad',
	active: 'good',
};

/** A state in its colour. */
export function stateText(state: string): string {
	const kind = shades[state];
	return kind ? shade(kind, state) : state;
}

/** What hinders a node, beside its state. */
function nodeStateText({ state, mode, key }: NodeRow): string {
	const remarks = [...(mode ? [mode] : []), ...(key ? ['key not accepted'] : [])];
	return stateText(state) + (remarks.length > 0 ? ` (${remarks.join(', ')})` : '');
}

/** Nodes. */
export const nodeTable: TableLayout<NodeRow> = {
	name: ({ name }) => name,
	columns: [
		{ head: 'NODE', cell: ({ name }) => name },
		{ head: 'STATE', cell: nodeStateText },
		{ head: 'SINCE', cell: ({ since }, now) => agoText(since, now) },
		{ head: 'WAITING', cell: ({ waiting }) => String(waiting) },
		{ head: 'EPOCH', wide: true, cell: ({ epoch }) => String(epoch) },
		{ head: 'STORE', wide: true, cell: ({ storeId }) => storeId },
	],
};

/** Messages. */
export const messageTable: TableLayout<MessageRow> = {
	name: ({ id }) => id,
	columns: [
		{ head: 'ID', cell: ({ id }) => id },
		{ head: 'METHOD', cell: ({ method }) => method },
		{ head: 'NODE', cell: ({ toNode }) => toNode },
		{ head: 'STATE', cell: ({ state }) => stateText(state) },
		{ head: 'TRIES', cell: ({ attempts }) => String(attempts) },
		{ head: 'AGE', cell: ({ sentAt }, now) => agoText(sentAt, now) },
		{ head: 'TOOK', wide: true, cell: tookText },
		{ head: 'CODE', wide: true, cell: ({ code = '' }) => code },
		{ head: 'NOTE', cell: ({ note, why, output }) => oneLine(note ?? why ?? output ?? '', 48) },
	],
};

/** How long a message's method took; if that is not known, the time until it was settled. */
export function tookText({ durationMs, sentAt, settledAt }: MessageRow): string {
	if (durationMs !== undefined) return durationText(durationMs);
	return settledAt === undefined ? '' : durationText(settledAt - sentAt);
}

/** Processes. */
export const processTable: TableLayout<ProcessRow> = {
	name: ({ name }) => name,
	columns: [
		{ head: 'PROCESS', cell: ({ name }) => name },
		{ head: 'KIND', cell: ({ kind }) => kind },
		{ head: 'NODE', cell: ({ node }) => node },
		{ head: 'STATE', cell: ({ state }) => stateText(state) },
		{ head: 'WAITING', cell: ({ waiting }) => String(waiting) },
		{ head: 'RUNNING', cell: ({ running }) => String(running) },
		{ head: 'METHOD', wide: true, cell: ({ method }) => method },
	],
};

/** A row of `methods`. */
export interface MethodRow {
	readonly name: string;
	readonly aliases: readonly string[];
	readonly summary: string;
	readonly kind: string;
	readonly ordering: string;
	readonly onCrash: string;
}

/** Methods. */
export const methodTable: TableLayout<MethodRow> = {
	name: ({ name }) => name,
	columns: [
		{ head: 'METHOD', cell: ({ name }) => name },
		{ head: 'SHORT', cell: ({ aliases }) => aliases.join(', ') },
		{ head: 'ON CRASH', cell: ({ onCrash }) => onCrash },
		{ head: 'KIND', wide: true, cell: ({ kind }) => kind },
		{ head: 'ORDER', wide: true, cell: ({ ordering }) => ordering },
		{ head: 'SUMMARY', cell: ({ summary }) => summary },
	],
};

/** A row of `dead`. */
export interface DeadRow {
	readonly dead: string;
	readonly id: string;
	readonly fromNode: string;
	readonly method: string;
	readonly attempts?: number;
	readonly at?: number;
	readonly code?: string;
}

/** A row of `quarantine`: what a forked store has inherited, and neither sends nor runs. */
export interface QuarantineRow {
	/** The table it was in. */
	readonly table: string;
	readonly key: readonly (string | number)[];
	readonly id?: string;
	readonly from?: string;
}

/** The quarantine of a fork. */
export const quarantineTable: TableLayout<QuarantineRow> = {
	name: ({ table, key }) => [table, ...key].join('/'),
	columns: [
		{ head: 'WAS IN', cell: ({ table }) => table },
		{ head: 'KEY', cell: ({ key }) => key.join(' ') },
		{ head: 'ID', cell: ({ id = '' }) => id },
		{ head: 'FROM', cell: ({ from = '' }) => from },
	],
};

/** A row of `damaged`: a row of the store whose bytes are not those that were written. */
export interface DamagedRowShown {
	/** The table it was in. */
	readonly table: string;
	readonly key: readonly (string | number)[];
	readonly id?: string;
	readonly next: string;
}

/** Damaged rows. */
export const damagedTable: TableLayout<DamagedRowShown> = {
	name: ({ table, key }) => [table, ...key].join('/'),
	columns: [
		{ head: 'TABLE', cell: ({ table }) => table },
		{ head: 'KEY', cell: ({ key }) => key.join(' ') },
		{ head: 'ID', cell: ({ id = '' }) => id },
		{ head: 'WHAT FOLLOWS', cell: ({ next }) => next },
	],
};

/** Dead letters. */
export const deadTable: TableLayout<DeadRow> = {
	name: ({ id }) => id,
	columns: [
		{ head: 'ID', cell: ({ id }) => id },
		{ head: 'METHOD', cell: ({ method }) => method },
		{ head: 'FROM', cell: ({ fromNode }) => fromNode },
		{ head: 'STARTS', cell: ({ attempts = 0 }) => String(attempts) },
		{ head: 'AGE', cell: ({ at }, now) => agoText(at, now) },
		{ head: 'CODE', cell: ({ code = '' }) => code },
	],
};
