/**
 * Spare time: what this thread can do while the disk writes. LMDB commits a transaction in a thread
 * of its own, and whoever has reading or computing to do that can wait for a moment does it then,
 * instead of before, when the disk would stand still for it.
 *
 * @module
 */

/** The spare time that {@link createCommitIdle} makes. */
export interface CommitIdle {
	/**
	 * Calls `run` when the transaction that is due is being committed; soon, if none is due, or it is
	 * being committed already.
	 */
	use(run: () => void): void;
	/** A transaction has been asked for. */
	asks(): void;
	/** It has been given all that it is to write. */
	begins(): void;
	/** It has come to its end. */
	ends(): void;
}

/** Creates it. `isDue` says whether a transaction will be asked for in any case. */
export function createCommitIdle(isDue: () => boolean): CommitIdle {
	let waiting: (() => void)[] = [];
	let state: 'idle' | 'asked' | 'writing' = 'idle';
	const runAll = (): void => {
		const due = waiting;
		waiting = [];
		for (const run of due) run();
	};
	/** Not before LMDB has been let go on. */
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
			// Only if it has failed is anybody left.
			later();
		},
	};
}
