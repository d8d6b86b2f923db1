/**
 * The contract between a node and its transports. A *wire* carries publications between nodes; a
 * *listener* lets people and programs hand messages in and ask questions. Neither knows who is
 * behind it.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Principal } from '../message/principal.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { Signals } from '../observability/signals.ts';

/** One PUBLISH: the words are MQTT's. */
export interface Publication {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
	readonly retain: boolean;
	/** For a client that asked over MQTT 5; a 3.1.1 connection leaves it out. */
	readonly correlationData?: Uint8Array;
}

/**
 * What a wire says of a publication. `taken` means that the broker has it, which settles nothing:
 * only the receiver's acknowledgement does. `nobody` means that no subscriber matches. `hung_up`
 * means that the broker has ended the connection while only this publication was under way.
 */
export type Verdict = 'taken' | 'nobody' | 'refused' | 'too_large' | 'hung_up' | 'not_connected';

/** What a wire offers to the node. */
export interface Wire {
	readonly name: string;
	/** Hands a publication to the broker. Never rejects, and never waits for a reconnect. */
	publish(publication: Publication): Promise<Verdict>;
	/**
	 * Asks for what is retained at this very topic. Some brokers, such as RabbitMQ, bring retained
	 * messages only to subscriptions that name their topic in full.
	 */
	follow?(topic: string): void;
}

/** How the broker has brought a publication. */
export interface Arrival {
	/** Set if it was published before this connection subscribed: the broker had retained it. */
	readonly isRetained?: boolean;
	/** Set if the broker has delivered it before, and does not know what became of that. */
	readonly isRepeat?: boolean;
}

/** What an MQTT client may say beside the payload (MQTT 5; absent on 3.1.1). */
export interface PublicProperties extends Arrival {
	readonly responseTopic?: string;
	readonly correlationData?: Uint8Array;
	/** What its user properties say of its signature, unchecked. */
	readonly proof?: Partial<Record<'by' | 'count' | 'signature', string>>;
	/** Raised when the connection that it came on is lost: the broker will deliver it again. */
	readonly gone?: AbortSignal;
}

/** What the node wants to hear from a wire. None of these may throw. */
export interface WireListener {
	/** The wire is connected and all subscriptions are granted. */
	up(wire: Wire): void;
	down(wire: Wire, reason: string): void;
	/** A publication on one of our own topics: `_lane`, `_ack` or `_status`. */
	packet(topic: string, payload: Uint8Array, arrival?: Arrival): void;
	/**
	 * A publication on a public topic. Its PUBACK must wait until the promise resolves, which is when
	 * the message is on disk, or refused for good.
	 */
	publicMessage(topic: string, payload: Uint8Array, properties: PublicProperties): Promise<void>;
}

/** What every transport is given when it starts. */
export interface TransportContext {
	readonly node: string;
	readonly config: Config;
	readonly clock: Clock;
	readonly signals: Signals;
	/** For wires. */
	readonly listener: WireListener;
	/**
	 * The retained birth, which a wire publishes nowhere by itself, and the death that is its will.
	 */
	readonly will: Publication;
	/** For listeners. */
	readonly api: NodeApi;
	/** Whether the node runs no messages; those of MQTT clients are then left to the broker. */
	readonly isSafe?: boolean;
	/** Asked before the name of the node is used on a wire; without one, it is just used. */
	readonly claim?: NameClaim;
}

/** A started transport. */
export interface RunningTransport {
	/** Where it listens or connects to, for people. */
	readonly address: string;
	/** Ends it and waits until nothing of it is left. */
	stop(): Promise<void>;
}

/** A transport: one file that exports one of these as its default. */
export interface TransportDefinition {
	readonly name: string;
	/** Whether this configuration asks for it. */
	wanted(config: Config): boolean;
	/** Looks whether it could start, before this process takes over the data folder. */
	check?(config: Config): Promise<void>;
	start(context: TransportContext): Promise<RunningTransport>;
}

/** Checks nothing, freezes, and gives the declaration its type. */
export function defineTransport(definition: TransportDefinition): TransportDefinition {
	return Object.freeze(definition);
}

/**
 * The answer to one message that was handed in: its id once it is on disk, or why it was refused.
 */
export type Answer =
	| { readonly id: string; readonly toNode: string; readonly duplicate?: true }
	| { readonly error: ErrorCode; readonly detail: string; readonly hint: string };

/** What a listener knows of a message beside its text. */
export interface Source {
	/** An id derived from where the message lies, so that it is taken once, see `derivedIdStarts`. */
	readonly id?: string;
	/** On whose behalf it was put there; absent for the people of this node. */
	readonly askedBy?: readonly Principal[];
}

/** What the node does for a listener. */
export interface NodeApi {
	/**
	 * Takes one message, as it came out of the JSON parser, with one answer for each receiver, in
	 * order. Resolves when they are on disk; never rejects.
	 */
	accept(raw: unknown, via: string, source?: Source): Promise<readonly Answer[]>;
	/** Reports input that never became a message: a syntax error, a size over the limit, a cut. */
	refuse(code: ErrorCode, detail: string, via: string): Answer;
	/**
	 * Answers a question with rows. Ends early when `signal` is raised.
	 *
	 * @throws ReeveError `bad_message` for a question that is none, `not_found` for an unknown id
	 */
	ask(question: unknown, signal: AbortSignal): AsyncIterable<unknown>;
}

/** A connection under a name of its own, subscribed to {@link NameClaim.filters}. */
export interface ClaimChannel {
	publish(publication: Publication): Promise<Verdict>;
	/** Calls `see` for each publication that arrives. */
	onPacket(see: (topic: string, payload: Uint8Array, arrival?: Arrival) => void): void;
	/** Resolves when the connection is lost. */
	readonly lost: Promise<void>;
}

/** What a wire needs to claim the name of its node. */
export interface NameClaim {
	readonly filters: readonly string[];
	/** The name of the connection that the claim is made on. */
	readonly connection: string;
	/**
	 * Makes the claim. A contested one waits for objections in any case: another node has just taken
	 * the name. Never rejects.
	 */
	conduct(channel: ClaimChannel, isContested: boolean): Promise<'granted' | 'denied' | 'lost'>;
}
