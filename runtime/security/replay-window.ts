/**
 * A replay window: which numbers of one sender have been seen. Each number is admitted once;
 * numbers may overtake one another a little, as publications do, but whatever is far behind is
 * taken for a repetition.
 *
 * The numbers are those of the sender alone. They are never compared with a clock of ours.
 *
 * @module
 */

/** What has been seen. */
export interface ReplayWindow {
	/** The start of the sender that the numbers belong to; they begin anew with each. */
	readonly epoch: number;
	/** The highest number. */
	readonly high: number;
	/** One bit for each of the numbers up to the highest, which is the lowest bit. */
	readonly seen: number;
}

/** How far a number may be behind the highest. */
const width = 31;

/** The window with this number in it; undefined if the number was there, or may have been. */
export function admitted(
	window: ReplayWindow | undefined,
	{ epoch, count }: { readonly epoch: number; readonly count: number },
): ReplayWindow | undefined {
	if (!window || epoch > window.epoch) return { epoch, high: count, seen: 1 };
	if (epoch < window.epoch) return undefined;
	const ahead = count - window.high;
	if (ahead > 0) {
		const seen = ahead >= width ? 1 : ((window.seen << ahead) | 1) & 0x7fffffff;
		return { epoch, high: count, seen };
	}
	const bit = -ahead < width ? 1 << -ahead : 0;
	if (bit === 0 || (window.seen & bit) !== 0) return undefined;
	return { ...window, seen: window.seen | bit };
}
