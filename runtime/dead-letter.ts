/**
 * Dead letters: messages that were started too often without an end. They stay until somebody sends them
 * again or forgets them.
 *
 * @module
 */
import type { Outcome } from './envelope.ts';

/** A row of the table `dead`: all that is needed to look into it, or to send it again. */
export interface DeadLetter {
	readonly id: string;
	readonly fromNode: string;
	readonly method: string;
	/** The message as it was accepted. */
	readonly body: Uint8Array;
	/** Where it stood with its sender, if a wire brought it. */
	readonly lane?: string;
	readonly seq?: number;
	readonly outcome: Outcome;
	readonly code?: string;
	readonly detail?: string;
	/** How often it was started. */
	readonly attempts: number;
	/** Wall-clock milliseconds of this node. */
	readonly at: number;
}
