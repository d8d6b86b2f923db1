/**
 * Commit idle: runs work while the disk writes. LMDB commits a transaction in a thread of its own;
 * reading or computing that can wait for a moment is done meanwhile, so that it does not delay the
 * next transaction.
 *
 * @module
 */

/** What {@link createCommitIdle} makes. */
export interface CommitIdle {
	/**
	 * Calls `run` while the transaction that is due is being committed; soon, if none is due or it is
	 * being committed already.
	 */
	use(run: () => void): void;
	/** A transaction was requested. */
	asks(): void;
	/** The transaction has all its changes. */
	begins(): void;
	/** The transaction has ended. */
	ends(): void;
}

/** Creates it. `isDue` tells whether a transaction will be requested in any case. */
export function createCommitIdle(isDue: () => boolean): CommitIdle {
	let waiting: (() => void)[] = [];
	let state: 'idle' | 'asked' | 'writing' = 'idle';
	const runAll = (): void => {
		const due = waiting;
		waiting = [];
		for (const run of due) run();
	};
	/** After LMDB had its turn to begin the commit. */
	const later = (): void => {
		if (waiting.length > 0) setImmediate(runAll);
	};
	return {
		use(run) {
			waiting.push(run);
			const isLater = state === 'asked' || (state === 'idle' && isDue());
			if (waiting.length === 1 && !isLater) queueMicrotask(runAll);
		},
		asks() {
			state = 'asked';
		},
		begins() {
			state = 'writing';
			later();
		},
		ends() {
			state = 'idle';
			// Work is left over only if the transaction failed.
			later();
		},
	};
}
