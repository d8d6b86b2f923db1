/**
 * The contract between a node and its transports. A *wire* carries publications between nodes; a
 * *door* lets people and programs hand messages in and ask questions. Neither knows who is behind
 * it.
 *
 * @module
 */
import type { NameClaim } from './name-claim.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { Facts } from '../message/facts.ts';
import type { Signals } from '../observability/signals.ts';

/** One PUBLISH: the words are MQTT's. */
export interface Publication {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: 0 | 1;
	readonly retain: boolean;
	/** For whoever asked over MQTT 5; a 3.1.1 connection leaves it out. */
	readonly correlationData?: Uint8Array;
}

/**
 * What a wire says of a publication. `taken` means that the broker has it, which settles nothing:
 * only the receiver's acknowledgement does. `nobody` means that no subscriber matches.
 */
export type Verdict = 'taken' | 'nobody' | 'refused' | 'too_large' | 'not_connected';

/** What a wire offers to the node. */
export interface Wire {
	readonly name: string;
	/** Hands a publication to the broker. Never rejects, and never waits for a reconnect. */
	publish(publication: Publication): Promise<Verdict>;
	/**
	 * Asks for what is retained at this very topic. Some brokers, such as RabbitMQ, bring retained
	 * messages only to whoever names their topic in full.
	 */
	follow?(topic: string): void;
}

/** What a foreign publisher may say beside the payload (MQTT 5; absent on 3.1.1). */
export interface ForeignProperties {
	readonly responseTopic?: string;
	readonly correlationData?: Uint8Array;
	/** Set if the broker has delivered it before, and does not know what became of that. */
	readonly isRepeat?: boolean;
	/** Raised when the connection that it came on is lost: the broker will deliver it again. */
	readonly gone?: AbortSignal;
}

/** What the node wants to hear from a wire. None of these may throw. */
export interface WireListener {
	/** The wire is connected and all subscriptions are granted. */
	up(wire: Wire): void;
	down(wire: Wire, reason: string): void;
	/** A publication on one of our own topics: `_lane`, `_ack` or `_status`. */
	packet(topic: string, payload: Uint8Array): void;
	/**
	 * A publication on a public topic. Its PUBACK must wait until the promise resolves, which is when
	 * the message is on disk, or refused for good.
	 */
	foreign(topic: string, payload: Uint8Array, properties: ForeignProperties): Promise<void>;
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
	/** For doors. */
	readonly door: Door;
	/** Whether the node runs no messages; those of foreign clients are then left to the broker. */
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

/** What a person or a program may ask of a running node. */
export type Question =
	| { readonly reeve: 'node' }
	| { readonly reeve: 'nodes' }
	| { readonly reeve: 'methods' }
	/** All that must be known to use a method. */
	| { readonly reeve: 'explain'; readonly method: string }
	/** Signals: those that are remembered and, with `follow`, those that come. */
	| {
			readonly reeve: 'events';
			readonly type?: string | undefined;
			readonly message?: string | undefined;
			readonly follow?: boolean | undefined;
	  }
	| { readonly reeve: 'processes' }
	| { readonly reeve: 'messages'; readonly limit?: number; readonly ids?: readonly string[] }
	| { readonly reeve: 'dead'; readonly limit?: number }
	| { readonly reeve: 'tree' }
	/** Writes a consistent copy of the journal into a new folder of the node's machine. */
	| { readonly reeve: 'backup'; readonly folder: string }
	/** What a forked store has inherited and neither sends nor runs. */
	| { readonly reeve: 'quarantine'; readonly limit?: number }
	/** Declared actors; one of them, or one of its instances; see `actor-rows.ts`. */
	| { readonly reeve: 'actors' }
	| { readonly reeve: 'actor'; readonly actor: string; readonly key?: string | undefined }
	/** Reloads the definitions folder; a row for each file, see `definition-rows.ts`. */
	| {
			readonly reeve: 'reload';
			readonly isDryRun?: boolean | undefined;
			readonly force?: boolean | undefined;
	  }
	/** Takes a parked instance into use again. */
	| {
			readonly reeve: 'unpark';
			readonly actor: string;
			readonly key: string;
			readonly fresh?: boolean | undefined;
	  }
	/** The whole life of a message. */
	| { readonly reeve: 'message'; readonly id: string }
	/**
	 * Does something to messages; answers with a row for each. Without ids, to those of the filter.
	 */
	| {
			readonly reeve: 'retry' | 'cancel' | 'drop';
			readonly ids?: readonly string[];
			readonly where?: {
				readonly state?: string | undefined;
				readonly method?: string | undefined;
				readonly node?: string | undefined;
				readonly olderThanMs?: number | undefined;
			};
	  }
	/** Sends messages of the record once more; a row for each. */
	| { readonly reeve: 'resend'; readonly ids: readonly string[] }
	/**
	 * Compares the books of this node with its receivers', who are asked for that; a row for each.
	 */
	| {
			readonly reeve: 'audit';
			readonly to?: string | undefined;
			readonly newerThanMs?: number | undefined;
			readonly waitSeconds?: number | undefined;
	  }
	/** Streams a row for each id now and at each change, and ends when all of them are settled. */
	| { readonly reeve: 'watch'; readonly ids: readonly string[] };

/** What the node behind a door does for it. */
export interface Door {
	/**
	 * Takes one message, as it came out of the JSON parser, with one answer for each receiver, in
	 * order. Resolves when they are on disk; never rejects.
	 */
	accept(raw: unknown, via: string): Promise<readonly Answer[]>;
	/** Reports input that never became a message: a syntax error, a size over the limit, a cut. */
	refuse(code: ErrorCode, detail: string, via: string): Answer;
	/**
	 * Answers a question with rows. Ends early when `signal` is raised.
	 *
	 * @throws ReeveError `bad_message` for a question that is none, `not_found` for an unknown id
	 */
	ask(question: unknown, signal: AbortSignal): AsyncIterable<unknown>;
}

/**
 * A row of `messages`, `dead` and `watch`: what the books of this node say of a message it sent.
 */
export interface MessageRow {
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	/** `queued`, `sent`, `accepted`, `giving_up`, or one of the outcomes. */
	readonly state: string;
	readonly settled: boolean;
	/** Delivery attempts so far. */
	readonly attempts: number;
	/** Wall-clock milliseconds of this node's clock. */
	readonly sentAt: number;
	readonly settledAt?: number;
	/** Why it waits, or why it failed; a sentence for people. */
	readonly why?: string;
	readonly code?: string;
	readonly exitCode?: number;
	readonly stderr?: string;
	readonly durationMs?: number;
	/** The output, as text where it is UTF-8; cut at `outputKeptBytesMax`. */
	readonly output?: string;
	readonly note?: string;
}

/** A row of `nodes`. */
export interface NodeRow {
	readonly name: string;
	readonly state: 'online' | 'offline';
	/** Wall-clock milliseconds since when, by this node's clock. */
	readonly since: number;
	readonly storeId: string;
	readonly epoch: number;
	/** Set while it is in safe mode. */
	readonly mode?: 'safe';
	/** How many messages wait for it here. */
	readonly waiting: number;
	/** What is true of it, as its last birth said. */
	readonly facts?: Facts;
}

/** A row of `processes`, in steward's sense: who owns a mailbox or an outbox. */
export interface ProcessRow {
	readonly name: string;
	readonly kind: 'subscriber' | 'publisher';
	readonly method: string;
	readonly node: string;
	readonly state: string;
	readonly waiting: number;
	readonly running: number;
}

/** A node of the supervision tree as `tree` draws it. */
export interface TreeRow {
	readonly id: string;
	readonly type: 'supervisor' | 'worker';
	/** `running`, `restarting`, `stopped`; for supervisors with the strategy in `detail`. */
	readonly state: string;
	readonly detail?: string;
	/** Which of its lives it is: `<id>#<number>`; absent unless it runs. */
	readonly pid?: string;
	readonly restarts: number;
	/** Messages that wait in the actor's mailbox or outbox, where it owns one. */
	readonly mailboxLength?: number;
	readonly children?: readonly TreeRow[];
}
