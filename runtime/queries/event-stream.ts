/**
 * The event stream: the signals of this node, first those that it remembers and then, if wanted,
 * those that come.
 *
 * @module
 */
import type { Signal, Signals } from '../observability/signals.ts';

/** Which signals are wanted. */
export interface EventFilter {
	/** The beginning of their types, such as `delivery`. */
	readonly type?: string | undefined;
	/** The id of a message, or the beginning of one. */
	readonly message?: string | undefined;
	/** Whether to go on with those that come. */
	readonly follow?: boolean | undefined;
}

/** Signals that wait for a reader, at most; a slower one misses some, and is told how many. */
const waitingMax = 10_000;

/** Yields the signals, oldest first. Ends when `signal` is raised, or at once without `follow`. */
export async function* eventRows(
	signals: Signals,
	filter: EventFilter,
	signal: AbortSignal,
): AsyncGenerator<object> {
	const isWanted = filterOf(filter);
	const waiting: object[] = [];
	let missed = 0;
	let wake: () => void = () => {};
	// Subscribed before the past is read, so that nothing falls in between.
	const unsubscribe = signals.subscribe((seen) => {
		if (!filter.follow || !isWanted(seen)) return;
		if (waiting.length >= waitingMax) missed += 1;
		else waiting.push(seen);
		wake();
	});
	const stop = (): void => wake();
	signal.addEventListener('abort', stop);
	try {
		yield* signals.recent().filter(isWanted);
		while (filter.follow && !signal.aborted) {
			const next = waiting.shift();
			if (next) yield next;
			else if (missed > 0) {
				yield { type: 'events.missed', count: missed };
				missed = 0;
			} else {
				await new Promise<void>((resolve) => {
					wake = resolve;
					if (signal.aborted || waiting.length > 0) resolve();
				});
			}
		}
	} finally {
		unsubscribe();
		signal.removeEventListener('abort', stop);
	}
}

function filterOf({ type = '', message = '' }: EventFilter): (signal: Signal) => boolean {
	return (signal) => {
		if (!signal.type.startsWith(type)) return false;
		return message === '' || ('id' in signal && String(signal.id).startsWith(message));
	};
}
