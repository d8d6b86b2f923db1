/**
 * The count of the demo: compares the files of the ships with central's ledger. Pure.
 *
 * @module
 */
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** The counts of the demo. */
export interface DemoCount {
	readonly sent: number;
	/** Ids in a file. */
	readonly executed: number;
	/** Messages that were reported to their sender as interrupted. */
	readonly interrupted: number;
	/**
	 * Interrupted messages whose id is in a file all the same: their command had run, at least in
	 * part.
	 */
	readonly interruptedExecuted: number;
	/** Ids in no file whose sender got no report, or a wrong one. */
	readonly lost: number;
	/** Ids that are in a file twice. */
	readonly doubled: number;
}

/**
 * Counts. A message is lost if its command did not run and its sender has no report of that; the
 * state `done` is no such report.
 */
export function countDemo(
	ids: readonly string[],
	rows: ReadonlyMap<string, Pick<MessageRow, 'state' | 'settled'>>,
	lines: readonly string[],
): DemoCount {
	const times = new Map<string, number>();
	for (const line of lines) times.set(line, (times.get(line) ?? 0) + 1);
	const isReported = (id: string): boolean => {
		const row = rows.get(id);
		return row !== undefined && row.settled && row.state !== 'done';
	};
	const interrupted = ids.filter((id) => rows.get(id)?.state === 'interrupted');
	return {
		sent: ids.length,
		executed: ids.filter((id) => times.has(id)).length,
		interrupted: interrupted.length,
		interruptedExecuted: interrupted.filter((id) => times.has(id)).length,
		lost: ids.filter((id) => !times.has(id) && !isReported(id)).length,
		doubled: [...times.values()].filter((count) => count > 1).length,
	};
}
