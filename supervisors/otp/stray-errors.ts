/**
 * Stray errors: rejections that nobody handles, and errors thrown in timers and listeners. In
 * Node.js they end the process; here they find the actor whose code they come from, and are a crash
 * of it.
 *
 * Tracing them costs every promise of the process a little, so it is off until somebody asks.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import process from 'node:process';

/** Who is to blame for what happens in his code. */
export interface Culprit {
	/** Called with each error that strays. After the actor's end it has no effect. */
	fail(thrown: unknown): void;
}

const running = new AsyncLocalStorage<Culprit>();
const catchers = new Set<(thrown: unknown) => void>();

/** Runs code of an actor, so that what strays from it is found to be his. */
export function runAs<Result>(culprit: Culprit, run: () => Result): Result {
	return catchers.size === 0 ? run() : running.run(culprit, run);
}

function onStray(thrown: unknown): void {
	const culprit = running.getStore();
	if (culprit) {
		culprit.fail(thrown);
		return;
	}
	const [first] = catchers;
	if (first) first(thrown);
}

/**
 * Catches stray errors from now on. Those of actors crash their actor; for those that belong to
 * nobody `onPublic` is called, which by default throws them: the process then ends, as it would
 * have.
 *
 * @returns a function that ends it; when the last catcher is gone, tracing stops
 */
export function catchStrays(
	onPublic: (thrown: unknown) => void = (thrown) => {
		throw thrown;
	},
): () => void {
	const catcher = (thrown: unknown): void => onPublic(thrown);
	if (catchers.size === 0) {
		process.on('unhandledRejection', onStray);
		// XState reports errors of observers and listeners by throwing them in a timer.
		process.on('uncaughtException', onStray);
	}
	catchers.add(catcher);
	return () => {
		if (!catchers.delete(catcher) || catchers.size > 0) return;
		process.off('unhandledRejection', onStray);
		process.off('uncaughtException', onStray);
		running.disable();
	};
}
