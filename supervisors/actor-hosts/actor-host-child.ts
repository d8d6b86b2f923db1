/**
 * The host of a declared actor, as a child of the tree.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { hostLogic } from '../../actors/durable/actor-host.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { actorChild } from '../otp/actor-child.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { runAs } from '../otp/stray-errors.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { createAskDiagnosis } from '../actor-handles/ask-diagnosis.ts';

/** What the host of an actor needs of the node. */
export type HostServices = Pick<
	NodeServices,
	| 'asks'
	| 'authority'
	| 'clock'
	| 'config'
	| 'crashRecovery'
	| 'hostRuntimes'
	| 'intake'
	| 'journal'
	| 'ledger'
	| 'mailboxes'
	| 'methods'
	| 'network'
	| 'node'
	| 'outbox'
	| 'passPoint'
	| 'presence'
	| 'print'
	| 'receipts'
	| 'received'
	| 'router'
	| 'signals'
	| 'timers'
>;

/** How much longer than `stopTimeout` a host may take to write what it has begun. */
const drainMs = 5000;

/**
 * The child that hosts one actor. It takes no turn before the messages that ran at the last crash
 * are decided, and the name of the node is granted.
 */
export function hostChild(services: HostServices, definition: ActorDefinition): ChildSpec {
	const { name } = definition;
	const mailbox = services.mailboxes.get(name);
	if (!mailbox) throw new ReeveError('internal', `an actor without a mailbox: ${name}`);
	const askDiagnosis = createAskDiagnosis(services);
	const start = actorChild({
		logic: hostLogic,
		input: ({ child }) => ({
			...services,
			mailbox,
			definition,
			publish: (topic, data) => services.network.tell(topic, data),
			mayRun: services.crashRecovery.over,
			askDiagnosis,
			runAs,
			onExit: (see) => void child.onExit(see),
			onHostRuntime(hostRuntime) {
				const { hostRuntimes } = services;
				hostRuntimes.set(name, hostRuntime);
				void child.onExit(() => {
					// The next host may be there already.
					if (hostRuntimes.get(name) === hostRuntime) hostRuntimes.delete(name);
				});
			},
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return { id: name, start, shutdown: services.config.stopTimeout * 1000 + drainMs };
}
