/**
 * Flat or growing: what a soak says of a figure that it has looked at again and again.
 *
 * The slope is that of the straight line with the least squares through all samples after the
 * warm-up. What is compared with the limit is what that line rises over the time that was measured:
 * single samples are full of noise, and of garbage that is not collected yet.
 *
 * @module
 */
import { median, rounded } from './figure.ts';

/** A figure at an instant. */
export interface Sample {
	readonly atMs: number;
	readonly value: number;
}

/** How much the line may rise: the larger of the two, of which one is a share of the median. */
export interface Tolerance {
	readonly share: number;
	readonly least: number;
}

/** What was found out about one figure. */
export interface Trend {
	readonly name: string;
	readonly unit: string;
	readonly median: number;
	/** What the line rises in an hour. */
	readonly perHour: number;
	/** What it rises over the time that was measured. */
	readonly growth: number;
	readonly limit: number;
	readonly verdict: 'flat' | 'growing';
}

/** What the straight line with the least squares rises in a millisecond; 0 for fewer than two. */
export function slopeOf(samples: readonly Sample[]): number {
	const meanOf = (pick: (sample: Sample) => number) =>
		samples.reduce((sum, sample) => sum + pick(sample), 0) / Math.max(1, samples.length);
	const atMean = meanOf(({ atMs }) => atMs);
	const valueMean = meanOf(({ value }) => value);
	let [shared, own] = [0, 0];
	for (const { atMs, value } of samples) {
		shared += (atMs - atMean) * (value - valueMean);
		own += (atMs - atMean) ** 2;
	}
	return own === 0 ? 0 : shared / own;
}

/** Judges one figure. What falls is flat: it only becomes less. */
export function trendOf(
	{ name, unit }: Pick<Trend, 'name' | 'unit'>,
	samples: readonly Sample[],
	{ share, least }: Tolerance,
): Trend {
	const slope = slopeOf(samples);
	const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
	const middle = median(samples.map(({ value }) => value));
	const growth = slope * spanMs;
	const limit = Math.max(least, share * middle);
	return {
		name,
		unit,
		median: rounded(middle),
		perHour: rounded(slope * 3_600_000),
		growth: rounded(growth),
		limit: rounded(limit),
		verdict: growth > limit ? 'growing' : 'flat',
	};
}
