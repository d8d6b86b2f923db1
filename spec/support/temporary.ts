/**
 * Temporary folders that are gone when their test is over.
 *
 * @module
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** The part of a test's context that is needed here. */
export interface TestScope {
	after(run: () => void): void;
}

/**
 * A new folder, removed after the test. What runs after a test runs in the order in which it was
 * asked for, so somebody may still write into the folder by then: then it is removed when the
 * process ends.
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
