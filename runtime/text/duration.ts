/**
 * Durations in text, such as `10s`.
 *
 * @module
 */

const unitsMs: Readonly<Record<string, number>> = {
	ms: 1,
	s: 1000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
};

/** What a duration in a text looks like; for schemas. */
export const durationPattern: RegExp = /^\d{1,9}(?:ms|s|m|h|d)$/;

/** `250ms`, `10s`, `5m`, `2h` or `1d` in milliseconds; undefined for any other text. */
export function durationMs(text: string): number | undefined {
	if (!durationPattern.test(text)) return undefined;
	const [, count = '', unit = ''] = /^(\d+)(\w+)$/.exec(text) ?? [];
	return Number(count) * (unitsMs[unit] ?? Number.NaN);
}
