/**
 * The host: the supervised process that owns the mailbox and all instances of one declared actor,
 * as a subscriber owns the mailbox of a method.
 *
 * ```text
 *   (opening) --> (open) -- SHUTDOWN --> (draining) --> ((stopped))
 *       |                                    running steps get their time, turns are written
 *       +-- triggers that were running at a crash run first, one after the other
 * ```
 *
 * @module
 */
import { fromPromise, setup, type ActorLogicFrom } from 'xstate';
import { createHostRuntime, type HostRuntime, type HostRuntimeParts } from './host-runtime.ts';

/** The input of a host. */
export interface HostInput extends Omit<HostRuntimeParts, 'broken'> {
	/** Registers what is called when the host has ended, for any reason. */
	readonly onExit: (see: () => void) => void;
	/** Called with the runtime of this host when it starts; a restarted host calls it again. */
	readonly onHostRuntime?: (hostRuntime: HostRuntime) => void;
}

/** What can happen to a host. */
export type HostEvent =
	/** Take no more turns, and stop when those that were taken are on disk. */
	| { readonly type: 'SHUTDOWN' }
	/** The host itself, and not a machine, has failed. */
	| { readonly type: 'BROKEN'; readonly thrown: unknown };

interface HostContext {
	readonly hostRuntime: HostRuntime;
}

const machine = setup({
	types: {
		context: {} as HostContext,
		input: {} as HostInput,
		events: {} as HostEvent,
	},
	actors: {
		open: fromPromise<void, HostContext>(({ input }) => input.hostRuntime.open()),
		drain: fromPromise<void, HostContext>(({ input }) => input.hostRuntime.drain()),
	},
}).createMachine({
	id: 'host',
	context: ({ input: { onExit, onHostRuntime, ...parts }, self }) => {
		const broken = (thrown: unknown) => self.send({ type: 'BROKEN', thrown });
		const hostRuntime = createHostRuntime({ ...parts, broken });
		onExit(() => hostRuntime.fence());
		onHostRuntime?.(hostRuntime);
		return { hostRuntime };
	},
	on: {
		BROKEN: {
			actions: ({ event }) => {
				throw event.thrown;
			},
		},
	},
	initial: 'opening',
	states: {
		opening: {
			invoke: { src: 'open', input: ({ context }) => context, onDone: 'open' },
			on: { SHUTDOWN: 'draining' },
		},
		open: { on: { SHUTDOWN: 'draining' } },
		draining: {
			invoke: { src: 'drain', input: ({ context }) => context, onDone: 'stopped' },
		},
		stopped: { type: 'final' },
	},
});

/** The host of one declared actor, as actor logic. */
export const hostLogic: ActorLogicFrom<typeof machine> = machine;
