/**
 * What callers do about a commit that was refused.
 *
 * @module
 */
import { ReeveError } from '../platform/errors.ts';

/** Whether a commit was refused because this process was replaced, or is stopping. */
export function isFenced(thrown: unknown): boolean {
	return thrown instanceof ReeveError && (thrown.code === 'fenced' || thrown.code === 'stopping');
}

/**
 * Ignores the rejection of a commit, and rethrows nothing: this process may not write any more, and
 * its successor does the rest from what is on disk.
 */
export function ignoreIfFenced(): void {}
