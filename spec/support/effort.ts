/**
 * How much a spec tries. `npm test` tries little of what is random or kills processes, so that it
 * stays short; `npm run test:long` runs the specs that ask here, and tries all of it.
 *
 * @module
 */
import process from 'node:process';

/** `few` in `npm test`, `many` in the long form. */
export function effort(few: number, many: number): number {
	return process.env['REEVE_SPECS'] === 'long' ? many : few;
}
