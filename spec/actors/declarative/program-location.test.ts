/** What is wrong with a definition that is a program, told with file, line and column. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { readDefinition } from '../../../actors/declarative/definition-file.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const front = new URL('../../../supervisors/node/node.ts', import.meta.url).href;
const start = `import { assign, setup } from '${import.meta.resolve('xstate')}';
import { defineActor } from '${front}';
const machine = setup({
	actions: { count: assign({ n: 1 }), save: () => console.log('saved') },
}).createMachine({
	id: 'it',
	initial: 'idle',
	states: {
`;
const end = `	},
});
export default defineActor({ name: 'it', version: 1, machine });
`;

const mistakes: readonly (readonly [what: string, lines: string, refusal: RegExp])[] = [
	[
		'a misspelt action',
		`		idle: { on: { GO: 'busy' } },
		busy: { entry: 'cuont' },
`,
		/^:10:18: actor it: in it\.busy, there is no action cuont; is it count\?$/,
	],
	[
		'an unknown target state',
		`		idle: {
			on: { GO: 'bussy' },
		},
		busy: {},
`,
		/^:10:14: in it\.idle, there is no state bussy; is it busy\?$/,
	],
	[
		'a raw side effect',
		`		idle: { on: { GO: 'busy' } },
		busy: { exit: 'save' },
`,
		/^:10:17: actor it: in it\.busy, the action save is a raw function: use an effect or a step/,
	],
	[
		'an endless loop',
		`		idle: { on: { GO: 'busy' } },
		busy: {
			initial: 'one',
			states: {
				one: { always: 'two' },
				two: { always: 'one' },
			},
		},
`,
		/^:13:5: actor it: in it\.busy\.one, always leads in a cycle without an if: busy\.one, /,
	],
	['a mistake of its language', '		idle: {{}\n', /^:9:\d+: /],
];

for (const [what, lines, refusal] of mistakes) {
	test(`${what} in a program is refused with file, line and column`, async (t) => {
		const folder = temporaryFolder(t);
		const source = join(folder, 'it.ts');
		writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
		writeFileSync(source, start + lines + end);
		const folders = { dataFolder: folder, notesFolder: folder };
		const surroundings = { node: 'ship1', ...folders, outputBytesMax: 1000 };
		const { error } = await readDefinition(source, surroundings);
		const detail = error?.detail ?? '';
		assert.ok(detail.startsWith(source), detail);
		assert.match(detail.slice(source.length), refusal);
	});
}
