/**
 * Delays as CSS writes them.
 *
 * @module
 */

/** The milliseconds of `1s`, `.5s`, `10ms` or a number. */
export function millisecondsOf(delay: unknown): number {
	const [, count, unit] = /^(\d*\.?\d+)(ms|s)?$/u.exec(String(delay)) ?? [];
	if (count === undefined) throw new Error(`${String(delay)} is no delay`);
	return Number(count) * (unit === 's' ? 1000 : 1);
}
