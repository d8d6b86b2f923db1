/**
 * Waiting for space: what writes files tries again while the disk is full, as the journal does.
 *
 * @module
 */
import type { MethodContext } from '../../runtime/method/method.ts';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';

/** Who waits. */
export interface Waiting {
	readonly clock: Clock;
	readonly signal: AbortSignal;
	readonly retryMs: number;
	/** Told once, why it waits. */
	readonly onWait?: ((why: ReeveError) => void) | undefined;
}

/**
 * Does the work, again and again while it fails with `storage_full`. It must leave nothing behind
 * when it fails.
 *
 * @throws ReeveError `storage_full` if the time of the run is over; the reason of the signal if
 * that is raised otherwise; what the work throws
 */
export async function whileFull<Value>(
	{ clock, signal, retryMs, onWait }: Waiting,
	work: () => Promise<Value>,
): Promise<Value> {
	for (let isFirst = true; ; isFirst = false) {
		try {
			return await work();
		} catch (thrown) {
			if (!(thrown instanceof ReeveError) || thrown.code !== 'storage_full') throw thrown;
			if (isFirst) onWait?.(thrown);
			await pause(clock, retryMs, signal);
			if (!signal.aborted) continue;
			const reason = asReeveError(signal.reason, 'cancelled');
			if (reason.code !== 'timed_out') throw reason;
			throw withAdvice(thrown);
		}
	}
}

/** The error for what has waited for space in vain. */
export function withAdvice(why: ReeveError): ReeveError {
	const detail = `${why.detail}; free some space, then try again`;
	return new ReeveError('storage_full', detail, { cause: why });
}

/** Does the work of a method, and waits while the disk is full. */
export function untilSpace<Value>(
	context: MethodContext,
	work: () => Promise<Value>,
): Promise<Value> {
	const { clock, signal, limits } = context;
	const onWait = (why: ReeveError) => context.warn?.(why);
	return whileFull({ clock, signal, retryMs: limits.diskRetryMs, onWait }, work);
}
