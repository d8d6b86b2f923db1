/**
 * The program as it is shipped: compiled from the sources that are here now. It starts in a third
 * of the time that the sources take, which specs that start hundreds of processes feel.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { realClock } from '../../runtime/platform/clock.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Within `node_modules`, where the compiled files find the packages. */
const cache = join(root, 'node_modules', '.cache', 'reeve');
/** How long the program of other sources is kept: a run of all specs is over by then. */
const keptMs = 86_400_000;
let words: readonly string[] | undefined;

/** The words that start `reeve`; compiles it first if these very sources are not compiled yet. */
export function programWords(): readonly string[] {
	words ??= [process.execPath, join(compiled(), 'supervisors', 'node', 'main.js')];
	return words;
}

/**
 * Makes {@link programWords} start the sources, in the whole spec: for programs that load methods
 * or actors written in TypeScript, which import the sources as well.
 */
export function startFromSources(): void {
	const main = join(root, 'supervisors', 'node', 'main.ts');
	words = [process.execPath, '--import', import.meta.resolve('tsx'), main];
}

/** The folder of the compiled sources. */
function compiled(): string {
	const folder = join(cache, fingerprint());
	if (existsSync(folder)) return folder;
	for (const name of existsSync(cache) ? readdirSync(cache) : []) {
		const old = join(cache, name);
		const isOld = realClock.now() - statSync(old).mtimeMs > keptMs;
		if (isOld) rmSync(old, { recursive: true, force: true });
	}
	// Several processes may do this at a time: each compiles for itself, and the first one's stays.
	const own = `${folder}.${process.pid}`;
	mkdirSync(own, { recursive: true });
	const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
	const config = join(root, 'tsconfig.build.json');
	// Whether the types are right is found out elsewhere.
	const options = ['-p', config, '--outDir', own, '--noCheck', '--declaration', 'false'];
	const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], {
		cwd: root,
		encoding: 'utf8',
	});
	if (status !== 0) throw new Error(`the sources do not compile:\n${stdout}`);
	copyFileSync(join(root, 'package.json'), join(own, 'package.json'));
	try {
		renameSync(own, folder);
	} catch (thrown) {
		rmSync(own, { recursive: true, force: true });
		if (!existsSync(folder)) throw thrown;
	}
	return folder;
}

/** Differs whenever a source has changed. */
function fingerprint(): string {
	const sources = ['runtime', 'actors', 'supervisors', 'transports'].flatMap((folder) =>
		readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
			.filter((file) => file.endsWith('.ts'))
			.map((file) => join(folder, file)),
	);
	const hash = createHash('sha256');
	for (const file of [...sources.toSorted(), 'package.json', 'tsconfig.json']) {
		const { mtimeMs, size } = statSync(join(root, file));
		hash.update(`${file} ${mtimeMs} ${size}\n`);
	}
	return hash.digest('hex').slice(0, 16);
}
