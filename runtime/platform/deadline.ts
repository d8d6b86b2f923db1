/**
 * Deadlines of work. When the process stood still (frozen, swapped out, its loop blocked), its
 * timers are overdue at once, while the ends of work that were reached meanwhile still wait to be
 * read. What has ended counts before what is overdue.
 *
 * @module
 */
import type { Clock, Timer } from './clock.ts';

/** A timer that is later than this was held up by its own process. */
const lateMs = 200;
/** How long ends that were reached meanwhile may take to be read. */
const graceMs = 1000;

/**
 * Calls `run` when the work has had `delayMs`. If the call comes late, the work gets a second more,
 * once.
 */
export function deadline(
	clock: Pick<Clock, 'after' | 'monotonic'>,
	delayMs: number,
	run: () => void,
): Timer {
	const dueAt = clock.monotonic() + delayMs;
	let timer = clock.after(delayMs, () => {
		if (clock.monotonic() - dueAt < lateMs) run();
		else timer = clock.after(graceMs, run);
	});
	return { cancel: () => timer.cancel() };
}
