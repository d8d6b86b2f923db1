/**
 * The registry of publishers: one for each lane that has had a message. It starts a publisher for a
 * lane's first message, and sends acknowledgements, births, deaths and the state of the link to the
 * publishers that they are for.
 *
 * @module
 */
import type { Lane, Outbox } from '../../runtime/delivery/outbox.ts';
import type { Network } from '../../runtime/network/network.ts';
import type { Presence } from '../../runtime/network/presence.ts';
import type { Acknowledgement } from '../../runtime/protocol/acknowledgement.ts';
import type { PublisherEvent } from './lane-sending.ts';

/** The living publisher of a lane, as far as this file needs it. */
export interface PublisherRef {
	send(event: PublisherEvent): void;
}

/** A lane that has a publisher, or will have one once it has started. */
interface Known {
	ref: PublisherRef | undefined;
}

/** The registry that {@link createPublisherRegistry} makes. */
export interface PublisherRegistry {
	/** A publisher tells that it is there; a restarted one takes the place of its predecessor. */
	register(lane: Lane, publisher: PublisherRef): void;
	/** An acknowledgement arrived. */
	acknowledged(ack: Acknowledgement): void;
	/** A message that has not left its lane is taken back. */
	cancel(lane: string, seq: number): void;
	/** Starts publishers: `start` is called for each lane that needs one. */
	open(start: (lane: Lane) => void): { stop(): Promise<void> };
}

/** Creates an empty registry. */
export function createPublisherRegistry(parts: {
	outbox: Pick<Outbox, 'onMail'>;
	presence: Pick<Presence, 'get' | 'onChange'>;
	network: Pick<Network, 'follow' | 'onLink'>;
}): PublisherRegistry {
	const { outbox, presence, network } = parts;
	const publishers = new Map<string, Known>();
	/** The same by the node that they publish for: a fleet has a lane or more for each. */
	const byNode = new Map<string, Set<Known>>();
	const know = (lane: Lane): Known => {
		const known: Known = publishers.get(lane.name) ?? { ref: undefined };
		publishers.set(lane.name, known);
		const ofNode = byNode.get(lane.to);
		if (ofNode) ofNode.add(known);
		else byNode.set(lane.to, new Set([known]));
		return known;
	};

	return {
		register(lane, ref) {
			know(lane).ref = ref;
		},
		acknowledged({ lanes, storeId }) {
			for (const ack of lanes) publishers.get(ack.lane)?.ref?.send({ type: 'ACK', ack, storeId });
		},
		cancel(lane, seq) {
			publishers.get(lane)?.ref?.send({ type: 'CANCEL', seq });
		},
		open(start) {
			const ignoreLink = network.onLink((isUp) => {
				const type = isUp ? 'LINK_UP' : 'LINK_DOWN';
				for (const { ref } of publishers.values()) ref?.send({ type });
			});
			const ignorePresence = presence.onChange(({ name, state }) => {
				const type = state === 'online' ? 'PRESENT' : 'ABSENT';
				for (const { ref } of byNode.get(name) ?? []) ref?.send({ type });
			});
			const ignoreMail = outbox.onMail((lane) => {
				const known = publishers.get(lane.name);
				if (known) known.ref?.send({ type: 'MAIL' });
				else {
					know(lane);
					if (!presence.get(lane.to)) network.follow(lane.to);
					start(lane);
				}
			});
			return {
				async stop() {
					ignoreMail();
					ignorePresence();
					ignoreLink();
					publishers.clear();
					byNode.clear();
					await Promise.resolve();
				},
			};
		},
	};
}
