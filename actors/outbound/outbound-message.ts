/**
 * The statechart of one outbound message at its sender, while it is in the window of its lane.
 *
 * ```text
 *               PUBLISHED             ACKED
 *   (queued) ---------------> (sent) -------> ((accepted))
 *      ^  |       RETRY        |  |  REFUSED
 *      |  |<-------------------+  +---------> ((refused))
 *      |  |                    |  |  SKIPPED
 *      |  |                    |  +---------> ((expired))   an earlier process gave it up
 *      |  |                    |
 *      |  | GIVE_UP            | GIVE_UP
 *      |  +-- once published --+--> (skipping) -- SKIPPED --> ((expired))   it never ran
 *      |  |                             +-------- ACKED ----> ((accepted))  it was accepted
 *      |  |                             +-------- REFUSED --> ((refused))
 *      |  +-- never published ---> ((expired))   it never ran
 * ```
 *
 * A late answer also reaches a message that waits for its resend: once published, `queued` takes
 * ACKED, REFUSED and SKIPPED as `sent` does. A message that was published may have been accepted,
 * so giving it up does not end it: a `skip` takes its place in the lane until the receiver has
 * answered. One that was never published ends at once, but the lane must still account for its
 * number.
 *
 * The chart knows neither timers, windows, credit nor order. They belong to the lane, which decides
 * when to publish, to retry and to give up, and checks an answer before it passes it on.
 *
 * @module
 */
import type { Chart, Silence } from '../statecharts/chart.ts';
import { compileChart } from '../statecharts/compile.ts';

/** What the chart keeps of a message; the payload stays in the outbox. */
export interface DeliveryContext {
	readonly id: string;
	/** Its number in its lane. */
	readonly seq: number;
	/** How often it, or the skip in its place, was published. It never falls. */
	readonly attempts: number;
	/** Publications before the lane gives up; 0: no limit but the message's time to live. */
	readonly attemptsMax: number;
	/** Whether the receiver may have seen it. */
	readonly published: boolean;
	/** Whether it was given up after that, and is being skipped. */
	readonly gaveUp: boolean;
	/** Why it was refused or expired: a row of the error table, or a code of the receiver's own. */
	readonly code?: string;
}

/** A message as its outbox row has it: by default a new one. */
export interface DeliveryInput {
	readonly id: string;
	readonly seq: number;
	readonly attemptsMax: number;
	readonly attempts?: number;
	/**
	 * By default whether there were attempts. It must be `true` for a row that may have left the
	 * process before its counter was on disk: else `expired` could promise too much.
	 */
	readonly published?: boolean;
	/** Whether the row is a `skip` by now. */
	readonly gaveUp?: boolean;
}

/** What can happen to a message under way. */
export type DeliveryEvent =
	/** The lane is about to hand it to the wire. That is on disk first, to survive a crash. */
	| { readonly type: 'PUBLISHED' }
	/** The receiver has it in its mailbox, on disk. */
	| { readonly type: 'ACKED' }
	/** It was refused for good: by the receiver, or by the broker at its only publication. */
	| { readonly type: 'REFUSED'; readonly code: string }
	/** It must be published again: a timer, a gap that the receiver reports, a reconnect. */
	| { readonly type: 'RETRY' }
	/** Its time to live or its attempts are over, or it was taken back. */
	| { readonly type: 'GIVE_UP' }
	/** The receiver has noted that it will never take it. */
	| { readonly type: 'SKIPPED' };

/** What the ledger is told at the end. */
export interface DeliveryOutput {
	readonly verdict: 'accepted' | 'refused' | 'expired';
	readonly attempts: number;
	readonly code?: string;
	/** Set if it is certain that it has not run and will not run. */
	readonly neverRan?: true;
	/** Set if it was given up, but the receiver had accepted it: its outcome follows. */
	readonly wasAccepted?: true;
}

/** The types of {@link deliveryChart}. */
export interface DeliveryTypes {
	readonly state: 'queued' | 'sent' | 'skipping' | 'accepted' | 'refused' | 'expired';
	readonly context: DeliveryContext;
	readonly input: DeliveryInput;
	readonly event: DeliveryEvent;
	readonly output: DeliveryOutput;
	readonly emitted: Silence;
}

/** Whether the attempts are used up, so that the lane should send GIVE_UP instead of publishing. */
export function spent({ attempts, attemptsMax }: DeliveryContext): boolean {
	return attemptsMax > 0 && attempts >= attemptsMax;
}

const wasPublished = ({ published }: DeliveryContext) => published;
const countAttempt = ({ attempts }: DeliveryContext) => ({
	attempts: attempts + 1,
	published: true,
});
const refused = {
	target: 'refused',
	assign: (_context: DeliveryContext, { code }: { readonly code: string }) => ({ code }),
} as const;
const expired = { target: 'expired', assign: () => ({ code: 'expired' }) } as const;
const skipping = { target: 'skipping', assign: () => ({ gaveUp: true }) } as const;

/** The chart; see the top of this file. */
export const deliveryChart: Chart<DeliveryTypes> = {
	id: 'delivery',
	initial: ({ gaveUp }) => (gaveUp ? 'skipping' : 'queued'),
	context: ({ id, seq, attemptsMax, attempts = 0, published = attempts > 0, gaveUp = false }) => ({
		id,
		seq,
		attempts,
		attemptsMax,
		published,
		gaveUp,
	}),
	states: {
		queued: {
			on: {
				PUBLISHED: { target: 'sent', assign: countAttempt },
				ACKED: { guard: wasPublished, target: 'accepted' },
				REFUSED: { ...refused, guard: wasPublished },
				SKIPPED: { ...expired, guard: wasPublished },
				GIVE_UP: [{ ...skipping, guard: wasPublished }, expired],
			},
		},
		sent: {
			on: {
				ACKED: { target: 'accepted' },
				REFUSED: refused,
				SKIPPED: expired,
				RETRY: { target: 'queued' },
				GIVE_UP: skipping,
			},
		},
		skipping: {
			on: {
				PUBLISHED: { assign: countAttempt },
				RETRY: {},
				ACKED: { target: 'accepted' },
				REFUSED: refused,
				SKIPPED: expired,
			},
		},
		accepted: {
			final: true,
			output: ({ attempts, gaveUp }) =>
				gaveUp
					? { verdict: 'accepted', attempts, wasAccepted: true }
					: { verdict: 'accepted', attempts },
		},
		refused: {
			final: true,
			output: ({ attempts, code }) => ({ verdict: 'refused', attempts, code, neverRan: true }),
		},
		expired: {
			final: true,
			output: ({ attempts, code }) => ({ verdict: 'expired', attempts, code, neverRan: true }),
		},
	},
};

/**
 * The compiled chart: `createActor(deliveryLogic, { input })`, or `deliveryLogic.begin(input)` and
 * `deliveryLogic.step(snapshot, event)` without an actor.
 */
export const deliveryLogic = compileChart(deliveryChart);
