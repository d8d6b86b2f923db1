import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { ask, send } from '../../actors/definition/effects.ts';
import { step } from '../../actors/definition/step.ts';
import { pause, seededChance, turnOfTheLoop } from '../../runtime/platform/clock.ts';
import { signAsClient, withSignatureLine } from '../../runtime/security/client-signature.ts';
import { keyText, makeKey, openKeyring } from '../../runtime/security/keyring.ts';
import type { SimulatedFleet } from '../../supervisors/testing/simulated-fleet.ts';
import {
	createDraw,
	isDelayed,
	methodOf,
	nodes,
	permitted,
	type Action,
	type Fleet,
	type Request,
} from './authority-model.ts';
import startupFolder from '../../transports/folders/startup-folder.ts';
import { createContext } from '../support/transport-context.ts';
import { startWorld } from './world.ts';
import { effort } from '../support/effort.ts';

/** After this comes what waits for a time: well after the rules have changed. */
const delayMs = 5000;
/** How many fleets are tried. */
const fleets = Number(process.env['REEVE_AUTHORITY_FLEETS'] ?? effort(400, 2000));
const seed = Number(process.env['REEVE_SEED'] ?? 1);

interface Call {
	readonly method: string;
	readonly args: readonly string[];
	readonly data?: string;
}

interface Go {
	readonly type: 'GO';
	readonly mode: 'send' | 'timer' | 'ask' | 'step';
	readonly to: string;
	readonly call: Call;
}

/** An instance for each message would end; this one takes one after the other. */
const forward = defineActor({
	name: 'Forward',
	version: 1,
	machine: setup({
		types: { context: {} as { go: Go | undefined }, events: {} as Go | { type: 'reply.q' } },
		actors: { wait: step({ run: (_input, { clock, signal }) => pause(clock, delayMs, signal) }) },
		actions: {
			pass: send(({ context: { go } }) => {
				const { to = '', call = { method: '', args: [] } } = go ?? {};
				return { to, ...call, args: [...call.args] };
			}),
		},
	}).createMachine({
		id: 'forward',
		context: { go: undefined },
		initial: 'idle',
		states: {
			idle: {
				on: { GO: { target: 'choosing', actions: assign({ go: ({ event }) => event }) } },
			},
			choosing: {
				always: [
					{ guard: ({ context }) => context.go?.mode === 'timer', target: 'timing' },
					{ guard: ({ context }) => context.go?.mode === 'ask', target: 'asking' },
					{ guard: ({ context }) => context.go?.mode === 'step', target: 'stepping' },
					{ target: 'passing' },
				],
			},
			timing: { after: { [delayMs]: 'passing' } },
			asking: {
				entry: ask({ id: 'q', method: 'REQPing' }),
				on: { 'reply.q': 'passing' },
			},
			stepping: { invoke: { src: 'wait', onDone: 'passing', onError: 'passing' } },
			passing: { entry: 'pass', always: 'idle' },
		},
	}),
});

function callOf(action: Action): Call {
	const method = methodOf(action);
	switch (action.kind) {
		case 'note':
			return { method, args: [action.tag] };
		case 'relay': {
			const { method: inner, args, data } = callOf(action.inner);
			return { method, args: [action.to, inner, ...args], ...(data ? { data } : {}) };
		}
		case 'forward': {
			const { mode, to } = action;
			const go: Go = { type: 'GO', mode, to, call: callOf(action.inner) };
			return { method, args: [], data: JSON.stringify(go) };
		}
		case 'startup': {
			const { method: inner, args, data } = callOf(action.inner);
			const message = { toNode: action.to, method: inner, methodArgs: args, data };
			return { method, args: [action.tag], data: JSON.stringify(message) };
		}
		case 'copy':
			return { method, args: ['source', action.to, `copies/${action.tag}`] };
		case 'file':
			return { method, args: [] };
	}
}

const prefix = 'reeve';

/** Three nodes that sign and trust one another and alice, and what hands messages in. */
async function startFleet(t: Parameters<typeof startWorld>[0]) {
	const config = {
		signing: 'on',
		topicPrefix: prefix,
		lanesMax: 1000,
		// No power is cut here.
		durability: 'os',
	} as const;
	const { fleet, world } = startWorld(t, { config, actors: [forward] });
	const keysFolder = (node: string) => join(fleet.folder(node), 'keys');
	const keyrings = new Map(
		nodes.map((node) => [
			node,
			openKeyring({ folder: keysFolder(node), node, clock: fleet.clock }),
		]),
	);
	const alice = makeKey(join(fleet.spareFolder(), 'alice.key'));
	for (const [node, keyring] of keyrings) {
		keyring.trust({ kind: 'client', name: 'alice', key: keyText(alice) });
		for (const [name, other] of keyrings) {
			if (name !== node) keyring.trust({ kind: 'node', name, key: other.ownKey() });
		}
	}
	const calls = new Set<string>();
	const start = async (node: string): Promise<void> => {
		const config = { keysFolder: keysFolder(node) };
		const { node: running } = await fleet.start(node, { config });
		running.signals.subscribe((signal) => {
			if (signal.type === 'call.started') calls.add(`${node} ${signal.id}`);
			else if (signal.type === 'call.ended') calls.delete(`${node} ${signal.id}`);
		});
	};
	for (const node of nodes) {
		await start(node);
		writeFileSync(join(fleet.folder(node), 'source'), 'content');
	}
	/** Copies read and write files, which takes real time. */
	const callsEnd = async (): Promise<void> => {
		for (let turn = 0; calls.size > 0 && turn < 10_000; turn += 1) {
			await turnOfTheLoop();
			await fleet.clock.advance(1);
		}
		assert.equal(calls.size, 0, 'calls do not end');
	};
	let count = 0;
	const handIn = async ({ at, by, to, action, reply, isScheduled }: Request): Promise<void> => {
		const { method, args, data } = callOf(action);
		const replied = reply && callOf(reply);
		const message = {
			methodArgs: args,
			...(data ? { data } : {}),
			...(reply?.kind === 'file' ? { directory: 'files', fileName: reply.tag } : {}),
			...(replied && reply?.kind !== 'file'
				? { replyMethod: replied.method, replyMethodArgs: replied.args }
				: {}),
			...(isScheduled ? { schedule: { every: delayMs / 1000, times: 2 } } : {}),
		};
		if (by === 'local') {
			await fleet
				.node(at)
				.send({ ...message, toNode: to, method })
				.catch(() => undefined);
			return;
		}
		const topic = `${prefix}/${at}/${method}/CommandACK`;
		count += 1;
		const body = Buffer.from(JSON.stringify({ ...message, id: `m${count}` }));
		const proof = signAsClient(body, { topic }, { by: 'alice', count, key: alice });
		const payload = by === 'client' ? body : withSignatureLine(body, proof);
		void fleet.hub.publish({ topic, payload, qos: 1, retain: false });
	};
	/** Sends the startup messages of a node, as its start does. */
	const sendStartup = async (node: string): Promise<void> => {
		const { api } = fleet.node(node).node;
		const values = { nodeName: node, databaseFolder: fleet.folder(node) };
		await startupFolder.start(createContext(values, { api }).context);
	};
	return { fleet, world, keysFolder, start, sendStartup, handIn, callsEnd };
}

/** Puts rules in force at every node. */
async function enforce(
	fleet: SimulatedFleet,
	keysFolder: (node: string) => string,
	rules: Fleet,
): Promise<void> {
	for (const [node, list] of rules) {
		const path = join(keysFolder(node), 'acl.yaml');
		if (list) writeFileSync(path, `rules: ${JSON.stringify(list)}\n`);
		else rmSync(path, { force: true });
	}
	// Rules are believed for a second.
	await fleet.clock.advance(1001);
}

test('what all principals may do is done, and nothing else, through whatever nodes and actors', async (t) => {
	const { fleet, world, keysFolder, start, sendStartup, handIn, callsEnd } = await startFleet(t);
	const draw = createDraw(seededChance(seed));
	const startupOf = (node: string) => join(fleet.folder(node), 'startup');
	const later = async (ms: number, rounds = 1): Promise<void> => {
		for (let round = 0; round < rounds; round += 1) {
			await fleet.clock.advance(ms);
			await callsEnd();
		}
	};
	const filesOf = (request: Request): readonly string[] =>
		nodes.flatMap((node) =>
			tagsIn(request).flatMap((tag) => {
				const isThere = (...path: string[]) => existsSync(join(fleet.folder(node), ...path, tag));
				const copied = isThere('copies') ? [`${node} copy ${tag}`] : [];
				return isThere('files', request.to) ? [...copied, `${node} file ${tag}`] : copied;
			}),
		);
	let allowed = 0;
	for (let tried = 0; tried < fleets; tried += 1) {
		const [first, second] = draw.fleets();
		const request = draw.request();
		// A start takes long: only what waits for a time can be lost by one.
		const dying = delaysIn(request) > 0 ? nodes.filter(draw.dies) : [];
		await enforce(fleet, keysFolder, first);
		const before = world.runs.length;
		await handIn(request);
		await later(500, 3);
		await enforce(fleet, keysFolder, second);
		for (const node of dying) await start(node);
		// Those that are written from now on wait for another start.
		const withStartup = nodes.filter((node) => existsSync(startupOf(node)));
		for (const node of withStartup) await sendStartup(node);
		await later(delayMs + 500, delaysIn(request));
		await later(500, 3);
		for (const node of nodes) rmSync(startupOf(node), { recursive: true, force: true });

		const runs = world.runs.slice(before);
		const seen = runs.map(({ node, method, arg }) => `${node} ${method} ${arg}`);
		const wanted = permitted([first, second], request);
		allowed += wanted.length;
		const about = { request, dying, first: [...first], second: [...second] };
		assert.deepEqual(
			[...seen, ...filesOf(request)].toSorted(),
			wanted.toSorted(),
			`seed ${seed}, fleet ${tried}: ${JSON.stringify(about)}`,
		);
	}
	assert.ok(allowed > fleets / 5, `only ${allowed} things were allowed`);
});

/** An action, and those within it. */
function actionsIn(action: Action | undefined): readonly Action[] {
	if (!action) return [];
	return 'inner' in action ? [action, ...actionsIn(action.inner)] : [action];
}

const allIn = ({ action, reply }: Request) => [...actionsIn(action), ...actionsIn(reply)];

/** How often something waits for a time. */
function delaysIn(request: Request): number {
	return allIn(request).filter(isDelayed).length + (request.isScheduled ? 1 : 0);
}

function tagsIn(request: Request): readonly string[] {
	return allIn(request).flatMap((each) => ('tag' in each ? [each.tag] : []));
}
