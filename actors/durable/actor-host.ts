/**
 * The host: the process that owns the mailbox of one declared actor, and all its instances. To the
 * node it is what a subscriber is to a method.
 *
 * ```text
 *   (opening) --> (open) -- SHUTDOWN --> (draining) --> ((stopped))
 *       |                                    running steps get their time, turns are written
 *       +-- what a crash left in doubt runs first, one after the other
 * ```
 *
 * @module
 */
import { fromPromise, setup, type ActorLogicFrom } from 'xstate';
import { createHostRuntime, type HostRuntime, type HostRuntimeParts } from './host-runtime.ts';

/** What a host works with. */
export interface HostInput extends Omit<HostRuntimeParts, 'broken'> {
	/** Calls `see` when the host has ended, however that came. */
	readonly onExit: (see: () => void) => void;
	/** Told of the work of this host once it is there; of the next one when another has begun. */
	readonly onHostRuntime?: (hostRuntime: HostRuntime) => void;
}

/** What can happen to a host. */
export type HostEvent =
	/** Take no more turns, and end when those that were taken are on disk. */
	| { readonly type: 'SHUTDOWN' }
	/** It has met an error of its own, not of a machine. */
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
