/**
 * The rows with which a node answers what people do to messages, and what they ask about single
 * ones.
 *
 * @module
 */
import type { ErrorCode } from '../platform/errors.ts';
import type { HistoryEvent } from '../ledger/message-history.ts';
import type { MessageRow } from '../ledger/message-state.ts';

/**
 * The answer of `retry`, `cancel` and `drop` for one message: what was done, or why nothing was.
 */
export type OperationRow =
	| {
			readonly id: string;
			/** `queued`, `cancelled`, `cancelling` (its receiver has the last word) or `dropped`. */
			readonly state: string;
			/** The new message, of a retry. */
			readonly newId?: string;
	  }
	| { readonly id: string; readonly error: ErrorCode; readonly detail: string; hint: string };

/** What a node knows of a message that it has received. */
export interface ReceivedRow {
	readonly id: string;
	readonly from: string;
	readonly method: string;
	/** `waiting`, `running`, `dead`, or one of the outcomes. */
	readonly state: string;
	readonly attempts: number;
	/** On whose behalf it is, for people; absent if its sender is behind it alone. */
	readonly askedBy?: string;
}

/**
 * The answer to `message`: its timeline, told by one of its ends, or by both if they are the same
 * node.
 */
export interface MessageTimeline {
	readonly id: string;
	readonly sent?: MessageRow;
	readonly received?: ReceivedRow;
	/** On whose behalf it was sent, for people; absent if this node is behind it alone. */
	readonly askedBy?: string;
	readonly replyTopic?: string;
	readonly lane?: string;
	readonly seq?: number | undefined;
	/** What this node has lost of it: rows of its store that were found damaged. */
	readonly damage?: readonly string[];
	/** What happened, by this node's clock, oldest first. */
	readonly events: readonly HistoryEvent[];
}

/** A row of `audit`: the messages from this node to another, counted by what is found. */
export interface AuditRow {
	readonly from: string;
	readonly to: string;
	readonly checked: number;
	readonly agrees: number;
	readonly underWay: number;
	readonly lost: number;
	readonly doubled: number;
	readonly differs: number;
	/**
	 * Nothing is known of these: too old for the receipts of the receiver, or in a former store.
	 */
	readonly notKept: number;
	/** Those of `notKept` that were accepted by a store that the receiver has no more. */
	readonly inFormerStore: number;
	/** Some of those that are lost, doubled or different. */
	readonly faults: readonly { readonly id: string; readonly finding: string }[];
	/** Set if the receiver did not answer: how many it was not asked about, and why. */
	readonly unasked?: number;
	readonly error?: ErrorCode;
	readonly detail?: string;
}
