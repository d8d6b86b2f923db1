/**
 * The comparison of an audit: a sender's ledger against what the receivers say.
 *
 * @module
 */
import { z } from 'zod';
import { outcomes } from '../message/message.ts';
import { ReeveError } from '../platform/errors.ts';
import type { ReceivedState } from '../ledger/received-messages.ts';
import type { Lane } from '../delivery/outbox.ts';
import type { Entry } from '../ledger/ledger-entry.ts';

/**
 * What is found of one message. `agrees`: both ends say the same. `underWay`: it has no outcome
 * yet, and is where it should be. `lost`: the sender was told that it was accepted, and its
 * receiver does not know it. `doubled`: it was settled more than once. `differs`: the ends
 * contradict one another. `notKept`: the receiver has forgotten receipts, and this one may be among
 * them, or a store that the receiver has no more had accepted it; nothing is concluded from that.
 */
export const findings = ['agrees', 'underWay', 'lost', 'doubled', 'differs', 'notKept'] as const;

/** One of {@link findings}. */
export type Finding = (typeof findings)[number];

/** The receiver's side: see the method `REQAudit`. */
export interface Testimony {
	/** The store that answers; a receiver of an older version does not say. */
	readonly storeId?: string | undefined;
	readonly isCut: boolean;
	/** In the order of the ids that were asked for. */
	readonly states: readonly ReceivedState[];
}

const testimony = z.object({
	storeId: z.string().optional(),
	isCut: z.boolean(),
	rows: z.array(
		z.tuple(
			[z.enum([...outcomes, 'waiting', 'unknown']), z.int().min(0), z.int().min(0)],
			z.string(),
		),
	),
});

/**
 * Reads what a receiver has answered about `count` messages.
 *
 * @throws ReeveError `bad_message` if it is no such answer
 */
export function readTestimony(output: string, count: number): Testimony {
	let value: unknown;
	try {
		value = JSON.parse(output);
	} catch (cause) {
		throw new ReeveError('bad_message', 'the answer to the audit was cut', { cause });
	}
	const parsed = testimony.safeParse(value);
	if (!parsed.success || parsed.data.rows.length !== count) {
		throw new ReeveError('bad_message', 'that is no answer to an audit');
	}
	const { storeId, isCut, rows } = parsed.data;
	const states = rows.map(([state, copies, attempts, ...more]) => {
		const parked = more.includes('parked') ? { isParked: true as const } : {};
		return { state, copies, attempts, ...parked };
	});
	return { storeId, isCut, states };
}

/**
 * Holds both ends against one another. `hasLeft`: whether its lane has heard that it was accepted.
 * `isCut`: whether the receiver may have forgotten it.
 */
export function compare(
	entry: Pick<Entry, 'settledAt' | 'result'>,
	hasLeft: boolean,
	given: { readonly received: ReceivedState; readonly isCut: boolean },
): Finding {
	const { received, isCut } = given;
	if (received.copies > 1) return 'doubled';
	const isUnknown = received.state === 'unknown';
	if (entry.settledAt === undefined) {
		return isUnknown && hasLeft ? missing(isCut) : 'underWay';
	}
	const { outcome, durationMs } = entry.result ?? {};
	// A receiver always says how long it took; without that the sender has decided by itself.
	if (durationMs === undefined) {
		const isRunNowhere = isUnknown || received.state === outcome;
		return isRunNowhere || outcome === 'interrupted' ? 'agrees' : 'differs';
	}
	if (isUnknown) return missing(isCut);
	return received.state === outcome ? 'agrees' : 'differs';
}

/**
 * Whether the message that had the number `seq` in its lane may have been accepted by another store
 * than `storeId`, which the receiver has now: its disk was wiped, or an older copy was restored.
 */
export function isOfFormerStore(about: {
	readonly lane: Pick<Lane, 'boundTo' | 'formerUpTo'> | undefined;
	readonly seq: number | undefined;
	readonly storeId: string | undefined;
}): boolean {
	const { lane, seq, storeId } = about;
	if (lane?.boundTo === undefined || seq === undefined || storeId === undefined) return false;
	return storeId !== lane.boundTo || seq <= lane.formerUpTo;
}

function missing(isCut: boolean): Finding {
	return isCut ? 'notKept' : 'lost';
}
