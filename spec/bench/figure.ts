/**
 * Figures: what every benchmark answers with, so that one table can show them all.
 *
 * @module
 */

/** One measured thing: reeve's and the baseline's medians, taken in turn in one run. */
export interface Figure {
	readonly name: string;
	readonly unit: string;
	readonly reeve: number;
	readonly baseline: number;
	/** The median of the rounds' ratios, reeve to the baseline or as the benchmark says. */
	readonly ratio: number;
	/** The lowest and the highest ratio of a round. */
	readonly spread: readonly [number, number];
	readonly goal: number;
	readonly met: boolean;
}

/** What one round measured. */
export interface Round {
	readonly baseline: number;
	readonly reeve: number;
}

type Measured = Pick<Figure, 'baseline' | 'reeve' | 'ratio' | 'spread'>;

/** The middle value. */
export function median(values: readonly number[]): number {
	const sorted = values.toSorted((one, other) => one - other);
	return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** The value below which the share `at` of all values lies. */
export function quantile(values: readonly number[], at: number): number {
	const sorted = values.toSorted((one, other) => one - other);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? 0;
}

/** Two decimals are more than any of these measurements deserves. */
export const rounded = (value: number): number => Math.round(value * 100) / 100;

/**
 * Measures `rounds` times, after two rounds for the just-in-time compiler; ratio is reeve to
 * baseline.
 */
export async function inRounds(rounds: number, round: () => Promise<Round>): Promise<Measured> {
	const pairs: Round[] = [];
	for (let count = 0; count < rounds + 2; count += 1) pairs.push(await round());
	const counted = pairs.slice(2);
	const ratios = counted.map(({ reeve, baseline }) => reeve / baseline);
	return {
		reeve: rounded(median(counted.map(({ reeve }) => reeve))),
		baseline: rounded(median(counted.map(({ baseline }) => baseline))),
		ratio: rounded(median(ratios)),
		spread: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
	};
}

/** A figure whose ratio must not pass the goal. */
export function atMost(goal: number, measured: Omit<Figure, 'goal' | 'met'>): Figure {
	return { ...measured, goal, met: measured.ratio <= goal };
}

/** A figure whose ratio must reach the goal. */
export function atLeast(goal: number, measured: Omit<Figure, 'goal' | 'met'>): Figure {
	return { ...measured, goal, met: measured.ratio >= goal };
}
