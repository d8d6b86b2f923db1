/**
 * A promise that is settled from outside.
 *
 * @module
 */

/** A promise with what settles it; only the first call of either counts. */
export interface Deferred<Value = void> {
	readonly promise: Promise<Value>;
	readonly resolve: (value: Value | PromiseLike<Value>) => void;
	readonly reject: (reason: unknown) => void;
}

/** Creates one that is pending. Node.js has `Promise.withResolvers` only from version 22. */
export function deferred<Value = void>(): Deferred<Value> {
	let resolve!: Deferred<Value>['resolve'];
	let reject!: Deferred<Value>['reject'];
	const promise = new Promise<Value>((fulfil, refuse) => {
		resolve = fulfil;
		reject = refuse;
	});
	return { promise, resolve, reject };
}
