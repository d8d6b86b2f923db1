/**
 * What a node does with what its wires bring.
 *
 * @module
 */
import type { NodeServices } from './node-services.ts';
import type { Inbox } from '../../runtime/delivery/inbox.ts';
import type { Network } from '../../runtime/network/network.ts';
import type { InboundHandlers } from '../../runtime/network/inbound-router.ts';

/** What the node does with what its wires bring. */
export function createInboundHandlers(
	services: Pick<
		NodeServices,
		| 'retention'
		| 'publishing'
		| 'presence'
		| 'intake'
		| 'outcomePublisher'
		| 'ownership'
		| 'journal'
	> & { readonly inbox: Inbox; readonly network: () => Network },
): InboundHandlers {
	const { inbox, retention, publishing, presence, intake, outcomePublisher } = services;
	return {
		frame(frame, destination) {
			if (frame.lane === undefined) {
				inbox.receiveOnce(frame, destination);
				return;
			}
			const refusal = retention.admit(frame);
			if (refusal) services.network().answer(frame, refusal);
			// It rejects only when this process may not write any more; then nobody is answered.
			else inbox.receive(frame, destination).catch(() => undefined);
		},
		acknowledgement: (ack) => publishing.ack(ack),
		status: (status) => presence.learn(status),
		publicMessage: (payload, address, properties) =>
			intake.acceptPublic(payload, address, properties),
		link(isUp) {
			publishing.link(isUp);
			if (isUp) outcomePublisher.pump();
		},
		claim: (payload) => services.ownership.claims.objection(payload),
		laterEpoch: () => void services.journal.isOwner(),
	};
}
