/**
 * What a node does with what its wires bring.
 *
 * @module
 */
import type { Inbox } from '../delivery/inbox.ts';
import type { LaneRetention } from '../delivery/lane-retention.ts';
import type { Journal } from '../journal/journal.ts';
import type { InboundHandlers } from '../network/inbound-router.ts';
import type { Claims } from '../network/name-claim.ts';
import type { Network } from '../network/network.ts';
import type { Presence } from '../network/presence.ts';
import type { Intake } from './intake.ts';
import { ignoreIfFenced } from '../journal/fencing.ts';

/** Creates the handlers; `acknowledged` takes what receivers say of our lanes. */
export function createInboundHandlers(parts: {
	inbox: Inbox;
	retention: Pick<LaneRetention, 'admit'>;
	presence: Pick<Presence, 'learn'>;
	intake: Pick<Intake, 'acceptPublic'>;
	network: Pick<Network, 'answer'>;
	claims: Pick<Claims, 'objection'>;
	journal: Pick<Journal, 'isOwner'>;
	acknowledged: InboundHandlers['acknowledgement'];
}): InboundHandlers {
	const { inbox, retention, presence, intake, network, claims, journal } = parts;
	return {
		frame(frame, destination) {
			if (frame.lane === undefined) {
				inbox.receiveOnce(frame, destination);
				return;
			}
			const refusal = retention.admit(frame);
			if (refusal) network.answer(frame, refusal);
			// It rejects only when this process may not write any more; then there is no answer.
			else inbox.receive(frame, destination).catch(ignoreIfFenced);
		},
		acknowledgement: parts.acknowledged,
		status: (status) => presence.learn(status),
		publicMessage: (payload, address, properties) =>
			intake.acceptPublic(payload, address, properties),
		claim: (payload) => claims.objection(payload),
		laterEpoch: () => void journal.isOwner(),
	};
}
