/**
 * Durations and instants as short texts; data keeps milliseconds.
 *
 * @module
 */
import { ReeveError } from '../../../runtime/platform/errors.ts';

const units = [
	['d', 86_400_000],
	['h', 3_600_000],
	['m', 60_000],
	['s', 1000],
] as const;

/**
 * `41ms`, `2.4s`, `12s`, `5m`, `3h`, `12d`: the largest unit that fits, which is enough in lists.
 */
export function durationText(ms: number): string {
	if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
	if (ms < 9950) return `${(ms / 1000).toFixed(1)}s`;
	const [unit, size] = units.find(([, size]) => ms >= size) ?? ['s', 1000];
	return `${Math.floor(ms / size)}${unit}`;
}

/** How long ago an instant was; instants of another clock may lie in the future. */
export function agoText(at: number | undefined, now: number): string {
	return at === undefined ? '' : durationText(Math.max(0, now - at));
}

/** An instant in ISO form, to compare with other logs. */
export function instantText(at: number): string {
	return new Date(at).toISOString();
}

const sizes: Readonly<Record<string, number>> = {
	s: 1000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
};

/**
 * `30s`, `5m`, `2h` or `7d` in milliseconds; undefined if the option was not given.
 *
 * @throws ReeveError `bad_usage`, naming the option
 */
export function readDuration(
	option: string,
	given: string | boolean | undefined,
): number | undefined {
	if (given === undefined) return undefined;
	const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(String(given)) ?? [];
	const size = sizes[unit];
	if (size !== undefined) return Number(count) * size;
	throw new ReeveError('bad_usage', `${option} ${String(given)}: such as 30s, 5m, 2h or 7d`);
}
