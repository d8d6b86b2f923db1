/**
 * Crash recovery: what follows for messages that were running when the last process died. Any may
 * have killed it. So after a start they are decided, or run again, one at a time over all methods,
 * and nothing else runs before the last has ended: if the process dies again, the one that ran is
 * the cause, and no other message is charged with the crash.
 *
 * @module
 */
import type { Mailbox } from './mailbox.ts';
import type { OnCrash } from '../message/message.ts';
import { deferred } from '../platform/deferred.ts';

/** The crash recovery that {@link createCrashRecovery} makes. */
export interface CrashRecovery {
	/**
	 * Whether more than one was running, so that the cause of the last crash is open. Only a message
	 * that was already running alone is beyond doubt.
	 */
	readonly isCrowd: boolean;
	/** Runs `work` when no other is under way; at once when all such messages are decided. */
	alone<Value>(work: () => Promise<Value>): Promise<Value>;
	/** Tells that a method has none left. */
	cleared(method: string): void;
	/** Resolves when no method has one left: from then on everything runs. */
	readonly over: Promise<void>;
}

/** Counts the messages that were running, by mailbox. None runs before `mayRun` resolves. */
export function createCrashRecovery(parts: {
	mailboxes: Iterable<Pick<Mailbox, 'method' | 'started'>>;
	/** Whether the last process died. If it was stopped, what it left has not killed it. */
	wasUnclean: boolean;
	mayRun?: Promise<void>;
}): CrashRecovery {
	const { mailboxes, wasUnclean, mayRun = Promise.resolve() } = parts;
	const left = new Set<string>();
	let count = 0;
	for (const box of mailboxes) {
		const found = box.started().length;
		count += found;
		if (found > 0) left.add(box.method);
	}
	const decided = deferred();
	if (left.size === 0) decided.resolve();
	let line: Promise<unknown> = mayRun;

	return {
		isCrowd: count > 1 || !wasUnclean,
		alone(work) {
			if (left.size === 0) return mayRun.then(work);
			const run = line.then(work);
			// One that is given up, because its subscriber died or the node stops, ends its turn too.
			line = run.catch(() => undefined);
			return run;
		},
		cleared(method) {
			left.delete(method);
			if (left.size === 0) decided.resolve();
		},
		over: Promise.all([mayRun, decided.promise]).then(() => undefined),
	};
}

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
