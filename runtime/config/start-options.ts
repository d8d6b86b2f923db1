/**
 * Start options: decisions of the operator about one start of a node, beside its configuration.
 *
 * @module
 */

/** Decisions about one start of a node; they are not kept. */
export interface StartOptions {
	/**
	 * Of a data folder from elsewhere. `adopt`: it was moved here. `fork`: make it another
	 * node's.
	 */
	readonly identity?: 'adopt' | 'fork' | undefined;
	/**
	 * `safe`: run no messages, and load no programs of the operator's folders. `normal`: do both,
	 * however often the last processes died.
	 */
	readonly mode?: 'safe' | 'normal' | undefined;
}
