/**
 * The outcome publisher: outcomes on their way to MQTT clients without a node. An answer is
 * written in the transaction that settles its message, leaves after the flush, and stays in the
 * journal until the broker has taken it. So it is published at least once, even if the node or
 * the broker is killed meanwhile.
 *
 * @module
 */
import type { Clock, Timer } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Message, ReplyTo } from '../message/message.ts';
import { newId } from '../platform/ids.ts';
import type { Journal } from '../journal/journal.ts';
import { messageRow } from '../ledger/message-state.ts';
import { noPrincipals, type Principal } from '../message/principal.ts';
import type { Authority } from '../security/authority.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { Signals } from '../observability/signals.ts';
import type { Network } from '../network/network.ts';
import type { Verdict } from '../network/transport.ts';
import type { Entry } from '../ledger/ledger-entry.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';
import { ignoreIfFenced } from '../journal/fencing.ts';

/** The answers that {@link createOutcomePublisher} makes. */
export interface OutcomePublisher {
	/** What publishes the outcome of a settled entry; no changes if the sender did not ask. */
	outcome(entry: Entry): readonly Change[];
	/**
	 * What publishes an interim result of a message that runs here, with what the caller calls once
	 * it is flushed; nothing if the sender did not ask for that.
	 */
	interim(message: Message, data: string | Uint8Array): Interim | undefined;
	/** What publishes anything else at an address, under an id of its own. */
	tell(id: string, replyTo: ReplyTo, text: object): readonly Change[];
	/** To be called once the changes for this id are flushed. */
	flushed(id: string): void;
	/** How many wait. */
	waiting(): number;
}

/** An interim result on its way. */
export interface Interim {
	readonly changes: readonly Change[];
	readonly flushed: () => void;
}

/** An answer in the journal. */
interface StoredAnswer {
	readonly id: string;
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly correlation?: Uint8Array;
	/** On whose behalf it is published. */
	readonly askedBy?: readonly Principal[];
}

/** Answers under way at a time. */
const atATime = 64;
/** Refusals by the broker after which an answer is dropped: it will not change its mind. */
const refusalsMax = 5;

/** Opens the answers; what an earlier process left is published when the link is up. */
export function createOutcomePublisher(parts: {
	journal: Journal;
	clock: Clock;
	config: Config;
	signals: Signals;
	network: Pick<Network, 'publish' | 'onLink'>;
	authority: Pick<Authority, 'topicRefusal'>;
}): OutcomePublisher {
	const { journal, clock, config, signals, network, authority } = parts;
	const edge = (reverse: boolean) =>
		journal.scan<StoredAnswer>('outcomes', { ...rowsUnder(), limit: 1, reverse })[0]?.key[0];
	let first = Number(edge(false) ?? 1);
	let next = Number(edge(true) ?? first - 1) + 1;
	/** Everything below is on disk. Commits are flushed in the order in which they were made. */
	let mayLeave = next;
	const places = new Map<string, number>();
	const refusals = new Map<number, number>();
	let timer: Timer | undefined;
	let pumping: Promise<void> | undefined;
	let isAsked = false;

	const add = (answer: StoredAnswer): Change[] => {
		const changes: Change[] = [{ table: 'outcomes', key: [next], value: answer }];
		places.set(answer.id, next);
		next += 1;
		while (next - first > config.outcomesKeptMax) {
			changes.push({ table: 'outcomes', key: [first] });
			signals.emit('message.dropped', { id: `the answer number ${first}`, code: 'outbox_full' });
			first += 1;
		}
		return changes;
	};
	const tell = (id: string, { topic, correlation, ...asked }: ReplyTo, text: object): Change[] => {
		const shown = correlation === undefined ? undefined : Buffer.from(correlation as Uint8Array);
		// MQTT 3.1.1 clients find it in the JSON; MQTT 5 has a property for it.
		const content = typeof correlation === 'string' ? { ...text, correlation } : text;
		const payload = Buffer.from(JSON.stringify(content));
		return add({ id, topic, payload, ...(shown ? { correlation: shown } : {}), ...asked });
	};

	const dropped = (id: string, code: ErrorCode): true => {
		signals.emit('message.dropped', { id, code });
		return true;
	};
	const triesMax = (verdict: Verdict): number => {
		if (verdict === 'hung_up') return config.hangUpsMax;
		return verdict === 'refused' ? refusalsMax : 0;
	};
	/** Whether this answer is done with, one way or the other. */
	const send = async (place: number, answer: StoredAnswer): Promise<boolean> => {
		const { id, topic, payload, correlation, askedBy = noPrincipals } = answer;
		// By the rules as they are now.
		if (authority.topicRefusal(askedBy, topic) !== undefined) return dropped(id, 'not_allowed');
		const more = correlation ? { correlationData: correlation } : {};
		const verdict = await network.publish({ topic, payload, qos: 1, retain: false, ...more });
		if (verdict === 'taken' || verdict === 'nobody') return true;
		if (verdict === 'not_connected') return false;
		const count = (refusals.get(place) ?? 0) + 1;
		refusals.set(place, count);
		if (count < triesMax(verdict)) return false;
		return dropped(id, verdict === 'too_large' ? verdict : 'broker_refused');
	};
	const work = async (): Promise<void> => {
		for (;;) {
			isAsked = false;
			const to = mayLeave;
			const stretch = { from: [first], to: [to], limit: atATime };
			const rows = journal.scan<StoredAnswer>('outcomes', stretch);
			const done = await Promise.all(rows.map(({ key, value }) => send(Number(key[0]), value)));
			const gone = rows.filter((_row, index) => done[index]);
			for (const { key } of gone) refusals.delete(Number(key[0]));
			if (gone.length > 0) {
				await journal.commit(
					gone.map(({ key }): Change => ({ table: 'outcomes', key })),
					'committed',
				);
			}
			const left = rows.length - gone.length;
			if (left > 0) return again();
			const end = rows.length < atATime ? to : Number(rows.at(-1)?.key[0]) + 1;
			first = Math.max(first, end);
			if (rows.length < atATime && !isAsked) return;
		}
	};
	const again = (): void => {
		timer ??= clock.after(config.resendMsMin, () => {
			timer = undefined;
			pump();
		});
	};
	const pump = (): void => {
		isAsked = true;
		pumping ??= work()
			.catch(ignoreIfFenced)
			.finally(() => {
				pumping = undefined;
				if (isAsked) pump();
			});
	};

	const flushed = (id: string): void => {
		const place = places.get(id);
		if (place === undefined) return;
		places.delete(id);
		mayLeave = Math.max(mayLeave, place + 1);
		pump();
	};

	network.onLink((isUp) => {
		if (isUp) pump();
	});

	return {
		outcome(entry) {
			const { id, replyTo } = entry;
			if (!replyTo || entry.settledAt === undefined) return [];
			return tell(id, replyTo, messageRow(entry, { lane: () => undefined }, journal.wallOf));
		},
		interim({ id, toNode, method, replyTo }, data) {
			if (!replyTo) return undefined;
			const own = newId(clock);
			const row = interimRow({ id, toNode, method }, data);
			return { changes: tell(own, replyTo, row), flushed: () => flushed(own) };
		},
		tell,
		flushed,
		waiting: () => journal.count('outcomes'),
	};
}

/** A message that runs, with what it has put out just now. */
function interimRow(
	about: Pick<Message, 'id' | 'toNode' | 'method'>,
	data: string | Uint8Array,
): object {
	const output = Buffer.from(data as Uint8Array).toString('utf8');
	return { ...about, state: 'running', settled: false, output };
}
