/**
 * Modules that run in a process of their own, for what several processes do at once.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs the text of a module in the folder of the source, and resolves with what it prints. */
export async function runScript(script: string): Promise<string> {
	const words = ['--import', 'tsx', '--input-type=module', '--eval', script];
	const { stdout } = await promisify(execFile)(process.execPath, words);
	return stdout;
}
