/**
 * The child of the tree that starts a publisher for each lane of the outbox.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import type { PublisherRef } from '../../actors/outbound/publisher-registry.ts';
import { supervisorNamed } from '../otp/registered-supervisors.ts';
import { createRenewal } from './store-renewal.ts';
import type { Lane } from '../../runtime/delivery/outbox.ts';
import { actorChild, actorOf } from '../otp/actor-child.ts';
import { publisherLogic } from '../../actors/outbound/publisher.ts';
import { serviceChild } from '../otp/service-child.ts';

/** Makes the child. Publishers that run when it stops are told nothing more. */
export function publisherChild(
	services: Pick<
		NodeServices,
		| 'clock'
		| 'config'
		| 'journal'
		| 'ledger'
		| 'names'
		| 'network'
		| 'outbox'
		| 'passPoint'
		| 'presence'
		| 'processOverrides'
		| 'publishers'
		| 'signals'
	>,
): ChildSpec {
	const { publishers: registry, names } = services;
	const onStaleStore = createRenewal(services);
	const publisher = (lane: Lane): ChildSpec => {
		const start = actorChild({
			logic: publisherLogic,
			input: { ...services, lane, onStaleStore },
			shutdownEvent: { type: 'SHUTDOWN' },
			describe: () => ({ mailboxLength: lane.next - lane.lo }),
		});
		return {
			id: lane.name,
			async start(context) {
				const { to: node, method } = lane;
				const choice = services.processOverrides.get({ kind: 'publisher', method, node });
				if (choice === 'stopped') return 'ignore';
				const started = await start(context);
				const child = typeof started === 'object' && 'pid' in started ? started : undefined;
				const actor = child && actorOf(child);
				// A publisher that an operator has stopped stays registered, and gets no events.
				const send: PublisherRef['send'] = (event) => {
					if (child?.exitReason === undefined) actor?.send(event);
				};
				if (actor) registry.register(lane, { send });
				return started;
			},
		};
	};
	return {
		id: 'publishing',
		start: serviceChild({
			start: () =>
				registry.open((lane) => {
					void supervisorNamed(names, 'publishers').startChild(publisher(lane));
				}),
		}),
	};
}
