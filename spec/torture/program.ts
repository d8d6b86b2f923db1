/**
 * The program as it is shipped: compiled from the sources that are here now, into a folder of its
 * own, so that it starts quickly and is never an old one.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { copyFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles into `<folder>/program`, and returns the words that start it. */
export async function compileProgram(folder: string): Promise<readonly string[]> {
	const compiler = join(root, 'node_modules', '.bin', 'tsc');
	const config = join(root, 'tsconfig.build.json');
	// Whether the types are right is found out elsewhere.
	const words = ['-p', config, '--outDir', join(folder, 'program'), '--noCheck'];
	await promisify(execFile)(compiler, words, { cwd: root });
	await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
	await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
	return [process.execPath, join(folder, 'program', 'supervisors', 'node', 'main.js')];
}
