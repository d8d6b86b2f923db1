/**
 * What a node does with what its wires bring.
 *
 * @module
 */
import type { Ground } from './node-services.ts';
import type { Inbox } from '../../runtime/delivery/inbox.ts';
import type { Exchange } from '../../runtime/network/network.ts';
import type { Arrivals } from '../../runtime/network/inbound-router.ts';

/** What the node does with what its wires bring. */
export function createArrivals(
	ground: Pick<
		Ground,
		'retention' | 'publishing' | 'presence' | 'intake' | 'answers' | 'ownership' | 'journal'
	> & { readonly inbox: Inbox; readonly exchange: () => Exchange },
): Arrivals {
	const { inbox, retention, publishing, presence, intake, answers } = ground;
	return {
		frame(frame, destination) {
			if (frame.lane === undefined) {
				inbox.receiveOnce(frame, destination);
				return;
			}
			const refusal = retention.admit(frame);
			if (refusal) ground.exchange().answer(frame, refusal);
			// It rejects only when this process may not write any more; then nobody is answered.
			else inbox.receive(frame, destination).catch(() => undefined);
		},
		acknowledgement: (ack) => publishing.ack(ack),
		status: (status) => presence.learn(status),
		foreign: (payload, address, properties) => intake.acceptForeign(payload, address, properties),
		link(isUp) {
			publishing.link(isUp);
			if (isUp) answers.pump();
		},
		claim: (payload) => ground.ownership.claims.objection(payload),
		laterLife: () => void ground.journal.isOwner(),
	};
}
