/**
 * The status publisher: tells all others of this node, by its retained birth, and by the death that
 * is its will or its goodbye.
 *
 * If a broker loses a birth, all others wait for this node until it connects anew. So the birth is
 * published again after a minute, and then after twice as long each time,
 * up to an hour.
 *
 * @module
 */
import { formatTopic } from '../message/topics.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { frameVersion } from '../protocol/frame.ts';
import { passingSigner, type Signer } from '../security/signing.ts';
import { createTopicBar, type TopicBarConfig } from './topic-bar.ts';
import type { Publication, Wire } from './transport.ts';
import type { Facts } from '../message/facts.ts';
import type { Status } from '../protocol/status.ts';

/** The publisher that {@link createStatusPublisher} makes. */
export interface StatusPublisher {
	/** What the broker says for us if we die. */
	will(): Publication;
	/** A wire came up. */
	up(wire: Wire): void;
	/** From now on the node is announced, also on wires that come later. */
	begin(): void;
	/** Says goodbye; resolves when the brokers have it. */
	end(): Promise<void>;
	/** Says nothing any more. */
	silence(): void;
	/**
	 * Something else than what this node says stands on its topic: its birth is said again, at once,
	 * and at most once in a second.
	 */
	contradict(): void;
	/**
	 * Hears what is said in the name of this node; `count` is the number of it, if it is signed.
	 * Returns whether a later start of this very store has said it.
	 */
	hear(status: Status, count?: number): boolean;
}

/** Creates the status publisher of a node. */
export function createStatusPublisher(parts: {
	self: Self;
	clock: Clock;
	wires: ReadonlySet<Wire>;
	signer?: Pick<Signer, 'signJson'>;
	config: TopicBarConfig;
	/** Called when the broker does not take what is said of this node. */
	onBarred: (topic: string) => void;
}): StatusPublisher {
	const { self, clock, wires, signer = passingSigner } = parts;
	const bar = createTopicBar(parts);
	let isBegun = false;
	/** Whether the broker has refused what was said last; that is told once. */
	let isRefused = false;
	let again: Timer | undefined;
	/** Set for a while after a contradiction, and whether another one is due after it. */
	let recent: Timer | undefined;
	let isOwed = false;
	/**
	 * The connection that is meant. Births and deaths are numbered by it, because a will is written
	 * before the birth that it follows, and must not be taken for an older one, nor for the death of
	 * a later connection.
	 */
	let connection = 0;

	const publication = (state: Status['state'], of = connection): Publication => {
		const topic = formatTopic(self.prefix, { part: 'status', node: self.node });
		const status: Status = {
			v: frameVersion,
			state,
			node: self.node,
			storeId: self.storeId,
			epoch: self.epoch,
			...(state === 'online' ? birthOf(self) : {}),
		};
		const count = 2 * of + (state === 'online' ? 0 : 1);
		return { topic, payload: signer.signJson(topic, status, count), qos: 1, retain: true };
	};
	/** Births and deaths that the broker hangs up on are not said again for a while. */
	const say = async (wire: Wire, state: Status['state']): Promise<void> => {
		const said = publication(state);
		if (bar.has(said.topic)) return;
		const verdict = await wire.publish(said);
		if (verdict === 'taken' || verdict === 'nobody') {
			bar.passed(said.topic);
			isRefused = false;
		}
		if (verdict === 'hung_up' && !bar.isOver(said.topic)) return;
		if (verdict !== 'hung_up' && verdict !== 'too_large' && verdict !== 'refused') return;
		if (verdict === 'hung_up') bar.set(said.topic);
		else if (isRefused) return;
		isRefused = true;
		parts.onBarred(said.topic);
	};
	const announce = (): void => {
		if (isBegun) for (const wire of wires) void say(wire, 'online');
	};
	const repeat = (delayMs: number): void => {
		again?.cancel();
		again = clock.after(delayMs, () => {
			announce();
			repeat(Math.min(2 * delayMs, repeatMsMax));
		});
	};
	const hush = (): void => {
		isBegun = false;
		again?.cancel();
		recent?.cancel();
	};
	const contradict = (): void => {
		isOwed = recent !== undefined;
		if (isOwed) return;
		announce();
		recent = clock.after(contradictMs, () => {
			recent = undefined;
			if (isOwed) contradict();
		});
	};

	return {
		will: () => publication('offline', connection + 1),
		up(wire) {
			connection += 1;
			if (!isBegun) return;
			void say(wire, 'online');
			repeat(repeatMsMin);
		},
		begin() {
			isBegun = true;
			announce();
			repeat(repeatMsMin);
		},
		async end() {
			if (!isBegun) return;
			// First, or the echo of the goodbye would be contradicted.
			hush();
			await Promise.all([...wires].map((wire) => say(wire, 'offline')));
		},
		silence: hush,
		contradict,
		hear({ state, storeId, epoch }, count = 0) {
			const isOurStore = storeId === self.storeId;
			// Whatever was said last, the next birth is later.
			if (isOurStore && epoch === self.epoch) {
				connection = Math.max(connection, Math.ceil(count / 2));
			}
			if (isOurStore && epoch > self.epoch) return true;
			// The will of an earlier start, or connection, may come after our birth, and is retained.
			if (state === 'offline' || (isOurStore && epoch < self.epoch)) announce();
			return false;
		},
	};
}

/** The shortest pause between two contradictions. */
const contradictMs = 1000;
/** After how long a birth is said again first, and at most. */
const repeatMsMin = 60_000;
const repeatMsMax = 3_600_000;

function birthOf({ methods, host, mode, facts, key }: Self) {
	const about = {
		...(host ? { host } : {}),
		...(mode ? { mode } : {}),
		...(facts ? { facts } : {}),
		...(key ? { key } : {}),
	};
	return { methods: methods(), ...about };
}

/** Who this node is on the wire. */
export interface Self {
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	readonly prefix: string;
	readonly methods: () => readonly string[];
	/** The fingerprint of the machine. */
	readonly host?: string;
	/** Set while the node runs no messages. */
	readonly mode?: 'safe' | undefined;
	/** What is true of this node, for those who aim at it. */
	readonly facts?: Facts;
	/** The public key of this node, if it signs. */
	readonly key?: string | undefined;
}
