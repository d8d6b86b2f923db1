/**
 * Restart limits and backoff, pure: how many restarts are too many, and how long to wait before the
 * next.
 *
 * @module
 */

/** At most `intensity` restarts within `period` seconds. */
export interface RestartLimit {
	/** How many restarts are allowed within the period; 0 forbids the first. */
	readonly intensity: number;
	/** Whole seconds, as in OTP. */
	readonly period: number;
}

/** What {@link addRestart} decides. */
export interface RestartDecision {
	/** The restarts that count from now on, newest first, in whole monotonic seconds. */
	readonly restarts: readonly number[];
	/** False if this one is above the limit: the supervisor must give up. */
	readonly allowed: boolean;
}

/**
 * Adds a restart that happens now to the earlier ones.
 *
 * OTP's arithmetic (`supervisor:add_restart/1`): seconds are whole, and a restart exactly `period`
 * seconds old still counts; so the true window is between `period` and `period` + 1 seconds.
 *
 * @param restarts earlier restarts, as an earlier decision returned them
 * @param nowMs monotonic milliseconds
 */
export function addRestart(
	restarts: readonly number[],
	nowMs: number,
	{ intensity, period }: RestartLimit,
): RestartDecision {
	const now = Math.floor(nowMs / 1000);
	const counting = [now, ...restarts.filter((at) => at >= now - period)];
	return { restarts: counting, allowed: counting.length <= intensity };
}

/** How long to wait before a restart. Beyond OTP, which restarts at once. */
export interface Backoff {
	/** The pause before the first restart, in milliseconds. */
	readonly minMs: number;
	/** The longest pause. */
	readonly maxMs: number;
	/** The factor by which each pause is longer than the one before; 2 by default. */
	readonly factor?: number;
	/** The share of the pause that is random, 0 to 1; 0.2 by default. */
	readonly jitter?: number;
}

/**
 * The pause before the restart that follows `failures` earlier ones, in milliseconds.
 *
 * @param chance a number in [0, 1); it spreads children that failed together
 */
export function backoffMs(backoff: Backoff, failures: number, chance: number): number {
	const { minMs, maxMs, factor = 2, jitter = 0.2 } = backoff;
	const full = Math.min(maxMs, minMs * factor ** Math.min(failures, 60));
	return full * (1 - jitter * chance);
}
