/**
 * A watchdog: looks after services, each under a key of its own. It restarts one that does not
 * answer, waits longer after each restart that did not help, and calls for people after the third.
 *
 * ```sh
 * reeve dev --definitionsFolder examples/actors
 * reeve send watchdog --to central key=nginx -- WATCH \
 *   '{"check":"pgrep nginx","restart":"systemctl restart nginx","everyMs":5000}'
 * reeve send watchdog --to central key=nginx -- TELL
 * ```
 *
 * All of it survives a crash of the node: which services are watched, how often they have failed,
 * and the pause that was running.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { assign, setup } from 'xstate';
import { defineActor, raiseAlert, reply, step } from '../../supervisors/node.ts';

interface Watched {
	readonly check: string;
	readonly restart: string;
	readonly everyMs: number;
	/** Restarts in a row that have not helped. */
	readonly failures: number;
	readonly restarts: number;
}

type WatchdogEvent =
	| { type: 'WATCH'; check: string; restart: string; everyMs: number }
	| { type: 'TELL' }
	| { type: 'REPAIRED' };

const failuresMax = 3;
const run = promisify(execFile);

/** A command may run twice without harm here, so after a crash it is simply tried again. */
const command = step<string, string>({
	onCrash: 'retry',
	timeoutMs: 30_000,
	run: async (line, { signal }) => (await run('/bin/sh', ['-c', line], { signal })).stdout,
});

const machine = setup({
	types: { context: {} as Watched, events: {} as WatchdogEvent },
	actors: { command },
	delays: {
		EVERY: ({ context }) => context.everyMs,
		BACKOFF: ({ context }) => context.everyMs * 2 ** context.failures,
	},
	guards: { isHopeless: ({ context }) => context.failures >= failuresMax },
	actions: {
		isWell: assign({ failures: 0 }),
		hasFailed: assign({ failures: ({ context }) => context.failures + 1 }),
		hasRestarted: assign({ restarts: ({ context }) => context.restarts + 1 }),
	},
}).createMachine({
	id: 'watchdog',
	context: { check: 'true', restart: 'true', everyMs: 5000, failures: 0, restarts: 0 },
	initial: 'idle',
	on: {
		REPAIRED: { target: '.checking', actions: 'isWell' },
		TELL: { actions: reply(({ context }) => ({ ...context })) },
		WATCH: {
			target: '.checking',
			actions: assign(({ event: { check, restart, everyMs } }) => ({ check, restart, everyMs })),
		},
	},
	states: {
		idle: {},
		watching: { after: { EVERY: 'checking' } },
		checking: {
			invoke: {
				src: 'command',
				input: ({ context }) => context.check,
				onDone: { target: 'watching', actions: 'isWell' },
				onError: [{ guard: 'isHopeless', target: 'hopeless' }, { target: 'restarting' }],
			},
		},
		restarting: {
			entry: ['hasFailed', 'hasRestarted'],
			invoke: {
				src: 'command',
				input: ({ context }) => context.restart,
				onDone: 'waiting',
				onError: 'waiting',
			},
		},
		waiting: { after: { BACKOFF: 'checking' } },
		hopeless: {
			entry: raiseAlert('critical', ({ context }) => `${context.check}: restarts do not help`),
		},
	},
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'watchdog',
	summary: 'Restarts services that do not answer',
	version: 1,
	machine,
});
