/**
 * What a planted mistake is: a row of the table that `npm run mutants` plays.
 *
 * @module
 */

/** One mistake, and the specs that should notice it. */
export interface Mutant {
	/** A short name for the mistake, in kebab case. */
	readonly id: string;
	/** The file that it is in, from the root of the repository. */
	readonly file: string;
	/** What stands there. It occurs exactly once in the file. */
	readonly from: string;
	/** What it becomes. */
	readonly to: string;
	/** The files of the specs that should notice, the fastest first. */
	readonly specs: readonly string[];
	/** A pattern of the titles to run, where the whole of the specs takes long. */
	readonly only?: string;
	/** With the mistake a spec never ends: that it reaches its time limit counts as noticed. */
	readonly hangs?: true;
	/** Why no spec can notice it, such as that nothing observable differs. */
	readonly unnoticed?: string;
}

/** How often a text occurs in another; overlaps do not count. */
export function occurrences(text: string, of: string): number {
	return of === '' ? 0 : text.split(of).length - 1;
}
