/**
 * `reeve new`: a first actor or a first method, small and commented, with its spec.
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
 * Writes into `actors/` or `methods/` of the folder that it is called in, and overwrites nothing.
 */
export default defineCommand({
	arguments: [
		{ name: '<kind>', help: 'What to begin', choices: firstKinds },
		{ name: '<name>', help: 'What it is called on the wire, and its file' },
	],
	options: [],
	examples: ['reeve new actor thermostat', 'reeve new method count-words'],
	run({ words }, { screen }) {
		const kind = firstKinds.find((each) => each === words[0]) ?? 'actor';
		const name = checkName(kind, words[1] ?? '');
		const files = firstFiles(kind, name);
		const there = files.find(({ path }) => existsSync(path));
		if (there) throw new ReeveError('bad_usage', `${there.path} is there already`);
		for (const { path, text } of files) {
			mkdirSync(dirname(path), { recursive: true });
			// Whoever writes it in this very moment keeps it.
			writeFileSync(path, text, { flag: 'wx' });
			screen.out(`${path}\n`);
		}
		screen.note(`try it: node --import tsx --test ${files.at(-1)?.path}`);
		return Promise.resolve(exitCodes.ok);
	},
});
