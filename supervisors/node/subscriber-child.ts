/**
 * The child of the tree that owns the mailbox of one method.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { CallInput, RunningCall } from '../../actors/inbound/call.ts';
import type { Processes } from '../../runtime/method/processes.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { actorChild } from '../otp/actor-child.ts';
import { subscriberLogic } from '../../actors/inbound/subscriber.ts';

/** How much longer than `stopTimeout` a subscriber may take to let go of what it runs. */
const drainMs = 5000;

/**
 * Makes the subscriber of a mailbox. An operator may have stopped it: then it starts as stopped.
 *
 * @throws ReeveError `internal` if the mailbox has no method
 */
export function subscriberChild(
	services: Pick<
		NodeServices,
		| 'authority'
		| 'authorization'
		| 'cancellations'
		| 'clock'
		| 'config'
		| 'crashRecovery'
		| 'journal'
		| 'ledger'
		| 'methods'
		| 'node'
		| 'outbox'
		| 'outcomePublisher'
		| 'passPoint'
		| 'print'
		| 'processOverrides'
		| 'receipts'
		| 'received'
		| 'router'
		| 'signals'
	>,
	mailbox: Mailbox,
	calls: { startCall: (input: CallInput) => RunningCall; processes: Processes },
): ChildSpec {
	const { method } = mailbox;
	const definition = services.methods.find(method);
	if (!definition) throw new ReeveError('internal', `a mailbox without a method: ${method}`);
	const start = actorChild({
		logic: subscriberLogic,
		input: ({ child }) => ({
			...services,
			storeId: services.journal.storeId,
			mailbox,
			definition,
			...calls,
			onExit: (see) => void child.onExit(see),
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return {
		id: method,
		shutdown: services.config.stopTimeout * 1000 + drainMs,
		async start(context) {
			const process = { kind: 'subscriber', method, node: services.node } as const;
			if (services.processOverrides.get(process) !== 'stopped') return start(context);
			// What a crash left running is decided when an operator starts it.
			services.crashRecovery.cleared(method);
			return 'ignore';
		},
	};
}
