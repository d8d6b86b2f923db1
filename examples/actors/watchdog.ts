/**
 * A watchdog: looks after services, each under a key of its own. It restarts one that does not
 * answer, waits longer after each restart that did not help, and calls for people after the third.
 *
 * ```sh
 * node --import tsx examples/actors/watchdog.ts         # tells the story of two, with a real node
 * reeve dev --definitionsFolder examples/actors         # or try it yourself:
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
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { assign, setup } from 'xstate';
import { defineActor, raiseAlert, reply, step } from '../../supervisors/node/node.ts';
import { playIfMain, type Story } from '../story.ts';

interface Watched {
	readonly check: string;
	readonly restart: string;
	readonly everyMs: number;
	/** Consecutive restarts that have not helped. */
	readonly failures: number;
	readonly restarts: number;
}

type WatchdogEvent =
	| { type: 'WATCH'; check: string; restart: string; everyMs: number }
	| { type: 'TELL' }
	| { type: 'REPAIRED' };

const failuresMax = 3;
const run = promisify(execFile);

/** These commands may run twice without harm, so after a crash they run again. */
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

/** In the story a service is a file: it is up while the file exists. */
export const story: Story = {
	nodes: ['ship1'],
	async play({ folder, say, tell, until, alerts, alerted }) {
		const web = { node: 'ship1', actor: 'watchdog', key: 'web' };
		const printer = { node: 'ship1', actor: 'watchdog', key: 'printer' };
		const up = join(folder, 'web.up');
		const repaired = join(folder, 'printer.up');
		const brief = ({ restarts, failures }: Watched) => ({ restarts, failures });

		const everyMs = 50;
		await tell(web, {
			type: 'WATCH',
			check: `test -e ${up}`,
			restart: `touch ${up}`,
			everyMs,
		} as const);
		for (let deaths = 1; deaths <= 4; deaths += 1) {
			await until<Watched>(web, ({ restarts, failures }) => restarts === deaths && failures === 0);
			say(`The web server was down, and is restarted: ${existsSync(up) ? 'it is well' : 'no'}`);
			if (deaths < 4) rmSync(up);
		}

		const check = `test -e ${repaired}`;
		await tell(printer, { type: 'WATCH', check, restart: 'false', everyMs });
		await alerted(1);
		const given = await until<Watched>(printer, () => true);
		say(`The printer was restarted ${given.restarts} times in vain: ${alerts().join('; ')}`);
		writeFileSync(repaired, '');
		await tell(printer, { type: 'REPAIRED' });
		const well = await until<Watched>(printer, ({ failures }) => failures === 0);
		say('The operator has repaired it');
		const end = {
			given: brief(given),
			printer: brief(well),
			web: brief(await tell(web, { type: 'TELL' })),
		};
		return { ...end, alerts: alerts().length };
	},
};

await playIfMain(import.meta.url, story);
