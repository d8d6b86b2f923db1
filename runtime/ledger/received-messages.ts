/**
 * What this node has received: the messages that wait here or run, and those whose receipts are
 * kept.
 *
 * @module
 */
import type { Cancellations } from '../mailbox/cancellations.ts';
import type { Outcome } from '../message/message.ts';
import { noPrincipals, type Principal } from '../message/principal.ts';
import type { Journal } from '../journal/journal.ts';
import { scanMailbox, type MailboxRow } from '../mailbox/mailbox-row.ts';
import { readStart, type StartRecord } from '../mailbox/start-rows.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import type { Receipt, Receipts } from './receipts.ts';
import { rowsUnder } from '../journal/schema.ts';

/** What became of one message here. */
export interface ReceivedState {
	readonly state: Outcome | 'waiting' | 'unknown';
	/** How often it was accepted and settled; anything above one is a fault. */
	readonly copies: number;
	/** How often its method was started. */
	readonly attempts: number;
	/** Set if it waits for an instance of an actor that takes no turns. */
	readonly isParked?: true;
}

/** A message that waits or runs here. */
export interface Mail {
	readonly box: Mailbox;
	readonly row: MailboxRow;
	readonly start: StartRecord | undefined;
}

/** Who asks for messages that were received here. */
export interface SenderOf {
	/** The node that has sent them. */
	readonly from: string;
	/**
	 * Those on whose behalf it asks: each of them must have been behind the message. The people of
	 * that node ask without any, and for all that it has sent.
	 */
	readonly askedBy?: readonly Principal[] | undefined;
}

/** What {@link createReceived} makes. */
export interface Received {
	/** What became of these messages, if they are of this sender. */
	find(ids: ReadonlySet<string>, sender: SenderOf): Promise<ReadonlyMap<string, ReceivedState>>;
	/** Messages that wait or run here, those of each method in their order. */
	mail(): AsyncIterable<Mail>;
	/** The receipts of messages whose id begins with `prefix`. */
	receipts(prefix: string): readonly Receipt[];
	/** Whether receipts have been forgotten, so that an unknown message may have been here. */
	isCut(): boolean;
	/**
	 * Takes a message back: one that waits is settled at once, one that runs is told to end. Without
	 * one of this id, or of another sender, nothing happens. Who names no sender means any.
	 */
	cancel(id: string, sender?: SenderOf): Promise<'cancelled' | 'cancelling' | undefined>;
}

/** Rows read at a time; others get their turn in between. */
const pageRows = 500;

/** Creates the view. `settle` files that a message which was never started is cancelled. */
export function createReceived(parts: {
	journal: Journal;
	receipts: Receipts;
	cancellations: Cancellations;
	mailboxes: () => Iterable<Mailbox>;
	/** Whether the messages of this mailbox can be taken back. */
	isOurs: (box: Mailbox) => boolean;
	settle: (box: Mailbox, row: MailboxRow, attempts: number) => Promise<void>;
	/** Whether the consumer of this mailbox does not take this message for now. */
	isParked?: (box: Mailbox, row: MailboxRow) => boolean;
}): Received {
	const { journal, receipts, cancellations, mailboxes } = parts;

	async function* mail(): AsyncGenerator<Mail> {
		for (const box of mailboxes()) {
			for (let { from, to } = rowsUnder(box.method); ;) {
				const rows = scanMailbox(journal, { from, to, limit: pageRows });
				for (const row of rows) {
					const start = readStart(journal, [box.method, row.arrival]);
					yield { box, row, start };
				}
				if (rows.length < pageRows) break;
				from = [box.method, (rows.at(-1)?.arrival ?? 0) + 1];
				await new Promise((resolve) => {
					setImmediate(resolve);
				});
			}
		}
	}

	return {
		async find(ids, asking) {
			const found = new Map<string, ReceivedState>();
			const isAsked = (id: string, sender: SenderOf) => ids.has(id) && isOf(sender, asking);
			const count = (known: ReceivedState | undefined) => (known?.copies ?? 0) + 1;
			// First what waits: it can only move from there to the receipts, and is met in either place.
			for await (const { box, row, start } of mail()) {
				if (!isAsked(row.id, senderOf(row))) continue;
				const { attempts = 0 } = start ?? {};
				const parked = parts.isParked?.(box, row) ? { isParked: true as const } : {};
				const copies = count(found.get(row.id));
				found.set(row.id, { state: 'waiting', copies, attempts, ...parked });
			}
			const settled = new Map<string, ReceivedState>();
			for (const receipt of receipts.each()) {
				const { id, outcome: state, attempts } = receipt;
				if (!isAsked(id, receipt)) continue;
				settled.set(id, { state, copies: count(settled.get(id)), attempts });
			}
			return new Map([...found, ...settled]);
		},
		mail,
		receipts: (prefix) => [...receipts.each()].filter(({ id }) => id.startsWith(prefix)),
		isCut: () => receipts.isCut(),
		async cancel(id, sender) {
			if (sender === undefined && cancellations.cancel(id)) return 'cancelling';
			for await (const { box, row, start } of mail()) {
				if (row.id !== id || !parts.isOurs(box)) continue;
				if (sender && !isOf(senderOf(row), sender)) continue;
				if (box.withdraw(row.arrival)) {
					await parts.settle(box, row, start?.attempts ?? 0);
					return 'cancelled';
				}
				return cancellations.cancel(id) ? 'cancelling' : undefined;
			}
			return undefined;
		},
	};
}

function senderOf({ from, message }: MailboxRow): SenderOf {
	return { from, askedBy: message.askedBy };
}

/** Whether a message is of the sender who asks for it. */
function isOf({ from, askedBy = noPrincipals }: SenderOf, asking: SenderOf): boolean {
	const { askedBy: principals = noPrincipals } = asking;
	return from === asking.from && principals.every((each) => askedBy.includes(each));
}
