/**
 * The first files that `reeve new` writes. Each comes with a spec that starts a real node, and so
 * shows that the new actor or method works.
 *
 * @module
 */

/** A file to write, with a path below the current folder. */
export interface FirstFile {
	readonly path: string;
	readonly text: string;
}

/** The kinds of first files. */
export const firstKinds = ['actor', 'method'] as const;

/** One of {@link firstKinds}. */
export type FirstKind = (typeof firstKinds)[number];

/** The files of a first actor, or of a first method. */
export function firstFiles(kind: FirstKind, name: string): readonly FirstFile[] {
	const folder = `${kind}s`;
	const [text, spec] = kind === 'actor' ? [actorText, actorSpec] : [methodText, methodSpec];
	const words = { NAME: name, VARIABLE: variableOf(name) };
	return [
		{ path: `${folder}/${name}.ts`, text: filled(text, words) },
		{ path: `${folder}/${name}.test.ts`, text: filled(spec, words) },
	];
}

/** The name as a variable. */
function variableOf(name: string): string {
	const camel = name.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, letter: string = '') =>
		letter.toUpperCase(),
	);
	return /^[A-Za-z]/.test(camel) ? camel : `my${camel}`;
}

function filled(text: string, words: Readonly<Record<string, string>>): string {
	return text.replaceAll(/\b(?:NAME|VARIABLE)\b/g, (word) => words[word] ?? word);
}

const actorText = `/**
 * The actor NAME. Run it, and send to the instance of a key, which its first message creates:
 *
 *   export NODE_OPTIONS='--import tsx'     # as long as it is written in TypeScript
 *   reeve dev --definitionsFolder ./actors
 *   reeve send NAME --to central key=a -- ADD '{"by":2}'
 *   reeve describe actor NAME/a
 */
import { assign, setup } from 'xstate';
import { defineActor, reply } from 'reeve';

/** Its state. Plain data: all of it is on disk after each turn. */
interface Context {
	readonly total: number;
}

/** The events that it takes. */
type Event = { type: 'ADD'; by: number } | { type: 'PAUSE' } | { type: 'TELL' };

const machine = setup({
	types: { context: {} as Context, events: {} as Event },
	// How long it rests. A timer is a row on disk, and fires after a restart, too.
	delays: { REST: 60_000 },
	actions: {
		add: assign({ total: ({ context }, { by }: { by: number }) => context.total + by }),
	},
}).createMachine({
	id: 'NAME',
	context: { total: 0 },
	initial: 'counting',
	on: {
		// Nothing leaves before the turn is on disk, this answer included.
		TELL: { actions: reply(({ context }) => ({ total: context.total })) },
	},
	states: {
		counting: {
			on: {
				ADD: { actions: { type: 'add', params: ({ event }) => ({ by: event.by }) } },
				PAUSE: 'resting',
			},
		},
		resting: { after: { REST: 'counting' } },
	},
});

export default defineActor({
	name: 'NAME',
	summary: 'Counts, and rests when it is told to',
	// Raise it with every change that stored instances must follow, and say how in migrate.
	version: 1,
	machine,
});
`;

const actorSpec = `/** Run it with: node --import tsx --test actors/NAME.test.ts */
import assert from 'node:assert/strict';
import test from 'node:test';
import { driveActor } from 'reeve/testing';
import VARIABLE from './NAME.ts';

test('it adds up, rests on PAUSE, and keeps its state after a crash', async (t) => {
	// On a node of its own, with a clock that the spec advances.
	const driven = await driveActor(VARIABLE, { key: 'a' });
	t.after(() => driven.stop());
	await driven.send({ type: 'ADD', by: 2 });
	await driven.send({ type: 'PAUSE' });
	await driven.send({ type: 'ADD', by: 100 });
	await driven.crash();
	assert.equal(await driven.value(), 'resting');
	await driven.clock.advance(60_000);
	await driven.send({ type: 'ADD', by: 3 });
	assert.deepEqual(await driven.send({ type: 'TELL' }), { outcome: 'done', data: { total: 5 } });
	const turns = await driven.turns();
	assert.deepEqual(
		turns.map(({ event, value }) => [event?.type, value]),
		[
			['ADD', 'counting'],
			['PAUSE', 'resting'],
			['ADD', 'resting'],
			['xstate.after.REST.NAME.resting', 'counting'],
			['ADD', 'counting'],
			['TELL', 'counting'],
		],
	);
	// The effects that a turn has requested, besides the change of its state.
	assert.deepEqual(turns[1]?.did, ['timer xstate.after.REST.NAME.resting after 60000 ms']);
});
`;

const methodText = `/**
 * The method NAME. Run it, and call it:
 *
 *   export NODE_OPTIONS='--import tsx'     # as long as it is written in TypeScript
 *   reeve dev --methodsFolder ./methods
 *   reeve send NAME --to central 'data=three small words'
 */
import { defineMethod, ReeveError } from 'reeve';
import { z } from 'zod';

/** Counts the words in the data of the message. */
export default defineMethod({
	name: 'NAME',
	aliases: [],
	summary: 'Count the words in data',
	kind: 'CommandACK',
	// Or 'sequential': one message at a time, in their order.
	ordering: 'concurrent',
	// It has no side effect, so it may run again after a crash in mid-run; else 'report'.
	onCrash: 'retry',
	// Its output is sent as a reply.
	replies: true,
	args: z.array(z.string()).max(0, 'NAME takes no arguments'),
	example: { data: 'three small words' },
	run({ data }) {
		// A ReeveError is an expected failure, and its code goes to the sender; any other is a bug.
		if (typeof data !== 'string') throw new ReeveError('bad_arguments', 'data must be text');
		return Promise.resolve({ data: String(data.split(/\\s+/).filter(Boolean).length) });
	},
});
`;

const methodSpec = `/** Run it with: node --import tsx --test methods/NAME.test.ts */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { configOf, startNode } from 'reeve';
import VARIABLE from './NAME.ts';

test('it counts words', async (t) => {
	const folder = mkdtempSync(join(tmpdir(), 'NAME-'));
	t.after(() => rmSync(folder, { recursive: true, force: true }));
	const config = configOf({
		nodeName: 'central',
		brokerListen: '127.0.0.1:0',
		socketFolder: folder,
		databaseFolder: join(folder, 'db'),
		subscribersDataFolder: join(folder, 'data'),
		logLevel: 'silent',
	});
	const node = await startNode(config, { methods: [VARIABLE] });
	t.after(() => node.stop());
	const message = { toNode: 'central', method: 'NAME', data: 'three small words' };
	const [answer] = await node.api.accept(message, 'spec');
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	// The question ends with the outcome of the message.
	const question = { reeve: 'watch', ids: [answer.id] };
	let last: unknown;
	for await (const row of node.api.ask(question, AbortSignal.any([]))) last = row;
	const { state, output } = Object(last);
	assert.deepEqual({ state, output }, { state: 'done', output: '3' });
});
`;
