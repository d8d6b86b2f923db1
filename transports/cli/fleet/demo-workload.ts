/**
 * The workload of the demo: shell commands for two ships, each of which appends its own id to a
 * file on its ship. They are handed in steadily, and again where no answer came.
 *
 * @module
 */
import { join } from 'node:path';
import { pause, type Clock } from '../../../runtime/platform/clock.ts';
import { asReeveError, ReeveError } from '../../../runtime/platform/errors.ts';
import { allRows, createClient, refusalOf } from '../client/socket-client.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** The ships of the demo. */
export const demoShips = ['ship1', 'ship2'] as const;

/** The file to which the commands of a ship append their ids. */
export function traceFile(folder: string, ship: string): string {
	return join(folder, ship, 'executed');
}

/** One command of the demo, as the message that asks for it. */
export interface DemoMessage {
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	readonly methodArgs: readonly string[];
	readonly methodTimeout: number;
}

/**
 * A command pauses before and after it writes its id, so that its node can be killed meanwhile.
 */
const script = 'sleep 0.05; echo "$0" >> "$1"; sleep 0.05';

/** The messages, alternating between the ships. */
export function demoMessages(count: number, folder: string): readonly DemoMessage[] {
	return Array.from({ length: count }, (_, at) => {
		const toNode = demoShips[at % demoShips.length] ?? demoShips[0];
		const id = `demo-${String(at + 1).padStart(6, '0')}`;
		const methodArgs = ['sh', '-c', script, id, traceFile(folder, toNode)];
		return { id, toNode, method: 'REQCliCommand', methodArgs, methodTimeout: 30 };
	});
}

/** The progress of the work, by central's ledger. */
export interface Progress {
	/** The number of messages that central has accepted. */
	handedIn: number;
	/** The rows of central's last answer, by id. */
	rows: ReadonlyMap<string, MessageRow>;
}

/** How many of the messages are settled. */
export function settledCount({ rows }: Progress): number {
	return [...rows.values()].filter(({ settled }) => settled).length;
}

/** The messages that are not settled. */
export function openMessages({ rows }: Progress, ship?: string): readonly MessageRow[] {
	return [...rows.values()].filter(
		({ settled, toNode }) => !settled && (ship === undefined || toNode === ship),
	);
}

/** The parts of the workload. */
export interface WorkParts {
	readonly messages: readonly DemoMessage[];
	readonly socket: string;
	readonly clock: Clock;
	readonly signal: AbortSignal;
	readonly progress: Progress;
}

const batchMessages = 8;
/**
 * The least limit of open messages: enough to keep both ships busy, while others are still to be
 * handed in.
 */
const openMin = 32;
const openPart = 0.05;
const pauseMs = 25;

/**
 * Hands all messages in. An id makes it safe to hand a message in twice, so whatever was not
 * answered is handed in again, as soon as central is back.
 */
export async function handIn(parts: WorkParts): Promise<void> {
	const { messages, socket, clock, signal, progress } = parts;
	const client = createClient(socket);
	const openMax = Math.max(openMin, messages.length * openPart);
	while (progress.handedIn < messages.length && !signal.aborted) {
		const batch = messages.slice(progress.handedIn, progress.handedIn + batchMessages);
		if (progress.handedIn - settledCount(progress) + batch.length > openMax) {
			await pause(clock, pauseMs, signal);
			continue;
		}
		try {
			for (const answer of await client.handIn(batch)) {
				if (!('id' in answer)) throw refusalOf(answer);
				progress.handedIn += 1;
			}
		} catch (thrown) {
			const error = asReeveError(thrown);
			if (!passing.has(error.code)) throw error;
			await pause(clock, pauseMs, signal);
		}
	}
}

/** Errors that pass when central is up again. */
const passing = new Set(['no_node', 'recovering', 'stopping']);

/** Asks central for its rows repeatedly, until all are settled or `signal` is raised. */
export async function followProgress(parts: WorkParts): Promise<void> {
	const { messages, socket, clock, signal, progress } = parts;
	const client = createClient(socket);
	const limit = messages.length;
	while (!signal.aborted && settledCount(progress) < messages.length) {
		try {
			const rows = client.ask<MessageRow>({ reeve: 'messages', limit }, signal);
			progress.rows = new Map((await allRows(rows)).map((row) => [row.id, row]));
		} catch (thrown) {
			if (!(thrown instanceof ReeveError) || !passing.has(thrown.code)) throw thrown;
		}
		await pause(clock, pauseMs, signal);
	}
}
