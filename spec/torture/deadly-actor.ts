/**
 * An actor whose steps kill its node: one in so many does so at its first start, as a driver that
 * crashes would. It is declared in a file that the nodes load, like an operator's own actors.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The name of the actor. Its event `RUN` has the id of the message and the file of its starts. */
export const deadlyActor = 'deadly';

/** One step in so many kills its node. */
const deathShare = 4;

/** Writes the definition into a folder, for nodes that `main` starts; returns the folder. */
export function writeDeadlyActor(place: string, main: string): string {
	const folder = join(place, 'definitions');
	const reeve = pathToFileURL(join(dirname(main), 'node.js')).href;
	mkdirSync(folder);
	writeFileSync(join(folder, `${deadlyActor}.mjs`), textOf(reeve, import.meta.resolve('xstate')));
	return folder;
}

function textOf(reeve: string, xstate: string): string {
	return `
import { appendFileSync, readFileSync } from 'node:fs';
import { defer, defineActor, send, step } from '${reeve}';
import { assign, setup } from '${xstate}';

const work = step({
	onCrash: 'retry',
	async run({ id, starts }) {
		appendFileSync(starts, id + '\\n');
		const started = readFileSync(starts, 'utf8').split('\\n').filter((line) => line === id);
		const isDeadly = Number(id.split('.').at(-1)) % ${deathShare} === 0;
		if (isDeadly && started.length === 1) process.kill(process.pid, 'SIGKILL');
	},
});
const machine = setup({
	actors: { work },
	actions: {
		note: assign(({ event: { id, starts, fileName } }) => ({ id, starts, fileName })),
		tell: send(({ context: { id, fileName } }) => ({
			method: 'REQToFileAppend', data: id + '\\n', directory: 'torture', fileName,
		})),
	},
}).createMachine({
	id: '${deadlyActor}',
	context: { id: '', starts: '', fileName: '' },
	initial: 'idle',
	states: {
		idle: { on: { RUN: { target: 'working', actions: 'note' } } },
		working: {
			meta: defer('RUN'),
			invoke: {
				src: 'work',
				input: ({ context }) => context,
				onDone: { target: 'idle', actions: 'tell' },
				onError: { target: 'idle', actions: 'tell' },
			},
		},
	},
});
export default defineActor({ name: '${deadlyActor}', version: 1, machine });
`;
}
