/**
 * What operators do to messages: cancel, retry and drop. Each message is answered with a row: what
 * was done, once that is on disk, or why nothing was.
 *
 * @module
 */
import { z } from 'zod';
import {
	deadLetterRemoval,
	isDeadLetter,
	type DeadLetter,
} from '../../runtime/ledger/dead-letters.ts';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, errorTable, ReeveError } from '../../runtime/platform/errors.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { messageRow } from '../../runtime/ledger/message-state.ts';
import { packMessage, unpackMessage } from '../../runtime/message/codec.ts';
import type { OperationRow } from '../../runtime/queries/operation-rows.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { findTargets, operationRequest, type Operation, type Target } from './operation-targets.ts';
import { messageIn, type Entry } from '../../runtime/ledger/ledger-entry.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	| 'clock'
	| 'config'
	| 'intake'
	| 'journal'
	| 'ledger'
	| 'mailboxes'
	| 'node'
	| 'outbox'
	| 'publishers'
	| 'received'
>;

/** Does what is asked, message by message. */
export type Operate = (request: unknown) => AsyncGenerator<OperationRow>;

/** What was done. */
interface Outcome {
	readonly state: string;
	readonly newId?: string;
}

/** Creates the operating side of a node. */
export function createOperations(services: Services): Operate {
	const byHand: Readonly<Record<Operation, (target: Target) => Promise<Outcome>>> = {
		cancel: (target) => cancel(services, target),
		retry: (target) => retry(services, target),
		drop: (target) => drop(services, target),
	};
	return async function* operate(raw) {
		const parsed = operationRequest.safeParse(raw);
		if (!parsed.success) throw new ReeveError('bad_message', z.prettifyError(parsed.error));
		for (const target of await findTargets(services, parsed.data)) {
			try {
				if (!services.journal.isWritable()) throw new ReeveError('storage_full');
				yield { id: target.id, ...(await byHand[parsed.data.reeve](target)) };
			} catch (thrown) {
				const { code: error, detail } = asReeveError(thrown);
				yield { id: target.id, error, detail, hint: errorTable[error].hint };
			}
		}
	};
}

/**
 * Takes a message back. One that waits in its lane is given up: it has its outcome at once if it
 * was never published, else when its receiver has answered. For an accepted one its receiver is
 * asked.
 */
async function cancel(services: Services, target: Target): Promise<Outcome> {
	if (target.type === 'unknown') throw target.error;
	if (target.type === 'dead')
		throw new ReeveError('already_settled', 'it is a dead letter: drop it');
	if (target.type === 'entry') mustBeOpen(target.entry);
	if (target.type === 'entry' && target.entry.toNode !== services.node) {
		return cancelSent(services, target.entry);
	}
	const state = await services.received.cancel(target.id);
	if (state) return { state };
	throw new ReeveError('already_settled', 'it does not wait here, and does not run');
}

async function cancelSent(services: Services, entry: Entry): Promise<Outcome> {
	const { ledger, outbox, publishers, journal } = services;
	const { id, lane: name = '', seq = 0, toNode } = entry;
	const lane = outbox.lane(name);
	if (lane && seq >= lane.lo) publishers.cancel(name, seq);
	await journal.commit(ledger.noted(id));
	// A copy of it may be there, or on its way; what is behind it on the wire arrives behind it.
	if (ledger.get(id)?.settledAt === undefined) await askBack(services, toNode, id);
	return { state: stateOf(services, id) };
}

async function askBack({ intake }: Services, toNode: string, id: string): Promise<void> {
	const note = `takes back ${id}`.slice(0, 500);
	const asked = { toNode, method: 'REQCancel', methodArgs: [id], note, ttl: askBackSeconds };
	const [answer] = await intake.accept(asked, 'operator');
	if (answer && 'error' in answer) throw new ReeveError(answer.error, answer.detail);
}

/** How long a receiver that is away may be asked to give a message back. */
const askBackSeconds = 86_400;

function stateOf({ ledger, outbox }: Services, id: string): string {
	const entry = ledger.get(id);
	if (!entry) return 'cancelled';
	return entry.settledAt === undefined ? 'cancelling' : messageRow(entry, outbox).state;
}

/** Sends a message that did not come to a good end once more, as a new message. */
async function retry(services: Services, target: Target): Promise<Outcome> {
	if (target.type === 'unknown') throw target.error;
	if (target.type === 'mail') throw new ReeveError('still_open', 'it is still to be run');
	if (target.type === 'dead') return { state: 'queued', newId: await redrive(services, target) };
	const { entry, id } = target;
	const { ledger, intake, journal } = services;
	if (entry.settledAt === undefined) throw new ReeveError('still_open', id);
	if (entry.result?.outcome === 'done') throw new ReeveError('already_settled', 'it is done');
	const message = messageIn(entry);
	if (!message) throw new ReeveError('not_kept', id);
	const newId = await handInAgain(intake, message, `(retry of ${id})`);
	await journal.commit(ledger.remark(id, 'retried', { detail: `as ${newId}` }));
	ledger.opened(id);
	return { state: 'queued', newId };
}

/**
 * Hands in a message once more as a new one, on behalf of those who had asked for it: an operator
 * who does that lends it nothing of what he may do himself. Resolves with its new id.
 *
 * @throws ReeveError what it is refused with
 */
export async function handInAgain(
	intake: Pick<NodeServices['intake'], 'accept'>,
	message: Message,
	remark: string,
): Promise<string> {
	const { askedBy, note = '' } = message;
	const raw = { ...inputOf(message), note: `${note} ${remark}`.trim().slice(-500) };
	const [answer] = await intake.accept(raw, 'operator', { caller: { kind: 'local' }, askedBy });
	if (!answer) throw new ReeveError('internal', message.id);
	if ('error' in answer) throw new ReeveError(answer.error, answer.detail);
	return answer.id;
}

/** The fields of a message as its sender wrote them, without its id, so that it is a new one. */
function inputOf(message: Message): object {
	const { id: _id, fromNode: _from, askedBy: _by, replyTo, note: _note, ...fields } = message;
	if (!replyTo) return fields;
	const { topic: replyTopic, correlation } = replyTo;
	return { ...fields, replyTopic, ...(correlation === undefined ? {} : { correlation }) };
}

/** Dead letters that are being filed again, by key: what the journal does not show yet. */
const redriven = new Set<string>();

/**
 * Files a dead letter in its mailbox again, under a new id, in the transaction that removes it: so
 * each redrive runs it at most once more, however often the node dies.
 */
async function redrive(
	{ journal, mailboxes, clock, config }: Services,
	{ key, letter }: { readonly key: string; readonly letter: DeadLetter },
): Promise<string> {
	const box = mailboxes.get(letter.method);
	if (!box) throw new ReeveError('unknown_method', letter.method);
	// Two requests at the same time have both read it: the journal decides which was first.
	if (!isDeadLetter(journal, key) || redriven.has(key)) {
		throw new ReeveError('not_found', letter.id);
	}
	redriven.add(key);
	try {
		const id = newId(clock);
		const at = journal.now();
		const message: Message = { ...unpackMessage(letter.body), id };
		const deadline = at + (message.ttl ?? config.defaultMessageTtl) * 1000;
		const body = packMessage(message);
		const mail = { from: letter.fromNode, message, body, at, deadline };
		const { row, changes } = box.place(mail);
		await journal.commit([deadLetterRemoval(key), ...changes]);
		box.push(row);
		return id;
	} finally {
		redriven.delete(key);
	}
}

/** Forgets a dead letter, or the entry of a settled message. */
async function drop({ journal, ledger }: Services, target: Target): Promise<Outcome> {
	if (target.type === 'unknown') throw target.error;
	if (target.type === 'mail') throw new ReeveError('still_open', 'it is still to be run');
	if (target.type === 'dead') {
		await journal.commit([deadLetterRemoval(target.key)]);
		return { state: 'dropped' };
	}
	const changes = ledger.forget(target.id);
	if (changes.length === 0) throw new ReeveError('still_open', target.id);
	await journal.commit(changes);
	return { state: 'dropped' };
}

function mustBeOpen({ settledAt, result }: Entry): void {
	if (settledAt !== undefined) throw new ReeveError('already_settled', `it is ${result?.outcome}`);
}
