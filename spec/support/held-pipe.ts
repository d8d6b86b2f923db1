/**
 * A named pipe that processes hold open. It reports what they write, and it ends when the last of
 * them is dead, however it died. So a test can wait for both without sleeping.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** The pipe that {@link createHeldPipe} makes. */
export interface HeldPipe {
	/**
	 * What a shell command begins with, so that it and all its children hold the pipe as number 9.
	 */
	readonly hold: string;
	/** Resolves when that many lines have been written to number 9. */
	lines(count: number): Promise<readonly string[]>;
	/** Resolves when no process holds the pipe any more. */
	readonly allDead: Promise<void>;
}

/** Creates the pipe in a temporary folder. */
export function createHeldPipe(t: TestScope): HeldPipe {
	const path = join(temporaryFolder(t), 'pipe');
	execFileSync('mkfifo', [path]);
	const stream = createReadStream(path, 'utf8');
	let text = '';
	let look = () => {};
	stream.on('data', (chunk) => {
		text += String(chunk);
		look();
	});
	t.after(() => stream.destroy());
	const complete = () => text.split('\n').slice(0, -1);
	return {
		hold: `exec 9>'${path}'; `,
		lines: (count) =>
			new Promise((resolve) => {
				look = () => {
					if (complete().length >= count) resolve(complete());
				};
				look();
			}),
		allDead: new Promise((resolve) => {
			stream.once('end', resolve);
		}),
	};
}
