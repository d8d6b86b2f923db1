/**
 * Stray errors: unhandled rejections, and errors thrown in timers and listeners. In Node.js they
 * end the process; here they crash the actor whose code they come from.
 *
 * Tracing costs every promise of the process a little, so it is off until `catchStrays` is called.
 *
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import process from 'node:process';

/** The actor or service whose code is running. */
export interface Culprit {
	/** Called with each stray error of its code. Has no effect after its end. */
	fail(thrown: unknown): void;
}

/** Takes an error of no actor. `leave` does with it what Node.js would do without this catcher. */
type PublicCatcher = (thrown: unknown, leave: () => void) => void;

const running = new AsyncLocalStorage<Culprit>();
const catchers = new Set<PublicCatcher>();

/** Runs code of an actor, so that stray errors of this code are attributed to it. */
export function runAs<Result>(culprit: Culprit, run: () => Result): Result {
	return catchers.size === 0 ? run() : running.run(culprit, run);
}

function takeStray(thrown: unknown, event: 'unhandledRejection' | 'uncaughtException'): void {
	const culprit = running.getStore();
	if (culprit) {
		culprit.fail(thrown);
		return;
	}
	if (event === 'uncaughtException' && isPassedOn && thrown === passedOn) {
		isPassedOn = false;
		return;
	}
	const [first] = catchers;
	first?.(thrown, () => leave(thrown, event));
}

/** What a rejection was that Node.js takes for an exception next, while it is. */
let passedOn: unknown;
let isPassedOn = false;

/** What Node.js does with an error: other listeners have it, or the process ends with it. */
function leave(thrown: unknown, event: 'unhandledRejection' | 'uncaughtException'): void {
	if (process.listenerCount(event) > 1) return;
	if (process.listenerCount('uncaughtException') > 1) [passedOn, isPassedOn] = [thrown, true];
	else detach();
	// An error that is thrown in here would end the process in another way than others.
	process.nextTick(() => {
		throw thrown;
	});
}

function detach(): void {
	process.off('unhandledRejection', onRejection);
	process.off('uncaughtException', onException);
}

const onRejection = (thrown: unknown): void => takeStray(thrown, 'unhandledRejection');
const onException = (thrown: unknown): void => takeStray(thrown, 'uncaughtException');

/**
 * Catches stray errors from now on. Those of actors crash their actor; for all others `onPublic` is
 * called. By default it leaves them to Node.js, and the process ends as it would have.
 *
 * @returns a function that ends it; when the last catcher is gone, tracing stops
 */
export function catchStrays(onPublic: PublicCatcher = (_, leave) => leave()): () => void {
	const catcher: PublicCatcher = (thrown, leave) => onPublic(thrown, leave);
	if (catchers.size === 0) {
		process.on('unhandledRejection', onRejection);
		// XState reports errors of observers and listeners by throwing them in a timer.
		process.on('uncaughtException', onException);
	}
	catchers.add(catcher);
	return () => {
		if (!catchers.delete(catcher) || catchers.size > 0) return;
		detach();
		running.disable();
	};
}
