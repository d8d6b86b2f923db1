/**
 * Asks: which instance of an actor waits for the outcome of which message. The outcome is filed in
 * its mailbox in the transaction that settles the ledger entry, so it comes once, however the
 * message ended, and whatever has crashed meanwhile.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Message, Result } from '../message/message.ts';
import { askedByOf, noPrincipals, type Principal } from '../message/principal.ts';
import { derivedIdStarts, newId } from '../platform/ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { MailboxRow } from '../mailbox/mailbox-row.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import { packMessage } from '../message/codec.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';

/** Who asks. */
export interface Asker {
	readonly actor: string;
	readonly key: string;
	/** On whose behalf it asks. */
	readonly askedBy?: readonly Principal[];
	/** What the instance calls this ask. */
	readonly ask: string;
	/** Set on a monitor: whose end it is to tell of; without an actor, that of the node. */
	readonly watches?: { readonly node: string; readonly actor?: string; readonly key?: string };
}

/** A change of an ask; without a value, no instance waits for it any more. */
export type AskChange = Change & {
	readonly table: 'asks';
	readonly key: readonly [id: string];
	readonly value?: Asker;
};

/** The asks that {@link createAsks} makes. */
export interface Asks {
	/** Notes who waits for a message of this id, which is one of {@link newAskId}. */
	open(id: string, asker: Asker): AskChange;
	/** Forgets it: no instance waits any more. */
	close(id: string): AskChange;
	/** To be called when the turn that makes these changes is sure to be written. */
	adopt(changes: readonly AskChange[]): void;
	/** What files the outcome; nothing if no instance waits for it. */
	answer(id: string, result: Result, output?: string | Uint8Array): readonly Change[];
	/** To be called once that is flushed. */
	answered(id: string): void;
	/** Who waits for a message; undefined if no instance does. */
	find(id: string): Asker | undefined;
	/** The monitors of other nodes, and of actors there, by the ids of their messages. */
	monitors(): ReadonlyMap<string, Asker & Required<Pick<Asker, 'watches'>>>;
}

/** A message id whose outcome an instance waits for. */
export function newAskId(clock: Clock): string {
	return derivedIdStarts.ask + newId(clock);
}

/** Opens the asks. */
export function createAsks(parts: {
	readonly node: string;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly mailbox: (method: string) => Mailbox | undefined;
}): Asks {
	const { node, journal, clock, config } = parts;
	/** What the journal does not show yet: askers, or that there is none any more. */
	const fresh = new Map<string, Asker | undefined>();
	const placed = new Map<string, { box: Mailbox; row: MailboxRow }>();
	const askerOf = (id: string) =>
		fresh.has(id) ? fresh.get(id) : journal.get<Asker>('asks', [id]);

	return {
		open: (id, asker) => ({ table: 'asks', key: [id], value: asker }),
		close: (id) => ({ table: 'asks', key: [id] }),
		adopt(changes) {
			for (const {
				key: [id],
				value,
			} of changes) {
				if (value) fresh.set(id, value);
				else fresh.delete(id);
			}
		},
		answer(id, result, output) {
			const asker = id.startsWith(derivedIdStarts.ask) ? askerOf(id) : undefined;
			const box = asker && parts.mailbox(asker.actor);
			if (!asker || !box) return [];
			fresh.set(id, undefined);
			const message = answerTo(id, { asker, result, output, node, own: newId(clock) });
			const { row, changes } = box.place({
				from: node,
				message,
				body: packMessage(message),
				deadline: journal.now() + config.defaultMessageTtl * 1000,
				answer: true,
			});
			placed.set(id, { box, row });
			return [...changes, { table: 'asks', key: [id] }];
		},
		answered(id) {
			const filed = placed.get(id);
			placed.delete(id);
			fresh.delete(id);
			filed?.box.push(filed.row);
		},
		find: askerOf,
		monitors() {
			const rows = journal.scan<Asker>('asks', rowsUnder());
			const all = new Map<string, Asker | undefined>(
				rows.map(({ key, value }) => [String(key[0]), value]),
			);
			for (const [id, asker] of fresh) all.set(id, asker);
			const found = new Map<string, Asker & Required<Pick<Asker, 'watches'>>>();
			for (const [id, asker] of all) {
				if (asker?.watches && asker.watches.node !== node) {
					found.set(id, { ...asker, watches: asker.watches });
				}
			}
			return found;
		},
	};
}

interface Answer {
	readonly asker: Asker;
	readonly result: Result;
	readonly output: string | Uint8Array | undefined;
	readonly node: string;
	readonly own: string;
}

/** The outcome as a message to the one who asked. */
function answerTo(id: string, { asker, result, output, node, own }: Answer): Message {
	return {
		id: own,
		fromNode: node,
		toNode: node,
		method: asker.actor,
		key: asker.key,
		kind: 'EventACK',
		methodArgs: [asker.ask],
		...(output === undefined ? {} : { data: output }),
		inReplyTo: id,
		...askedByOf(asker.askedBy ?? noPrincipals),
		result,
	};
}
