/**
 * The replay plan: what becomes of messages that a crash caught in mid-run. Pure; whoever carries
 * it out settles or starts them.
 *
 * @module
 */
import type { OnCrash } from '../message/message.ts';

/** What is known of a message that was started and not settled. */
export interface Unfinished {
	readonly onCrash: OnCrash;
	/** How often it was started. */
	readonly attempts: number;
	readonly attemptsMax: number;
	/**
	 * Set if others ran beside it when the process died: any of them may have killed it. It gets one
	 * more start, alone, which settles the question.
	 */
	readonly inDoubt?: boolean;
}

/**
 * `redeliver`: run it again. `report`: tell its sender that it was interrupted. `drop`: it was
 * started too often; it goes to the dead letters and its sender is told. (What was never started
 * needs no plan: it simply resumes.)
 */
export type ReplayDecision = 'redeliver' | 'report' | 'drop';

/** Decides about one message. */
export function planReplay(unfinished: Unfinished): ReplayDecision {
	const { onCrash, attempts, attemptsMax, inDoubt = false } = unfinished;
	if (onCrash === 'report') return 'report';
	return attempts < attemptsMax || inDoubt ? 'redeliver' : 'drop';
}
