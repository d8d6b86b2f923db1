/**
 * `reeve new` writes a first actor or a first method, small and commented, with its spec.
 *
 * @module
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkName } from '../../../runtime/message/topics.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { defineCommand } from '../arguments/command.ts';
import { firstFiles, firstKinds } from '../templates/new-files.ts';

/**
 * Writes into `actors/` or `methods/` of the current folder, and overwrites nothing.
 */
export default defineCommand({
	arguments: [
		{ name: '<kind>', help: 'What to write', choices: firstKinds },
		{ name: '<name>', help: 'Its name on the wire, and of its file' },
	],
	options: [],
	examples: ['reeve new actor thermostat', 'reeve new method count-words'],
	run({ words }, { screen }) {
		const kind = firstKinds.find((each) => each === words[0]) ?? 'actor';
		const name = checkName(kind, words[1] ?? '');
		const files = firstFiles(kind, name);
		const there = files.find(({ path }) => existsSync(path));
		if (there) throw new ReeveError('bad_usage', `${there.path} exists already`);
		for (const { path, text } of files) {
			mkdirSync(dirname(path), { recursive: true });
			// `wx`: do not overwrite a file that another process has just written.
			writeFileSync(path, text, { flag: 'wx' });
			screen.out(`${path}\n`);
		}
		screen.note(`try it: node --import tsx --test ${files.at(-1)?.path}`);
		return Promise.resolve(exitCodes.ok);
	},
});
