/**
 * The subscriber: the process, in steward's sense, that owns the mailbox of one method. It takes
 * messages in order, runs each in a call, and settles it.
 *
 * ```text
 *   (opening) --> (open) -- SHUTDOWN --> (draining) --> ((stopped))
 *       |                                    running calls get their time, then their signal
 *       +-- what a crash left behind, here or in other mailboxes, is settled first
 * ```
 *
 * @module
 */
import { fromPromise, setup, type ActorLogicFrom } from 'xstate';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { CrashRecovery } from '../../runtime/mailbox/crash-recovery.ts';
import { createMessageRuns, type MessageRuns } from './message-run.ts';
import type { RunServices } from './run-services.ts';

/** What a subscriber works with. */
export interface SubscriberInput extends RunServices {
	readonly mailbox: Mailbox;
	/** What a crash left behind, in all mailboxes of the node. */
	readonly crashRecovery: CrashRecovery;
}

/** What can happen to a subscriber. */
export interface SubscriberEvent {
	/** Take no more messages, and end when the running ones have. */
	readonly type: 'SHUTDOWN';
}

interface SubscriberContext extends SubscriberInput {
	readonly runs: MessageRuns;
}

const machine = setup({
	types: {
		context: {} as SubscriberContext,
		input: {} as SubscriberInput,
		events: {} as SubscriberEvent,
	},
	actors: {
		/** Settles, or runs again, what was started when an earlier process or subscriber died. */
		replay: fromPromise<void, SubscriberContext>(async ({ input }) => {
			const { mailbox, crashRecovery, runs, journal } = input;
			mailbox.reset();
			// Wait until starts that the subscriber before this one has filed can be read: without a
			// decision their messages would stay in the mailbox.
			await journal.commit([], 'committed');
			for (const { row, start } of mailbox.started()) {
				await crashRecovery.alone(() => mailbox.attend(() => runs.replay(row, start)));
			}
			crashRecovery.cleared(mailbox.method);
			await crashRecovery.over;
		}),
		drain: fromPromise<void, SubscriberContext>(({ input }) => input.mailbox.close()),
	},
	actions: {
		open({ context: { mailbox, runs } }) {
			mailbox.open((row, freed) => runs.run(row, freed), runs.begin);
		},
		abandon: ({ context }) => context.runs.abandon(),
	},
}).createMachine({
	id: 'subscriber',
	context: ({ input }) => ({ ...input, runs: createMessageRuns(input) }),
	initial: 'opening',
	states: {
		opening: {
			invoke: { src: 'replay', input: ({ context }) => context, onDone: 'open' },
			on: { SHUTDOWN: 'draining' },
		},
		open: { entry: 'open', on: { SHUTDOWN: 'draining' } },
		draining: {
			entry: 'abandon',
			invoke: { src: 'drain', input: ({ context }) => context, onDone: 'stopped' },
		},
		stopped: { type: 'final' },
	},
});

/** The subscriber of one method, as actor logic. */
export const subscriberLogic: ActorLogicFrom<typeof machine> = machine;
