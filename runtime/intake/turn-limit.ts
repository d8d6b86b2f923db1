/**
 * A limit to what one turn of the event loop begins: what comes in by the thousand, such as a long
 * JSON array, is begun in parts, so that timers and other clients get their turn in between.
 *
 * @module
 */

/** The limit that {@link createTurnLimit} makes. */
export interface TurnLimit {
	/** Resolves in the turn in which the caller may begin; undefined if that is this one. */
	wait(): Promise<void> | undefined;
}

/** Lets `countMax` callers begin in each turn, in the order in which they came. */
export function createTurnLimit(countMax: number): TurnLimit {
	const waiting: (() => void)[] = [];
	let begun = 0;
	const next = (): void => {
		const some = waiting.splice(0, countMax);
		begun = some.length;
		if (begun > 0) setImmediate(next);
		for (const begin of some) begin();
	};
	return {
		wait() {
			if (begun === 0) setImmediate(next);
			if (begun >= countMax) return new Promise((resolve) => waiting.push(resolve));
			begun += 1;
			return undefined;
		},
	};
}
