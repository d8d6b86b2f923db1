/**
 * Real journals in temporary folders, closed when their test is over; and one whose commits wait
 * for the test.
 *
 * @module
 */
import { steppedClock, type SteppedClock } from '../../runtime/platform/clock.ts';
import { openJournal, type Journal } from '../../runtime/journal/journal.ts';
import { createSignals, type Signals } from '../../runtime/observability/signals.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';
import type { Change } from '../../runtime/journal/schema.ts';
import { deferred, type Deferred } from '../../runtime/platform/deferred.ts';

/** A journal, and what it was opened with. */
export interface OpenedJournal {
	readonly folder: string;
	readonly journal: Journal;
	readonly clock: SteppedClock;
	readonly signals: Signals;
	/** How often `onFenced` was called. */
	readonly fenced: { count: number };
	/** Closes it as a stop does, and opens the folder again. */
	reopen(): Promise<OpenedJournal>;
	/** Opens the folder as a second process would, while the first still runs. */
	takeOver(): OpenedJournal;
}

/** Opens a journal in `folder`, by default a new one. */
export function openedJournal(t: TestScope, folder = temporaryFolder(t)): OpenedJournal {
	const clock = steppedClock(1);
	const signals = createSignals(clock);
	const fenced = { count: 0 };
	const journal = openJournal({ folder, clock, signals, onFenced: () => (fenced.count += 1) });
	t.after(() => journal.close());
	return {
		folder,
		journal,
		clock,
		signals,
		fenced,
		async reopen() {
			await journal.close();
			return openedJournal(t, folder);
		},
		takeOver: () => openedJournal(t, folder),
	};
}

/** The same journal, whose commits take effect only when `release` is called. */
export function heldJournal(journal: Journal) {
	let gate: Deferred | undefined;
	return {
		journal: {
			...journal,
			async commit(changes: readonly Change[], until?: 'flushed' | 'committed') {
				await gate?.promise;
				await journal.commit(changes, until);
			},
		} satisfies Journal,
		hold() {
			gate = deferred();
		},
		release() {
			gate?.resolve();
			gate = undefined;
		},
	};
}
