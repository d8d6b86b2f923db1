/**
 * The count of the demo: what the files on the ships say, held against central's books. Pure.
 *
 * @module
 */
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

/** What was counted. */
export interface DemoCount {
	readonly sent: number;
	/** Ids that stand in a file. */
	readonly executed: number;
	/** Messages whose sender was told that their node had died meanwhile. */
	readonly interrupted: number;
	/**
	 * Interrupted messages that stand in a file all the same: they had done their work, or half of
	 * it.
	 */
	readonly interruptedExecuted: number;
	/** Ids that stand in no file and of which the sender was told nothing, or something else. */
	readonly lost: number;
	/** Ids that stand in a file twice. */
	readonly doubled: number;
}

/**
 * Counts. A message is lost if its command did not run and its sender has no report that says so;
 * that it is `done` is no such report.
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
