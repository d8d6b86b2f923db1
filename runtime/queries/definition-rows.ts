/**
 * The rows with which a node answers questions about the files of its definitions folder.
 *
 * @module
 */

/** What differs between a definition that is in force and another of the same actor. */
export interface DefinitionDiff {
	/** Absent if it is the same. */
	readonly version?: { readonly from: number; readonly to: number };
	/** By their names, with those of the states around them. */
	readonly statesAdded: readonly string[];
	readonly statesRemoved: readonly string[];
	readonly eventsAdded: readonly string[];
	readonly eventsRemoved: readonly string[];
	/** Instances that were looked at, and those of them that could not go on. */
	readonly instances: number;
	readonly parked: readonly { readonly key: string; readonly reason: string }[];
}

/** What a reload has done with a file, or would do. */
export interface ReloadRow {
	/** Without its folder. */
	readonly file: string;
	readonly actor?: string;
	/**
	 * `held`: it would park instances, and `--force` was not given. `refused`: something is wrong
	 * with it. In both cases what was in force before still is.
	 */
	readonly what: 'same' | 'added' | 'changed' | 'removed' | 'held' | 'refused';
	readonly diff?: DefinitionDiff;
	/** What is wrong, with file, line and column. */
	readonly problem?: string;
}

/** How a file of the folder stands. */
export interface DefinitionFileRow {
	readonly file: string;
	/** Unknown if it was never right. */
	readonly actor?: string;
	/** What is wrong with it as it is now; the definition of before is in force, if there was one. */
	readonly problem?: string;
}
