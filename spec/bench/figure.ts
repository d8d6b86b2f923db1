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
	/** The lowest and the highest of the rounds, of what the goal is about. */
	readonly spread: readonly [number, number];
	readonly goal: number;
	readonly met: boolean;
	/**
	 * What the goal is about: the ratio (if nothing else is said), what reeve takes on top of the
	 * baseline, or reeve's own figure, to which the baseline is only a comparison.
	 */
	readonly compared?: 'ratio' | 'difference' | 'reeve';
	/** The median of the rounds' differences, reeve less the baseline, where the goal is about it. */
	readonly difference?: number;
	/** Whether the goal is a floor or a ceiling. */
	readonly bound?: 'atLeast' | 'atMost';
}

/** How long a benchmark may take: the short form is for a run of all within five minutes. */
export interface Scale {
	readonly short: boolean;
	/** How long the short form goes on beginning rounds: less on a machine that is busy. */
	readonly budgetMs?: number;
}

/** What a benchmark does unless it is told to be brief. */
export const full: Scale = { short: false };

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

/** How often is measured, and when it is time to stop. */
export interface Plan {
	readonly rounds: number;
	/** Rounds before them that do not count: for the just-in-time compiler, or for cold files. */
	readonly warmUps: number;
	/** After so long no further round begins, but there is always one that counts. */
	readonly budgetMs?: number;
}

/** How long the short form goes on beginning rounds, unless there is less time. */
const shortBudgetMs = 12_000;

/** Measures as planned. */
export async function takeRounds(
	{ rounds, warmUps, budgetMs = Infinity }: Plan,
	round: () => Promise<Round>,
): Promise<readonly Round[]> {
	const from = performance.now();
	const taken: Round[] = [];
	let cold = 0;
	while (taken.length < rounds) {
		const measured = await round();
		const share = (performance.now() - from) / budgetMs;
		if (cold < warmUps && (cold === 0 || share < 0.3)) cold += 1;
		else taken.push(measured);
		if (share > 1 && taken.length > 0) break;
	}
	return taken;
}

const spreadOf = (values: readonly number[]) =>
	[rounded(Math.min(...values)), rounded(Math.max(...values))] as const;

/** The medians of some rounds, and their ratio, reeve to baseline. */
export function summaryOf(rounds: readonly Round[]): Measured {
	const ratios = rounds.map(({ reeve, baseline }) => reeve / baseline);
	return {
		reeve: rounded(median(rounds.map(({ reeve }) => reeve))),
		baseline: rounded(median(rounds.map(({ baseline }) => baseline))),
		ratio: rounded(median(ratios)),
		spread: spreadOf(ratios),
	};
}

/**
 * Measures `rounds` times, after two rounds for the just-in-time compiler; ratio is reeve to
 * baseline.
 */
export async function inRounds(
	rounds: number,
	round: () => Promise<Round>,
	budgetMs = Infinity,
): Promise<Measured> {
	return summaryOf(await takeRounds({ rounds, warmUps: 2, budgetMs }, round));
}

/** The budget of a benchmark at this scale, or of `share` of it. */
export function budgetOf({ short, budgetMs = shortBudgetMs }: Scale, share = 1): number {
	return short ? Math.min(budgetMs, shortBudgetMs) * share : Infinity;
}

/** A figure whose ratio must not pass the goal. */
export function atMost(goal: number, measured: Omit<Figure, 'goal' | 'met'>): Figure {
	return { ...measured, goal, met: measured.ratio <= goal, bound: 'atMost' };
}

/** A figure whose ratio must reach the goal. */
export function atLeast(goal: number, measured: Omit<Figure, 'goal' | 'met'>): Figure {
	return { ...measured, goal, met: measured.ratio >= goal, bound: 'atLeast' };
}

type Named = Pick<Figure, 'name' | 'unit'>;

/** A figure that must not pass the baseline by more than the goal, in its own unit. */
export function atMostMore(goal: number, named: Named, rounds: readonly Round[]): Figure {
	const differences = rounds.map(({ reeve, baseline }) => reeve - baseline);
	const difference = rounded(median(differences));
	return {
		...named,
		...summaryOf(rounds),
		compared: 'difference',
		difference,
		spread: spreadOf(differences),
		goal,
		met: difference <= goal,
		bound: 'atMost',
	};
}

/** A figure that must not pass the goal itself, in its own unit, whatever the baseline is. */
export function atMostItself(goal: number, named: Named, rounds: readonly Round[]): Figure {
	const summary = summaryOf(rounds);
	return {
		...named,
		...summary,
		compared: 'reeve',
		spread: spreadOf(rounds.map(({ reeve }) => reeve)),
		goal,
		met: summary.reeve <= goal,
		bound: 'atMost',
	};
}
