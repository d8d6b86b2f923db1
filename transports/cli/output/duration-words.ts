/**
 * Durations as people type them.
 *
 * @module
 */
import { ReeveError } from '../../../runtime/platform/errors.ts';

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
