/**
 * The subscriber: the process, in steward's sense, that owns the mailbox of one method. It takes
 * messages in order, has a call made for each, and files how it ended.
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
import { createMessageRuns } from './message-run.ts';
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
	readonly turns: ReturnType<typeof createMessageRuns>;
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
			const { mailbox, crashRecovery, turns, journal } = input;
			mailbox.reset();
			// Starts that the one before has still brought on their way must be seen, or nobody would
			// ever run what they are about.
			await journal.commit([], 'committed');
			for (const { row, start } of mailbox.started()) {
				await crashRecovery.alone(() => mailbox.attend(() => turns.replay(row, start)));
			}
			crashRecovery.cleared(mailbox.method);
			await crashRecovery.over;
		}),
		drain: fromPromise<void, SubscriberContext>(({ input }) => input.mailbox.close()),
	},
	actions: {
		open({ context: { mailbox, turns } }) {
			mailbox.open((row, freed) => turns.run(row, freed), turns.begin);
		},
		abandon: ({ context }) => context.turns.abandon(),
	},
}).createMachine({
	id: 'subscriber',
	context: ({ input }) => ({ ...input, turns: createMessageRuns(input) }),
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
