/**
 * Spare time: what this thread can do while the disk writes. LMDB commits a transaction in a thread
 * of its own, and whoever has reading or computing to do that can wait for a moment does it then,
 * instead of before, when the disk would stand still for it.
 *
 * @module
 */

/** The spare time that {@link createSpareTime} makes. */
export interface SpareTime {
	/**
	 * Calls `run` when the transaction that is due is being committed; soon, if none is due, or it is
	 * being committed already.
	 */
	use(run: () => void): void;
	/** All that a transaction is to write has been given to it, or it has failed. */
	begins(): void;
	/** The transaction has come to its end. */
	ends(): void;
}

/** Creates it. `isDue` says whether there is something to be written. */
export function createSpareTime(isDue: () => boolean): SpareTime {
	let waiting: (() => void)[] = [];
	let isNow = false;
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
			if (waiting.length === 1 && (isNow || !isDue())) queueMicrotask(runAll);
		},
		begins() {
			isNow = true;
			later();
		},
		ends() {
			isNow = false;
			// Only if it has failed is anybody left.
			later();
		},
	};
}
