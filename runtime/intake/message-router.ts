/**
 * The message router: takes every message that is made on this node to a mailbox of this node or to
 * the outbox, in one transaction with the changes that belong to it.
 *
 * @module
 */
import { isAcknowledged } from '../message/topics.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Config } from '../config/config.ts';
import { answeredBy, isReply, type Message } from '../message/message.ts';
import type { Network } from '../network/network.ts';
import type { Journal } from '../journal/journal.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import type { Outbox } from '../delivery/outbox.ts';
import { packMessage, unpackMessage } from '../message/codec.ts';
import { isMereOutcome } from '../message/reply.ts';
import type { Signals } from '../observability/signals.ts';
import type { Change } from '../journal/schema.ts';

/** What the router works with. */
export interface MessageRouterParts {
	readonly node: string;
	readonly journal: Journal;
	readonly config: Config;
	readonly signals: Signals;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly network: Pick<Network, 'sendFrame'>;
	readonly mailbox: (method: string) => Mailbox | undefined;
}

/** The router that {@link createMessageRouter} makes. */
export interface MessageRouter {
	/**
	 * Sends messages, and writes `also` in the same transaction. Resolves when all of it is on disk;
	 * nothing leaves before. Messages of the at-most-once kinds are not written at all.
	 */
	send(messages: readonly Message[], also?: readonly Change[]): Promise<void>;
	/** What the arrival of a message from another node settles: the request that it answers. */
	onAccept(message: Message): readonly Change[];
	/** Emits the signals of that, after the flush; and that it was accepted, if it was. */
	onAccepted(message: Message, isTaken: boolean): void;
}

/** What one message needs: changes to write, and what to do once they are written. */
interface Plan {
	readonly changes: readonly Change[];
	readonly afterwards: () => void;
}

/** Creates the router. */
export function createMessageRouter(parts: MessageRouterParts): MessageRouter {
	const { journal, config, ledger, outbox, signals } = parts;
	const ttlMs = (message: Message) => (message.ttl ?? config.defaultMessageTtl) * 1000;
	const mailOf = (message: Message) => {
		const body = packMessage(message);
		const at = journal.now();
		// The sender may reuse its buffer before the message is run.
		const kept = typeof message.data === 'object' ? unpackMessage(body) : message;
		return { from: message.fromNode, message: kept, body, at, deadline: at + ttlMs(message) };
	};

	/** A message to this very node. */
	const keep = (message: Message): Plan => {
		const box = isMereOutcome(message) ? undefined : parts.mailbox(message.method);
		// Packed once: its mailbox and the ledger hold the same bytes.
		const mail = box && mailOf(message);
		const opened = isReply(message)
			? settleBy(message)
			: ledger.open(message, undefined, mail?.body);
		// The ledger holds all that it has to say.
		if (isMereOutcome(message)) return { changes: opened, afterwards: () => announce(message) };
		if (!box || !mail) {
			const result = { outcome: 'refused', code: 'unknown_method' } as const;
			const settled = isReply(message) ? [] : ledger.settle(message.id, result);
			return { changes: [...opened, ...settled], afterwards: () => announce(message) };
		}
		const { row, changes } = box.place(mail);
		const afterwards = () => {
			box.push(row);
			announce(message);
		};
		return { changes: [...opened, ...changes], afterwards };
	};

	/** A message to another node. */
	const dispatch = (message: Message): Plan => {
		const travels = message.replyTo ? unaddressed(message) : message;
		const { lane, seq, body, changes } = outbox.append(travels);
		const place = { lane: lane.name, seq };
		const opened = isReply(message) ? [] : ledger.open(message, place, body);
		const afterwards = () => {
			ledger.opened(message.id);
			outbox.flushed(lane, seq);
		};
		return { changes: [...opened, ...changes], afterwards };
	};

	/** A message that is sent at most once: now, or never. */
	const toss = (message: Message): Plan => {
		const { id, method, kind } = message;
		const box = message.toNode === parts.node ? parts.mailbox(method) : undefined;
		const afterwards = () => {
			if (box) box.push(box.place({ ...mailOf(message), volatile: true }).row);
			else {
				const rows = [{ id, ttlMs: ttlMs(message), body: packMessage(message) }];
				const to = { node: message.toNode, method, kind };
				parts.network.sendFrame(to, { lo: 0, first: 0, rows });
			}
		};
		return { changes: [], afterwards };
	};

	const planOf = (message: Message): Plan => {
		if (!isAcknowledged(message.kind)) return toss(message);
		return message.toNode === parts.node ? keep(message) : dispatch(message);
	};

	const settleBy = (message: Message): readonly Change[] => {
		const { result, data } = message;
		if (!result) return [];
		return answeredBy(message).flatMap((id) => ledger.settle(id, result, data));
	};
	/**
	 * Emits the signals of what a reply has settled. An interim one settles nothing: the one that
	 * does may be on its way to the disk just then.
	 */
	const settled = (reply: Message): void => {
		if (reply.result) for (const id of answeredBy(reply)) ledger.settled(id);
	};
	const announce = (message: Message): void => {
		if (!isReply(message)) {
			ledger.opened(message.id);
			ledger.settled(message.id);
		} else settled(message);
	};

	return {
		async send(messages, also = []) {
			const changes = [...also];
			const afterwards = messages.map((message) => {
				const plan = planOf(message);
				for (const change of plan.changes) changes.push(change);
				return plan.afterwards;
			});
			if (changes.length > 0) await journal.commit(changes);
			for (const each of afterwards) each();
		},
		onAccept: settleBy,
		onAccepted(message, isTaken) {
			// Only the answered ids are ours: the id of the message is in the ledger of its sender.
			settled(message);
			if (!isTaken) return;
			const { id, fromNode: from, toNode: to, method } = message;
			signals.emit('message.accepted', { id, method, from, to, via: 'wire' });
		},
	};
}

/** The message as it travels: the receiver need not know where its outcome is published. */
function unaddressed({ replyTo: _, ...travels }: Message): Message {
	return travels;
}
