/**
 * Temporary folders that are gone when their test is over.
 *
 * @module
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** The part of a test's context that lets support code clean up when the test is over. */
export interface TestScope {
	after(run: () => unknown): void;
}

/**
 * A new folder, removed after the test. Hooks run after a test in the order of their registration,
 * so something may still write into the folder by then: then it is removed when the process ends.
 */
export function temporaryFolder(t: TestScope): string {
	const folder = mkdtempSync(join(realpathSync(tmpdir()), 'reeve-'));
	const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
	t.after(() => {
		try {
			remove();
		} catch {
			process.once('exit', remove);
		}
	});
	return folder;
}
