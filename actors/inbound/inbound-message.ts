/**
 * The statechart of one inbound message at its receiver, from its mailbox row to its outcome.
 *
 * ```text
 *                  START                  ENDED
 *   (accepted) -----------> (running) ------------> ((settled))  done, failed, cancelled
 *     |  ^  ^    DEFERRED     |    |
 *     |  |  +-----------------+    | CRASHED
 *     |  |                         |
 *     |  +-- retry, starts left ---+
 *     |                            +-- report ---> ((settled))  interrupted
 *     |                            +-- retry, no starts left ---> ((dead))  failed: max_attempts
 *     |
 *     +-- EXPIRED -----> ((settled))  expired; interrupted if a start of it crashed before
 *     +-- CANCELLED ---> ((settled))  cancelled
 * ```
 *
 * A row that is marked as started when the node comes up belongs to a run that died with the node:
 * an actor that is made from such a row begins in `running`, and is sent CRASHED.
 *
 * @module
 */
import type { OnCrash, Outcome } from '../../runtime/message/message.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import type { Chart, Silence } from '../statecharts/chart.ts';
import { compileChart } from '../statecharts/compile.ts';

/** What the chart keeps of a message; the payload stays in the mailbox. */
export interface MessageContext {
	readonly id: string;
	readonly method: string;
	readonly onCrash: OnCrash;
	/** How often it was started, deferred starts included. It never falls. */
	readonly attempts: number;
	/** How many of these starts were deferred: they ended without having failed. */
	readonly deferrals: number;
	/** Starts that may crash before the message is dead; used with `onCrash: retry` only. */
	readonly attemptsMax: number;
	/** How it ended. The code says why, unless it is `done`. */
	readonly outcome?: Outcome;
	readonly code?: ErrorCode;
}

/** A message as its mailbox row has it: by default a new one. */
export interface MessageActorInput {
	readonly id: string;
	readonly method: string;
	readonly onCrash: OnCrash;
	readonly attemptsMax: number;
	readonly attempts?: number;
	readonly deferrals?: number;
	/** Whether the row says that a run was under way. */
	readonly started?: boolean;
}

/** What can happen to a message. */
export type MessageEvent =
	/** A run begins. The raised counter must be on disk before the handler is called. */
	| { readonly type: 'START' }
	/** The handler has ended. */
	| {
			readonly type: 'ENDED';
			readonly outcome: 'done' | 'failed' | 'cancelled';
			readonly code?: ErrorCode;
	  }
	/** The handler's actor died, `method_crashed`, or the node did, which is the default. */
	| { readonly type: 'CRASHED'; readonly code?: ErrorCode }
	/** The handler does not want the message now. */
	| { readonly type: 'DEFERRED' }
	/** Its time to live is over. A running message ignores it. */
	| { readonly type: 'EXPIRED' }
	/** It was taken back. A running message ignores this: its call is cancelled, and sends ENDED. */
	| { readonly type: 'CANCELLED' };

/** What the receipt and the reply say of the end. */
export interface MessageOutput {
	readonly outcome: Outcome;
	readonly code?: ErrorCode;
	readonly attempts: number;
}

/** The types of {@link messageChart}. */
export interface MessageTypes {
	readonly state: 'accepted' | 'running' | 'settled' | 'dead';
	readonly context: MessageContext;
	readonly input: MessageActorInput;
	readonly event: MessageEvent;
	readonly output: MessageOutput;
	readonly emitted: Silence;
}

/** Starts that neither ended nor were deferred; a running message counts its present start. */
function crashes({ attempts, deferrals }: MessageContext): number {
	return attempts - deferrals;
}

function outputOf({ outcome = 'failed', code, attempts }: MessageContext): MessageOutput {
	return code === undefined ? { outcome, attempts } : { outcome, code, attempts };
}

/** The chart; see the top of this file. */
export const messageChart: Chart<MessageTypes> = {
	id: 'message',
	initial: ({ started }) => (started ? 'running' : 'accepted'),
	context: ({ id, method, onCrash, attemptsMax, attempts = 0, deferrals = 0 }) => ({
		id,
		method,
		onCrash,
		attempts,
		deferrals,
		attemptsMax,
	}),
	states: {
		accepted: {
			on: {
				START: {
					target: 'running',
					assign: ({ attempts }) => ({ attempts: attempts + 1 }),
				},
				EXPIRED: [
					{
						guard: (context) => crashes(context) === 0,
						target: 'settled',
						assign: () => ({ outcome: 'expired', code: 'expired' }),
					},
					// It may have run in part, and `expired` promises the sender that it never ran.
					{
						target: 'settled',
						assign: () => ({ outcome: 'interrupted', code: 'interrupted' }),
					},
				],
				CANCELLED: {
					target: 'settled',
					assign: () => ({ outcome: 'cancelled', code: 'cancelled' }),
				},
			},
		},
		running: {
			on: {
				ENDED: {
					target: 'settled',
					// A message that is done has no code, whatever the event says.
					assign: (_context, { outcome, code }) =>
						outcome !== 'done' && code ? { outcome, code } : { outcome },
				},
				CRASHED: [
					{
						guard: ({ onCrash }) => onCrash === 'report',
						target: 'settled',
						assign: (_context, { code = 'interrupted' }) => ({ outcome: 'interrupted', code }),
					},
					{
						guard: (context) => crashes(context) < context.attemptsMax,
						target: 'accepted',
					},
					{
						target: 'dead',
						assign: () => ({ outcome: 'failed', code: 'max_attempts' }),
					},
				],
				DEFERRED: {
					target: 'accepted',
					assign: ({ deferrals }) => ({ deferrals: deferrals + 1 }),
				},
			},
		},
		settled: { final: true, output: outputOf },
		dead: { final: true, output: outputOf },
	},
};

/**
 * The compiled chart: `createActor(messageLogic, { input })`, or `messageLogic.begin(input)` and
 * `messageLogic.step(snapshot, event)` without an actor.
 */
export const messageLogic = compileChart(messageChart);
