/**
 * A rolling upgrade: the nodes of a fleet are upgraded batch by batch, and the rollout halts when
 * too many of them have failed, with the rest untouched. Then an operator resumes it.
 *
 * ```sh
 * node --import tsx examples/actors/rollout.ts          # tells the story of one, on real nodes
 * reeve dev --definitionsFolder examples/actors         # or try it yourself:
 * reeve send rollout --to central key=1.2 -- START \
 *   '{"nodes":["ship1","ship2"],"batch":1,"failuresMax":0,"command":["sh","-c","echo upgraded"]}'
 * reeve send rollout --to central key=1.2 -- TELL
 * ```
 *
 * The open requests are on disk. If its own node dies meanwhile, it goes on waiting for the same
 * answers, and sends no request twice.
 *
 * @module
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assign, enqueueActions, setup } from 'xstate';
import { ask, defineActor, raiseAlert, reply, type Answered } from '../../supervisors/node/node.ts';
import { playIfMain, type Story } from '../story.ts';

interface Plan {
	readonly nodes: readonly string[];
	/** How many are upgraded at a time. */
	readonly batch: number;
	/** With more failures than that it halts. */
	readonly failuresMax: number;
	/** What upgrades a node; its name is given as the last argument. */
	readonly command: readonly string[];
}

interface Rollout extends Plan {
	/** The nodes that are upgraded now. */
	readonly current: readonly string[];
	/** The outcome of the command, by node. */
	readonly results: Readonly<Record<string, string>>;
}

type RolloutEvent =
	| ({ readonly type: 'START' } & Plan)
	| { readonly type: 'RESUME' }
	| { readonly type: 'TELL' }
	| ({ readonly type: `reply.${string}` } & Answered)
	| { readonly type: `timeout.${string}` };

/** The seconds that a node may be down. If it comes back later, it is not upgraded. */
const awayMax = 600;
/** The seconds that the upgrade may take; then its node ends it. */
const upgradeMax = 300;

const isUpgraded = ({ results }: Rollout, node: string) => results[node] === 'done';
const failures = ({ results }: Rollout) =>
	Object.keys(results).filter((node) => results[node] !== 'done');
const waiting = (rollout: Rollout) =>
	rollout.nodes.filter((node) => rollout.results[node] === undefined);

const machine = setup({
	types: { context: {} as Rollout, events: {} as RolloutEvent },
	guards: {
		isBatchOver: ({ context }) => context.current.every((node) => node in context.results),
		isTooBad: ({ context }) => failures(context).length > context.failuresMax,
		isAllOver: ({ context }) => waiting(context).length === 0,
	},
	actions: {
		pick: assign({ current: ({ context }) => waiting(context).slice(0, context.batch) }),
		upgrade: enqueueActions(({ context, enqueue }) => {
			const { command, current } = context;
			for (const node of current) {
				enqueue(
					ask({
						// The answer comes back under this name.
						id: node,
						timeoutMs: (awayMax + upgradeMax) * 1000,
						ttl: awayMax,
						to: node,
						method: 'REQCliCommand',
						args: [...command, node],
						methodTimeout: upgradeMax,
						// If a node dies meanwhile the script runs again, which must do no harm.
						onCrash: 'retry',
					}),
				);
			}
		}),
		note: assign({
			results: ({ context, event }) => {
				const [, node = ''] = /^(?:reply|timeout)\.(.*)$/.exec(event.type) ?? [];
				const outcome = 'outcome' in event ? event.outcome : 'no answer';
				return { ...context.results, [node]: outcome };
			},
		}),
		/** Forgets the outcomes of failed nodes, so that they are upgraded again. */
		forgive: assign({
			results: ({ context }) =>
				Object.fromEntries(
					Object.entries(context.results).filter(([node]) => isUpgraded(context, node)),
				),
		}),
	},
}).createMachine({
	id: 'rollout',
	context: { nodes: [], batch: 1, failuresMax: 0, command: ['true'], current: [], results: {} },
	initial: 'idle',
	on: {
		TELL: { actions: reply(({ context: { results, current } }) => ({ results, current })) },
	},
	states: {
		idle: {
			on: {
				START: { target: 'next', actions: assign(({ event: { type: _, ...plan } }) => plan) },
			},
		},
		next: {
			always: [{ guard: 'isAllOver', target: 'over' }, { target: 'upgrading' }],
		},
		upgrading: {
			entry: ['pick', 'upgrade'],
			// Waits for the whole batch even if one has failed, because the others are running.
			on: { 'reply.*': { actions: 'note' }, 'timeout.*': { actions: 'note' } },
			always: { guard: 'isBatchOver', target: 'judging' },
		},
		judging: {
			always: [{ guard: 'isTooBad', target: 'halted' }, { target: 'next' }],
		},
		halted: {
			entry: raiseAlert('critical', ({ context }) => `failed at ${failures(context).join(', ')}`),
			on: { RESUME: { target: 'next', actions: 'forgive' } },
		},
		over: {},
	},
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'rollout',
	summary: 'Upgrades a fleet in batches, and halts when that fails',
	version: 1,
	machine,
});

const ships = ['ship1', 'ship2', 'ship3', 'ship4', 'ship5', 'ship6'];

/** The upgrade: writes a version, unless the disk of the ship is full. It may well run twice. */
const script = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
test -e "$2.full" && { echo "no space left" >&2; exit 1; }
echo "$1" > "$2.version"
`;

/** The rollout runs on the node `harbour`. One ship is a process, the others run here. */
export const story: Story = {
	nodes: ['harbour', 'ship1'],
	async play({ folder, say, tell, until, alerts, alerted, join: sail }) {
		const rollout = { node: 'harbour', actor: 'rollout', key: '2.0' };
		const upgrade = join(folder, 'upgrade.sh');
		writeFileSync(upgrade, script);
		chmodSync(upgrade, 0o755);
		writeFileSync(join(folder, 'ship4.full'), '');
		for (const ship of ships.slice(1)) await sail(ship);
		const versions = () =>
			ships.map((ship) => {
				const file = join(folder, `${ship}.version`);
				return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'old';
			});

		const command = [upgrade, '2.0'];
		say('A rollout in batches of two is started; the disk of ship4 is full');
		await tell(rollout, {
			type: 'START',
			nodes: ships,
			batch: 2,
			failuresMax: 0,
			command,
		} as const);
		await alerted(1);
		const halted = versions();
		say(`It has halted (${alerts().join('; ')}): ${halted.join(', ')}`);

		rmSync(join(folder, 'ship4.full'));
		say('The disk of ship4 is cleaned up, and the rollout resumed');
		await tell(rollout, { type: 'RESUME' });
		const { results } = await until<Pick<Rollout, 'results'>>(rollout, ({ results }) =>
			ships.every((ship) => results[ship] === 'done'),
		);
		say(`It is over: ${versions().join(', ')}`);
		return { halted, results, versions: versions(), alerts: alerts() };
	},
};

await playIfMain(import.meta.url, story);
