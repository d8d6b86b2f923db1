/**
 * The children of a node's tree: each is made of the node's services, and says how it is started,
 * restarted and stopped. `tree.ts` says which supervisor each stands under.
 *
 * @module
 */
import type { Processes } from '../../runtime/method/processes.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import { startSweeping } from '../../runtime/delivery/lane-retention.ts';
import type { NodeApi, TransportDefinition } from '../../runtime/network/transport.ts';
import { watchMonitored } from '../actor-handles/actor-monitors.ts';
import { callStarter, callTemplate } from './call-child.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { watchDefinitions } from '../actor-hosts/definition-watch.ts';
import { startErrorReports } from '../reports/error-report.ts';
import type { NodeServices, Reload } from '../composition/node-services.ts';
import { startHello } from '../reports/hello.ts';
import { hostChild } from '../actor-hosts/actor-host-child.ts';
import { createProcesses } from './processes.ts';
import { recover, endOrphans } from './recovery.ts';
import { serviceChild } from '../otp/service-child.ts';
import { startStoreLog } from '../reports/store-log.ts';
import { subscriberChild } from './subscriber-child.ts';
import { publisherChild } from './publisher-child.ts';
import { transportContext, transportChild } from './transport-child.ts';

/** The children of a node's tree, by what they do. */
export interface TreeChildren {
	/** Ends the commands that an earlier process left running; done before anything may start one. */
	readonly orphans: ChildSpec;
	/** One running message: the template of the dynamic children of `calls`. */
	readonly call: ChildSpec;
	/** One for each method that this node takes. */
	readonly subscribers: readonly ChildSpec[];
	/** Wakes instances of actors when their timers are due. */
	readonly timers: ChildSpec;
	/** One for each declared actor. */
	readonly hosts: readonly ChildSpec[];
	/** Reloads definitions whose files have changed. */
	readonly definitions: ChildSpec;
	/** Tells machines that monitor other nodes when those are gone. */
	readonly monitors: ChildSpec;
	/** Starts a publisher for each lane that has something to send. */
	readonly publishing: ChildSpec;
	readonly errorReports: ChildSpec;
	readonly hello: ChildSpec;
	/** Forgets lanes that were silent for long. */
	readonly retention: ChildSpec;
	/** Keeps the record of what was sent. */
	readonly storeLog: ChildSpec;
	readonly transports: readonly ChildSpec[];
	/** Opens the node, once everything else runs. */
	readonly recovery: ChildSpec;
}

/** What the children are made of. */
export interface TreeChildrenParts {
	readonly services: NodeServices;
	readonly api: NodeApi;
	readonly reload: Reload;
	readonly transports: readonly TransportDefinition[];
}

/** Makes the children of one node's tree. Nothing runs yet. */
export function createTreeChildren(parts: TreeChildrenParts): TreeChildren {
	const { services, api, reload, transports } = parts;
	const startCall = callStarter(services.names);
	const subscriberOf = (box: Mailbox, processes: Processes): ChildSpec =>
		subscriberChild(services, box, { startCall, processes });
	const processes = createProcesses({ services, subscriber: subscriberOf });
	return {
		orphans: { id: 'orphans', restart: 'transient', start: () => endOrphans(services) },
		call: callTemplate(),
		subscribers: services.isSafe
			? []
			: [...services.mailboxes.values()]
					.filter(({ method }) => !services.definitions.isActor(method))
					.map((box) => subscriberOf(box, processes)),
		timers: {
			id: 'timers',
			start: serviceChild({ start: () => services.timers, stop: (timers) => timers.stop() }),
		},
		hosts: services.isSafe
			? []
			: services.actors.map((definition) => hostChild(services, definition)),
		definitions: {
			id: 'definitions',
			start: serviceChild({ start: () => watchDefinitions(services, reload) }),
		},
		monitors: {
			id: 'monitors',
			start: serviceChild({ start: () => watchMonitored(services) }),
		},
		publishing: publisherChild(services),
		errorReports: {
			id: 'errorReports',
			start: serviceChild({ start: () => startErrorReports(services) }),
		},
		hello: { id: 'hello', start: serviceChild({ start: () => startHello(services) }) },
		storeLog: { id: 'storeLog', start: serviceChild({ start: () => startStoreLog(services) }) },
		retention: {
			id: 'retention',
			start: serviceChild({ start: () => startSweeping(services.retention, services.clock) }),
		},
		transports: transports
			.filter((transport) => transport.wanted(services.config))
			.map((transport) => transportChild(transport, transportContext(services, api))),
		recovery: { id: 'recovery', restart: 'transient', start: () => recovery(services) },
	};
}

function recovery(services: NodeServices): 'ignore' {
	recover(services);
	return 'ignore';
}
