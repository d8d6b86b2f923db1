/**
 * The targets of an operation: which messages are meant by ids and by filters.
 *
 * @module
 */
import { z } from 'zod';
import { scanDeadLetters, type DeadLetter } from '../../runtime/ledger/dead-letters.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { messageRow } from '../../runtime/ledger/message-state.ts';
import type { NodeServices } from '../composition/node-services.ts';
import type { Entry } from '../../runtime/ledger/ledger-entry.ts';

/** What this file needs of the node. */
type Services = Pick<NodeServices, 'config' | 'journal' | 'ledger' | 'outbox' | 'received'>;

/** What can be done to messages. */
export const operations = ['retry', 'cancel', 'drop'] as const;

/** One of {@link operations}. */
export type Operation = (typeof operations)[number];

/** The request of an operation, as a listener takes it. */
export const operationRequest = z.object({
	reeve: z.enum(operations),
	/** Ids, or unique beginnings of them. */
	ids: z.array(z.string().min(1)).max(100_000).default([]),
	/** A filter, used if there are no ids. */
	where: z
		.object({
			/**
			 * A state of `reeve get messages`; `dead` for dead letters; `waiting` for what waits to run
			 * here.
			 */
			state: z.string().optional(),
			method: z.string().optional(),
			/** The receiver; of dead letters and of what waits here, the sender. */
			node: z.string().optional(),
			/** Only messages that are at least as old. */
			olderThanMs: z.number().min(0).optional(),
		})
		.optional(),
});

/** A request that has been checked. */
export type OperationRequest = z.output<typeof operationRequest>;

/** One message that is meant. */
export type Target =
	| { readonly type: 'entry'; readonly id: string; readonly entry: Entry }
	| { readonly type: 'dead'; readonly id: string; readonly key: string; letter: DeadLetter }
	| { readonly type: 'mail'; readonly id: string; readonly row: MailboxRow }
	| { readonly type: 'unknown'; readonly id: string; readonly error: ReeveError };

type Where = NonNullable<OperationRequest['where']>;

/**
 * Finds the messages that are meant, at most `operatedMax`. Ledger entries come first.
 */
export async function findTargets(
	services: Services,
	{ reeve, ids, where }: OperationRequest,
): Promise<readonly Target[]> {
	if (ids.length > 0) return Promise.all(ids.map((id) => byId(services, id)));
	if (!where || Object.values(where).every((value) => value === undefined)) {
		throw new ReeveError('bad_message', `${reeve}: name ids, or a filter`);
	}
	const { operatedMax } = services.config;
	if (where.state === 'waiting') return waiting(services, where, operatedMax);
	if (where.state === 'dead') return [...dead(services, where)].slice(0, operatedMax);
	return ledgerTargets(services, where, reeve).slice(0, operatedMax);
}

/** The ledger comes first; `--state dead` means the dead letter of a message that is in both. */
async function byId(services: Services, id: string): Promise<Target> {
	const { ledger } = services;
	const ids = new Set([
		...ledger.match(id),
		...[...dead(services, {})].map((letter) => letter.id).filter((each) => each.startsWith(id)),
	]);
	if (ids.size > 1 && !ids.has(id) && !ledger.get(id)) {
		const error = new ReeveError('not_found', `more than one begins with ${id}`);
		return { type: 'unknown', id, error };
	}
	const whole = ids.has(id) || ledger.get(id) ? id : ([...ids][0] ?? id);
	const entry = ledger.get(whole);
	if (entry) return { type: 'entry', id: whole, entry };
	for (const letter of dead(services, {})) if (letter.id === whole) return letter;
	for await (const { row } of services.received.mail()) {
		if (row.id === whole) return { type: 'mail', id: whole, row };
	}
	return { type: 'unknown', id, error: new ReeveError('not_found', `message ${id}`) };
}

function ledgerTargets(services: Services, where: Where, operation: Operation): Target[] {
	const { ledger, outbox, journal } = services;
	const newest = journal.now() - (where.olderThanMs ?? 0);
	const { state, method, node } = where;
	return [...ledger.each()]
		.filter((entry) => {
			if (entry.sentAt > newest || !isFit(entry, operation)) return false;
			const row = messageRow(entry, outbox);
			const isMeant = [
				state === undefined || state === row.state,
				method === undefined || method === row.method,
				node === undefined || node === row.toNode,
			];
			return isMeant.every(Boolean);
		})
		.map((entry): Target => ({ type: 'entry', id: entry.id, entry }));
}

/** Open messages can be cancelled; failed ones sent again; settled ones forgotten. */
function isFit({ settledAt, result }: Entry, operation: Operation): boolean {
	if (operation === 'cancel') return settledAt === undefined;
	return settledAt !== undefined && (operation === 'drop' || result?.outcome !== 'done');
}

function* dead({ journal }: Services, where: Where): Generator<Target & { type: 'dead' }> {
	const newest = journal.now() - (where.olderThanMs ?? 0);
	for (const { key, letter } of scanDeadLetters(journal)) {
		const isMeant =
			(where.method ?? letter.method) === letter.method &&
			(where.node ?? letter.fromNode) === letter.fromNode &&
			letter.at <= newest;
		if (isMeant) yield { type: 'dead', id: letter.id, key, letter };
	}
}

async function waiting(
	{ received, journal }: Services,
	where: Where,
	max: number,
): Promise<readonly Target[]> {
	const found: Target[] = [];
	const newest = journal.now() - (where.olderThanMs ?? 0);
	for await (const { box, row } of received.mail()) {
		const isMeant =
			(where.method ?? box.method) === box.method &&
			(where.node ?? row.from) === row.from &&
			(row.at ?? 0) <= newest;
		if (isMeant) found.push({ type: 'mail', id: row.id, row });
		if (found.length >= max) break;
	}
	return found;
}
