/**
 * Why a case is not run, or not in every form.
 *
 * @module
 */

/** What a case needs that a form of the machine cannot say; thrown by the converter. */
export class Unsupported extends Error {
	/** One of the reasons that `refusals.ts` lists. */
	readonly reason: string;

	constructor(reason: string, detail: string) {
		super(`${reason}: ${detail}`);
		this.name = 'Unsupported';
		this.reason = reason;
	}
}
