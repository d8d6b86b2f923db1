/**
 * What an operator may say about one start of a node, beside its configuration.
 *
 * @module
 */

/** What an operator may say about one start of a node; none of it is kept. */
export interface StartOptions {
	/**
	 * Of a data folder from elsewhere. `adopt`: it was moved here. `fork`: it is to be another
	 * node's.
	 */
	readonly identity?: 'adopt' | 'fork' | undefined;
	/** `safe`: run no messages. `normal`: run them, however often the last processes died. */
	readonly mode?: 'safe' | 'normal' | undefined;
}
