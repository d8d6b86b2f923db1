/**
 * The post office: every message that comes into being on this node is handed in here, and goes to
 * a mailbox of this node or to the outbox, in one transaction with whatever caused it.
 *
 * @module
 */
import { isAcknowledged } from '../message/topics.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../platform/clock.ts';
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

/** What the post office works with. */
export interface MessageRouterParts {
	readonly node: string;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly network: Pick<Network, 'sendFrame'>;
	readonly mailbox: (method: string) => Mailbox | undefined;
}

/** The post office that {@link createMessageRouter} makes. */
export interface MessageRouter {
	/**
	 * Sends messages, and writes `also` in the same transaction. Resolves when all of it is on disk;
	 * nothing leaves before. Messages of the at-most-once kinds are not written at all.
	 */
	send(messages: readonly Message[], also?: readonly Change[]): Promise<void>;
	/** What the arrival of a message from another node settles: the request that it answers. */
	onAccept(message: Message): readonly Change[];
	/** Tells the watchers of that, after the flush; and that it was accepted, if it was. */
	onAccepted(message: Message, isTaken: boolean): void;
}

/** What is to be done for one message: what to write, and what to do once it is written. */
interface Plan {
	readonly changes: readonly Change[];
	readonly afterwards: () => void;
}

/** Creates the post office. */
export function createMessageRouter(parts: MessageRouterParts): MessageRouter {
	const { journal, clock, config, ledger, outbox, signals } = parts;
	const ttlMs = (message: Message) => (message.ttl ?? config.defaultMessageTtl) * 1000;
	const mailOf = (message: Message) => {
		const body = packMessage(message);
		const at = clock.now();
		// Whoever has sent bytes may write into them again before the message is run.
		const kept = typeof message.data === 'object' ? unpackMessage(body) : message;
		return { from: message.fromNode, message: kept, body, at, deadline: at + ttlMs(message) };
	};

	/** A message to this very node. */
	const keep = (message: Message): Plan => {
		const opened = isReply(message) ? settleBy(message) : ledger.open(message);
		// All that it has to say is in the books.
		if (isMereOutcome(message)) return { changes: opened, afterwards: () => announce(message) };
		const box = parts.mailbox(message.method);
		if (!box) {
			const result = { outcome: 'refused', code: 'unknown_method' } as const;
			const settled = isReply(message) ? [] : ledger.settle(message.id, result);
			return { changes: [...opened, ...settled], afterwards: () => announce(message) };
		}
		const { row, changes } = box.place(mailOf(message));
		const afterwards = () => {
			box.push(row);
			announce(message);
		};
		return { changes: [...opened, ...changes], afterwards };
	};

	/** A message to another node. */
	const dispatch = (message: Message): Plan => {
		const { replyTo } = message;
		const { lane, seq, body, changes } = outbox.append(replyTo ? unaddressed(message) : message);
		const place = { lane: lane.name, seq };
		const opened = isReply(message) ? [] : ledger.open(message, place, replyTo ? undefined : body);
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
	 * Tells the watchers of what a reply has settled. An interim one settles nothing: the one that
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
			// Ids of other nodes are not ours: only what is answered is in these books.
			settled(message);
			if (!isTaken) return;
			const { id, fromNode: from, toNode: to, method } = message;
			signals.emit('message.accepted', { id, method, from, to, via: 'wire' });
		},
	};
}

/** The message as it travels: where its outcome is published is nobody else's business. */
function unaddressed({ replyTo: _, ...travels }: Message): Message {
	return travels;
}
