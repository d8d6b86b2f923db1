/**
 * Watches the free space of folders, each under a key of its own. It tells people when a disk is
 * fuller than one threshold, and tells them again only after it has been emptier than a lower one:
 * a disk whose use sways around a threshold would otherwise call them every minute.
 *
 * ```sh
 * node --import tsx examples/actors/disk-space.ts       # tells the story of one, with a real node
 * reeve dev --definitionsFolder examples/actors         # or try it yourself:
 * reeve send disk-space --to central key=/var -- WATCH \
 *   '{"folder":"/var","alertAt":90,"clearAt":80,"everyMs":60000}'
 * reeve send disk-space --to central key=/var -- TELL
 * ```
 *
 * @module
 */
import { statfs } from 'node:fs/promises';
import { assign, setup } from 'xstate';
import { defineActor, raiseAlert, reply, step } from '../../supervisors/node/node.ts';
import { playIfMain, type Story } from '../story.ts';

interface Watch {
	readonly folder: string;
	/** Percent in use from which on the disk is called full, and below which it is not any more. */
	readonly alertAt: number;
	readonly clearAt: number;
	readonly everyMs: number;
}

interface Space extends Watch {
	/** Percent in use, when it was last looked at. */
	readonly used: number;
	readonly looks: number;
}

type SpaceEvent = ({ readonly type: 'WATCH' } & Watch) | { readonly type: 'TELL' };

/** Reading is harmless, so after a crash it is done again. */
const measure = step<number, string>({
	onCrash: 'retry',
	timeoutMs: 10_000,
	async run(folder) {
		const { blocks, bavail } = await statfs(folder);
		return Math.round((1 - bavail / blocks) * 1000) / 10;
	},
});

const machine = setup({
	types: { context: {} as Space, events: {} as SpaceEvent },
	actors: { measure },
	delays: { EVERY: ({ context }) => context.everyMs },
	guards: {
		isFull: ({ context }) => context.used >= context.alertAt,
		isRoomy: ({ context }) => context.used < context.clearAt,
	},
}).createMachine({
	id: 'disk-space',
	context: {
		folder: '/',
		alertAt: 100,
		clearAt: 100,
		everyMs: 60_000,
		used: 0,
		looks: 0,
	},
	// Two independent regions: when to look, and whether the disk is full.
	type: 'parallel',
	on: { TELL: { actions: reply(({ context }) => ({ ...context })) } },
	states: {
		probe: {
			initial: 'idle',
			// Here and not at the root, or the other region would begin anew, too.
			on: {
				WATCH: {
					target: '.looking',
					actions: assign(({ event: { type: _, ...watch } }) => watch),
				},
			},
			states: {
				idle: {},
				looking: {
					invoke: {
						src: 'measure',
						input: ({ context }) => context.folder,
						onDone: {
							target: 'resting',
							actions: assign({
								used: ({ event }) => event.output,
								looks: ({ context }) => context.looks + 1,
							}),
						},
						// The disk of the folder may be unmounted for the moment.
						onError: 'resting',
					},
				},
				// The pause is a row on disk: after a crash it goes on and does not start again.
				resting: { after: { EVERY: 'looking' } },
			},
		},
		level: {
			initial: 'roomy',
			states: {
				roomy: { always: { guard: 'isFull', target: 'full' } },
				full: {
					entry: raiseAlert('critical', ({ context }) => `${context.used} % are in use`),
					exit: raiseAlert('info', ({ context }) => `only ${context.used} % are in use now`),
					always: { guard: 'isRoomy', target: 'roomy' },
				},
			},
		},
	},
});

/** The definition that the folder scan finds. */
export default defineActor({
	name: 'disk-space',
	summary: 'Tells people when a disk is filling up',
	version: 1,
	machine,
});

/** The story fills no disk: it moves the thresholds around what is really in use. */
export const story: Story = {
	nodes: ['ship1'],
	async play({ folder, say, tell, until, alerts, alerted }) {
		const disk = { node: 'ship1', actor: 'disk-space', key: 'data' };
		/** Sets the thresholds, and waits until the actor has looked at the disk twice. */
		const watch = async (alertAt: number, clearAt: number): Promise<number> => {
			await tell(disk, { type: 'WATCH', folder, alertAt, clearAt, everyMs: 50 });
			const before = await until<Space>(disk, () => true);
			const { used } = await until<Space>(disk, ({ looks }) => looks >= before.looks + 2);
			return used;
		};
		const heard = () => alerts().map((alert) => alert.replace(/[\d.]+ %/, 'so many percent'));
		const seen: number[] = [];
		const note = (text: string): void => {
			seen.push(heard().length);
			say(`${text}; people have heard of it ${heard().length} times`);
		};
		const used = await watch(1000, 1000);
		say(`${used} % of the disk are in use`);
		await watch(used + 10, used + 5);
		note('That is below both thresholds');
		await watch(used - 10, used - 15);
		await alerted(1);
		note('Both thresholds are lower now: it is full');
		await watch(used + 10, used - 10);
		note('It is between them: still full, for it was so before');
		await watch(used + 10, used + 5);
		await alerted(2);
		note('It is below both again: there is room');
		await watch(used + 10, used - 10);
		note('It is between them: still roomy, for it was so before');
		return { seen, heard: heard() };
	},
};

await playIfMain(import.meta.url, story);
