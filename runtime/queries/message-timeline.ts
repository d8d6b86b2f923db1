/**
 * The timeline of a message, as far as this node knows it: as its sender, as its receiver, or as
 * both.
 *
 * @module
 */
import type { Ledger } from '../ledger/ledger.ts';
import { scanDeadLetters } from '../ledger/dead-letters.ts';
import { ReeveError } from '../platform/errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { HistoryEvent } from '../ledger/message-history.ts';
import { messageRow } from '../ledger/message-state.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { Receipt } from '../ledger/receipts.ts';
import type { Received } from '../ledger/received-messages.ts';
import { countDamaged, scanDamaged } from '../journal/damaged-rows.ts';
import { guessedId } from '../mailbox/mailbox-row.ts';
import type { MessageTimeline, ReceivedRow } from './operation-rows.ts';
import { messageIn, type Entry } from '../ledger/ledger-entry.ts';
import { noPrincipals, principalsText, type Principal } from '../message/principal.ts';

/** What timelines are made from. */
export interface TimelineParts {
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly received: Received;
	readonly journal: Journal;
}

/**
 * The timeline of the message of this id, or of the only one whose id begins so.
 *
 * @throws ReeveError `not_found`
 */
export async function messageTimeline(parts: TimelineParts, id: string): Promise<MessageTimeline> {
	const { ledger } = parts;
	const whole = wholeId(ledger, id);
	const entry = ledger.get(whole);
	const here = await receivedHere(parts, whole);
	const lost = damageOf(parts.journal, { id: whole, ...placeOf(entry) });
	if (!entry && !here && !lost.damage) throw new ReeveError('not_found', `message ${id}`);
	const { row: received, events = [] } = here ?? {};
	return {
		...(entry ? sentPart(entry, parts) : {}),
		...(received ? { received } : {}),
		...lost,
		id: received?.id ?? whole,
		events: [...ledger.history(whole), ...events]
			.toSorted((one, other) => one.at - other.at)
			.map((event) => ({ ...event, at: parts.journal.wallOf(event.at) })),
	};
}

/** The id of the only message that begins so, or what was given. */
function wholeId(ledger: Ledger, id: string): string {
	const matches = ledger.get(id) ? [id] : ledger.match(id);
	if (matches.length > 1) throw new ReeveError('not_found', `more than one begins with ${id}`);
	return matches[0] ?? id;
}

/** The place of a message that this node has sent. */
function placeOf(entry: Entry | undefined): { lane?: string; seq?: number } {
	const { lane, seq } = entry ?? {};
	return lane === undefined || seq === undefined ? {} : { lane, seq };
}

/** The damaged rows that were about a message, as sentences. */
function damageOf(
	journal: Journal,
	{ id, lane, seq }: { readonly id: string; readonly lane?: string; readonly seq?: number },
): Pick<MessageTimeline, 'damage'> {
	if (countDamaged(journal) === 0) return {};
	const damage = scanDamaged(journal, damagedMax)
		.filter(({ parts, bytes }) => {
			if (parts['id'] === id || parts['message id'] === id) return true;
			if (lane !== undefined && parts['lane'] === lane && parts['seq'] === seq) return true;
			return 'arrival' in parts && guessedId(bytes) === id;
		})
		.map(({ what, next }) => `${what}; ${next}`);
	return damage.length > 0 ? { damage } : {};
}

/** Damaged rows that are looked through. */
const damagedMax = 10_000;

function sentPart(
	entry: Entry,
	{ outbox, journal }: TimelineParts,
): Omit<MessageTimeline, 'id' | 'events'> {
	const { replyTo, lane, seq } = entry;
	const askedBy = principalsText(messageIn(entry)?.askedBy);
	return {
		sent: messageRow(entry, outbox, journal.wallOf),
		...(askedBy === '' ? {} : { askedBy }),
		...(replyTo ? { replyTopic: replyTo.topic } : {}),
		...(lane === undefined ? {} : { lane, seq }),
	};
}

interface Here {
	readonly row: ReceivedRow;
	readonly events: readonly HistoryEvent[];
}

/** Where it is here: waiting or running, among the receipts, among the dead letters. */
async function receivedHere(
	{ received, journal }: TimelineParts,
	id: string,
): Promise<Here | undefined> {
	for await (const { box, row, start } of received.mail()) {
		if (row.id !== id) continue;
		const { from, at, message } = row;
		const { attempts = 0 } = start ?? {};
		const state = start ? 'running' : 'waiting';
		const events = eventAt(at, { what: 'taken', detail: `from ${from}` });
		const told = asked(message.askedBy, from);
		return { row: { id, from, method: box.method, state, attempts, ...told }, events };
	}
	const [receipt, ...others] = received.receipts(id);
	if (!receipt) return undefined;
	if (others.some((other) => other.id !== receipt.id)) {
		throw new ReeveError('not_found', `more than one begins with ${id}`);
	}
	const isDead = scanDeadLetters(journal).some(({ letter }) => letter.id === receipt.id);
	return endedHere(receipt, isDead);
}

function endedHere(receipt: Receipt, isDead: boolean): Here {
	const { id, from, method, outcome, attempts, at, takenAt, startedAt, code } = receipt;
	const events = [
		...eventAt(takenAt, { what: 'taken', detail: `from ${from}` }),
		...eventAt(startedAt, { what: 'started', attempt: attempts }),
		...eventAt(at, { what: 'ended', detail: code === undefined ? outcome : `${outcome}: ${code}` }),
	];
	const state = isDead ? 'dead' : outcome;
	return { row: { id, from, method, state, attempts, ...asked(receipt.askedBy, from) }, events };
}

/** On whose behalf a message came from its sender. */
function asked(list: readonly Principal[] = noPrincipals, from: string): { askedBy?: string } {
	return list.length === 0 ? {} : { askedBy: `${principalsText(list)} through ${from}` };
}

/** An event, if it is known when it was. */
function eventAt(at: number | undefined, event: Omit<HistoryEvent, 'at'>): HistoryEvent[] {
	return at === undefined ? [] : [{ at, ...event }];
}
