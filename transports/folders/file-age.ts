/**
 * The age of files that were moved, by the clock of their file system.
 *
 * @module
 */

/** A file, and when it was moved. */
export interface MovedFile {
	readonly name: string;
	readonly at: number;
}

/** How much the clock of a file system may differ from that of the node. */
const clockMs = 60_000;

/**
 * The files, oldest first. One from the future was moved before the clock was set back, so it is
 * older than all others.
 */
export function oldestFirst(files: readonly MovedFile[], now: number): readonly MovedFile[] {
	const isFuture = ({ at }: MovedFile) => at > now + clockMs;
	const byAge = files.toSorted((one, other) => one.at - other.at);
	return [...byAge.filter(isFuture), ...byAge.filter((file) => !isFuture(file))];
}
