/**
 * Temporary folders that are gone when their test is over.
 *
 * @module
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of a test's context that is needed here. */
export interface TestLife {
	after(run: () => void): void;
}

/** A new folder, removed after the test, though somebody who is just being stopped still writes. */
export function temporaryFolder(life: TestLife): string {
	const folder = mkdtempSync(join(realpathSync(tmpdir()), 'reeve-'));
	life.after(() =>
		rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
	);
	return folder;
}
