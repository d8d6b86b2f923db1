/**
 * Interrupts: SIGINT, SIGTERM and SIGHUP as an abort signal. The first one asks the command to end;
 * the second one ends the program at once.
 *
 * @module
 */
import process from 'node:process';
import { deferred } from '../../../runtime/platform/deferred.ts';

/** The signals of the process, as a command sees them. */
export interface Interrupts {
	/** Raised by the first signal; its reason is the signal's name. */
	readonly signal: AbortSignal;
	/** Resolves with the name of the first signal. */
	readonly first: Promise<string>;
	/** Resolves at the second signal. */
	readonly second: Promise<void>;
	/** Restores the default effect of the signals. */
	release(): void;
}

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Takes over the signals of this process. */
export function takeInterrupts(): Interrupts {
	const controller = new AbortController();
	const second = deferred();
	const listener = (name: string): void => {
		if (controller.signal.aborted) second.resolve();
		else controller.abort(name);
	};
	for (const name of names) process.on(name, listener);
	return {
		signal: controller.signal,
		first: aborted(controller.signal),
		second: second.promise,
		release: () => names.forEach((name) => process.off(name, listener)),
	};
}

/** Resolves with the reason, as text, when the signal is raised. */
function aborted(signal: AbortSignal): Promise<string> {
	return new Promise((resolve) => {
		const done = (): void => resolve(String(signal.reason));
		if (signal.aborted) done();
		else signal.addEventListener('abort', done, { once: true });
	});
}
