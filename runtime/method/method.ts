/**
 * Declarations: what a method and a transport are. A declaration is a frozen plain object; adding
 * one is adding a file, and the registry, the topics, the help and the conformance suites follow
 * from it.
 *
 * @module
 */
import type { z } from 'zod';
import { isName, type Kind } from '../message/topics.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Called, Message, OnCrash, Result } from '../message/message.ts';
import type { Principal } from '../message/principal.ts';
import { ReeveError } from '../platform/errors.ts';
import type { Processes } from './processes.ts';
import type { Received } from '../ledger/received-messages.ts';
import type { Schedule } from '../message/schedule.ts';
import type { Authorization } from '../security/authorization.ts';
import type { Output } from '../message/reply.ts';

/** The limits of the configuration that methods keep to. */
export type MethodLimits = Pick<
	Config,
	| 'lineBytesMax'
	| 'copyBytesMax'
	| 'copyPartsKept'
	| 'copyChunkBytes'
	| 'copyOutside'
	| 'tailPollMs'
	| 'tailMarkBytes'
	| 'diskRetryMs'
	| 'redirectsMax'
>;

/** A message that a method sends, and waits for the outcome of. */
export interface Asked extends Pick<
	Message,
	'toNode' | 'method' | 'methodArgs' | 'data' | 'ttl' | 'methodTimeout' | 'key' | 'note'
> {
	/**
	 * Names the question within the run, and makes asking idempotent: a second ask of this id, also
	 * after a crash, waits for the outcome of the first.
	 */
	readonly id?: string;
}

/** How a message that was asked ended. */
export interface Answered {
	readonly result: Result;
	/** The output as text; what is beyond `outputKeptBytesMax` is cut off. */
	readonly output: string;
	/** Whether that may have happened. */
	readonly isCut: boolean;
}

/** What a running method may use of the node that it runs on. */
export interface MethodContext {
	/** The name of this node. */
	readonly node: string;
	/** The identity of its store; what it starts can be marked with it, and found after a crash. */
	readonly storeId: string;
	readonly clock: Clock;
	/** Raised when the run must end: its time is over, it was cancelled, or the node stops. */
	readonly signal: AbortSignal;
	/** Milliseconds that the run may take in all. */
	readonly timeoutMs: number;
	/** On whose behalf the run is, beside this node: see `runtime/message/principal.ts`. */
	readonly askedBy: readonly Principal[];
	/** The folder of the startup messages; for the methods that manage them. */
	readonly startupFolder: string;
	/** The folder in which the node notes appends; for the methods that append. */
	readonly notesFolder: string;
	/** How often the method was started for this message, this time included. */
	readonly attempt: number;
	/** The most bytes of output that a reply may carry. */
	readonly outputBytesMax: number;
	/** The limits that the method keeps to. */
	readonly limits: MethodLimits;
	/** What the last run for this message has noted; undefined at the first. */
	readonly progress?: unknown;
	/**
	 * Notes how far the run has come, to go on from there if the node dies; any plain value. It also
	 * says that the run is not what kills the node: starts before it are not counted against the
	 * message.
	 */
	note(progress: unknown): Promise<void>;
	/**
	 * Sends an interim reply; the last reply is what `run` returns. `progress` is noted in the same
	 * transaction, so that what has been sent is never sent again. Resolves when it is on disk.
	 */
	reply(data: string | Uint8Array, progress?: unknown): Promise<void>;
	/** Whether the outbox takes more: a method that sends many replies waits while it does not. */
	hasCapacity(): boolean;
	/**
	 * Sends a message and waits for its outcome, whatever that is.
	 *
	 * @throws ReeveError the reason of the signal, if that is raised first
	 */
	ask(message: Asked, signal?: AbortSignal): Promise<Answered>;
	/** The processes of the node; for the methods that operate on them. */
	readonly processes?: Processes | undefined;
	/** The keys and access rules of the node; for the methods that central hands them out with. */
	readonly authorization?: Authorization | undefined;
	/** What the node has received; for the methods that audits and cancellations are made of. */
	readonly received?: Pick<Received, 'find' | 'isCut' | 'cancel'> | undefined;
	/** Tells the operators of the node of a trouble that does not end the run. */
	warn?(why: ReeveError): void;
	/**
	 * Prints on the console of the node, and resolves when its reader or its disk has taken the text.
	 * A node in another program has no console: there it is a signal, and nothing else.
	 *
	 * @throws ReeveError `file_failed`, or the reason of the signal if that is raised first
	 */
	print(text: string): Promise<void>;
	/**
	 * The absolute path of a file in the data folder, its folders created.
	 *
	 * @throws ReeveError `path_outside` if the parts lead out of the data folder
	 */
	dataFile(...parts: string[]): Promise<string>;
}

/** A method: what a message asks for by name. */
export interface MethodDefinition {
	/** The name on the wire, as steward has it. */
	readonly name: string;
	/** A short name for people, and any further spelling that must be understood. */
	readonly aliases: readonly string[];
	/** One line, sentence case, no full stop. */
	readonly summary: string;
	/** The kind of its messages unless they say otherwise. */
	readonly kind: Kind;
	/** `sequential` methods run one message at a time, in the order of acceptance. */
	readonly ordering: 'concurrent' | 'sequential';
	/** Unless the message says otherwise: run again after a death in mid-run, or report it. */
	readonly onCrash: OnCrash;
	/**
	 * Whether the output is worth a reply message; else the sender only learns the outcome.
	 * `interim`: the output is in the interim replies, and the last one only tells the outcome,
	 * behind them.
	 */
	readonly replies: boolean | 'interim';
	/** Its `methodTimeout` is a normal end for it. */
	readonly untilTimeout?: true | undefined;
	/**
	 * It notes its progress, and goes on from there after a restart of the node. Recovery does not
	 * wait for the end of such a run: at a start the others follow when it has run for a second.
	 */
	readonly durable?: true | undefined;
	/** It frees space: its messages are taken out of the reserve while the disk is full. */
	readonly freesSpace?: true | undefined;
	/**
	 * Seconds that a run may take if the message does not say; without it, `defaultMethodTimeout`.
	 */
	readonly timeoutOf?: ((message: Message) => number | undefined) | undefined;
	/** The schedule of a message that brings none in its field. */
	readonly scheduleOf?: ((message: Message) => Schedule | undefined) | undefined;
	/**
	 * `worker`: each run has a thread of its own, which ends with it. So an endless loop in it stops
	 * nothing else, and can be stopped. Without it, methods share the node's thread.
	 */
	readonly isolate?: 'worker' | undefined;
	/** The file that declares it, for such a thread to load; the registry fills it in. */
	readonly file?: string | undefined;
	/**
	 * What a run with these arguments sends, for a method that sends on what it is told to: who may
	 * not call that where it arrives is refused at once, if that is here.
	 */
	readonly sendsOn?:
		| ((methodArgs: readonly string[]) => (Called & Pick<Message, 'toNode'>) | undefined)
		| undefined;
	/** What `methodArgs` must look like. */
	readonly args: z.ZodType<readonly string[]>;
	/** A message that works anywhere; the conformance suite sends it. */
	readonly example: Pick<Message, 'operation'> & {
		readonly methodArgs?: readonly string[];
		readonly data?: string;
	};
	/**
	 * Does the work. A thrown {@link ReeveError} is the outcome `failed` with its code; anything else
	 * that is thrown is a crash of the method.
	 */
	run(message: Message, context: MethodContext): Promise<Output | void>;
}

/** Checks and freezes the declaration of a method. */
export function defineMethod(definition: MethodDefinition): MethodDefinition {
	for (const name of [definition.name, ...definition.aliases]) {
		if (!isName(name)) throw new ReeveError('bad_name', `method ${JSON.stringify(name)}`);
	}
	return Object.freeze(definition);
}
