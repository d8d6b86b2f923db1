/**
 * The claim of a name. Before a node uses its name at the broker, it asks under another one whether
 * another node uses it: it reads the retained birth, publishes a claim, and waits for an objection.
 * The holder of the name objects. So a second node of the same name, or a second copy of a data
 * folder, does no harm, and is told so.
 *
 * A claim is no lock: while the broker cannot be reached, or keeps two nodes apart, both may come
 * to believe in their name. They find out when it connects them, because it disconnects the older
 * one.
 *
 * @module
 */
import { formatTopic, parseTopic } from '../message/topics.ts';
import { type Clock } from '../platform/clock.ts';
import { deadline } from '../platform/deadline.ts';
import { frameVersion } from '../protocol/frame.ts';
import type { Publication, ClaimChannel, NameClaim } from './transport.ts';
import { readStatus, type Status } from '../protocol/status.ts';
import { deferred } from '../platform/deferred.ts';

/** A claim, or an objection to one. JSON, because people look at it with ordinary MQTT tools. */
export interface ClaimNote {
	readonly v: typeof frameVersion;
	readonly type: 'claim' | 'deny';
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	readonly host: string;
	/** Which process says it; chosen at its start. */
	readonly process: string;
	/** Whom an objection is for. */
	readonly to?: string;
}

/** What claims work with. */
export interface ClaimParts {
	readonly self: {
		readonly node: string;
		readonly storeId: string;
		readonly epoch: number;
		readonly prefix: string;
		readonly host: string;
	};
	readonly clock: Clock;
	/** How long a claim waits for objections. */
	readonly claimMs: number;
	/**
	 * Whether the store is where it was when its last process ran: the same file on the same machine.
	 */
	readonly isAtHome: () => boolean;
	/** Whether this process may still speak for its store. */
	readonly isOwner: () => boolean;
	readonly onGranted: (tookMs: number) => Promise<void>;
	readonly onDenied: (by: ClaimNote) => void;
	/** Signs what is said, and looks at what is heard, where signatures are required. */
	readonly signer?: ClaimSigner | undefined;
}

/** How notes are signed. An objection need not be numbered: it names the process that it is for. */
export interface ClaimSigner {
	close(topic: string, note: ClaimNote): Uint8Array;
	/** Whether what was heard counts. */
	isGenuine(topic: string, payload: Uint8Array): boolean;
}

/** The claims of one node. */
export interface Claims extends NameClaim {
	/** The answer to a note that arrives while the name is held; undefined: none. */
	objection(payload: Uint8Array): Publication | undefined;
}

/**
 * How long the retained birth may come after the echo of our own claim. Brokers send it before;
 * those that do not take a few milliseconds.
 */
const graceMs = 20;

/** Creates the claims of a node. */
export function createClaims(parts: ClaimParts): Claims {
	const { self, clock, isOwner, signer } = parts;
	const { node, prefix } = self;
	const token = Buffer.from(clock.bytes(8)).toString('hex');
	const topic = formatTopic(prefix, { part: 'claim', node });
	const statusTopic = formatTopic(prefix, { part: 'status', node });
	const say = (note: Pick<ClaimNote, 'type' | 'to'>): Publication => {
		const { storeId, epoch, host } = self;
		const about = { node, storeId, epoch, host, process: token };
		const whole: ClaimNote = { v: frameVersion, ...about, ...note };
		const payload = signer?.close(topic, whole) ?? Buffer.from(JSON.stringify(whole));
		return { topic, payload, qos: 1, retain: false };
	};

	const isGenuine = (at: string, payload: Uint8Array) => signer?.isGenuine(at, payload) ?? true;

	return {
		filters: [topic, statusTopic],
		// No node's name has a colon, and fleets with different prefixes may share a broker.
		connection: [...(prefix === '' ? [] : [prefix]), node, 'claim', token].join(':'),
		objection(payload) {
			const note = readNote(payload);
			if (note?.type !== 'claim' || note.process === token || !isOwner()) return undefined;
			if (!isGenuine(topic, payload)) return undefined;
			return say({ type: 'deny', to: note.process });
		},
		async conduct(channel, isContested) {
			const since = clock.monotonic();
			const hearing = createHearing({ ...parts, token, channel, say, isContested });
			channel.onPacket((at, payload, arrival) => {
				// A retained claim or objection was about an earlier claim.
				if (arrival?.isRetained && at === topic) return;
				if (payload.byteLength > 0 && !isGenuine(at, payload)) return;
				if (parseTopic(prefix, at)?.part === 'status') hearing.status(payload);
				else hearing.note(payload);
			});
			void channel.publish(say({ type: 'claim' }));
			const { verdict, by } = await hearing.verdict;
			if (verdict === 'granted') await parts.onGranted(clock.monotonic() - since);
			else if (by) parts.onDenied(by);
			return verdict;
		},
	};
}

/** How a claim ended. */
interface Outcome {
	readonly verdict: 'granted' | 'denied' | 'lost';
	readonly by?: ClaimNote;
}

interface HearingParts extends ClaimParts {
	readonly token: string;
	readonly channel: ClaimChannel;
	readonly say: (note: Pick<ClaimNote, 'type' | 'to'>) => Publication;
	readonly isContested: boolean;
}

/** One claim: collects what is heard, and decides. */
function createHearing(parts: HearingParts) {
	const { self, clock, token, channel, isContested } = parts;
	const over = new AbortController();
	let birth: Status | undefined;
	const verdict = deferred<Outcome>();
	const decide = (outcome: Outcome): void => {
		over.abort();
		verdict.resolve(outcome);
	};
	const grantAfter = (delayMs: number, isSure: () => boolean = () => true): void => {
		// An objection that came while this process stood still is read before the claim is granted.
		const timer = deadline(clock, delayMs, () => {
			if (isSure()) decide({ verdict: 'granted' });
		});
		over.signal.addEventListener('abort', () => timer.cancel());
	};
	/** The name is free: no birth, a death, or our own earlier start in the same place. */
	const isVacant = (): boolean =>
		!isContested && (birth?.state !== 'online' || isFormerEpoch(birth, parts));
	grantAfter(parts.claimMs);
	void channel.lost.then(() => decide({ verdict: 'lost' }));

	return {
		verdict: verdict.promise,
		status(payload: Uint8Array) {
			const news = statusOf(payload);
			const isDeath = birth?.state === 'online' && news?.state === 'offline';
			// A death of an earlier start than the last birth says nothing of that birth.
			if (isDeath && news.storeId === birth?.storeId && news.epoch < birth.epoch) return;
			birth = news;
			if (isDeath && !isContested) decide({ verdict: 'granted' });
		},
		note(payload: Uint8Array) {
			const note = readNote(payload);
			if (!note) return;
			if (note.type === 'deny') {
				if (note.to === token) decide({ verdict: 'denied', by: note });
			} else if (note.process === token) grantAfter(graceMs, isVacant);
			else if (precedes(note, { ...self, process: token })) {
				decide({ verdict: 'denied', by: note });
			} else void channel.publish(parts.say({ type: 'deny', to: note.process }));
		},
	};
}

/**
 * Of two that claim at the same time: the later start of one store, else the lower lot.
 */
function precedes(
	other: ClaimNote,
	own: Pick<ClaimNote, 'storeId' | 'epoch' | 'process'>,
): boolean {
	if (other.storeId === own.storeId && other.epoch !== own.epoch) return other.epoch > own.epoch;
	return other.process < own.process;
}

function isFormerEpoch(birth: Status, { self, isAtHome }: ClaimParts): boolean {
	const { storeId, epoch, host } = birth;
	return (
		storeId === self.storeId && epoch <= self.epoch && (host ?? '') === self.host && isAtHome()
	);
}

function statusOf(payload: Uint8Array): Status | undefined {
	try {
		return readStatus(payload);
	} catch {
		// Whatever was retained there, it is no birth of a node.
		return undefined;
	}
}

/** Reads a note; undefined for anything else, because any client may publish there. */
function readNote(payload: Uint8Array): ClaimNote | undefined {
	let value: unknown;
	try {
		value = JSON.parse(Buffer.from(payload).toString('utf8'));
	} catch {
		return undefined;
	}
	if (typeof value !== 'object' || value === null) return undefined;
	const { v, type, storeId, epoch, process } = value as Record<string, unknown>;
	const isNote =
		v === frameVersion &&
		(type === 'claim' || type === 'deny') &&
		typeof storeId === 'string' &&
		typeof process === 'string' &&
		Number.isSafeInteger(epoch);
	return isNote ? (value as ClaimNote) : undefined;
}
