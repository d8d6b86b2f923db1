/**
 * Publishing: brings the publishers what concerns them. A lane gets its publisher with its first
 * message; births, deaths, acknowledgements and the state of the link go to whom they are about.
 *
 * @module
 */
import type { PublisherEvent } from '../../actors/outbound/lane-sending.ts';
import type { Lane } from '../../runtime/delivery/outbox.ts';
import type { NodeServices } from '../composition/node-services.ts';

/** The living publisher of a lane, as far as this file needs it. */
export interface PublisherRef {
	send(event: PublisherEvent): void;
}

/** A lane that has a publisher, or will have one once it has started. */
interface Known {
	ref: PublisherRef | undefined;
}

/** The switchboard that {@link createPublisherRegistry} makes. */
export interface PublisherRegistry {
	/** A publisher tells that it is there; a restarted one takes the place of its predecessor. */
	register(lane: Lane, publisher: PublisherRef): void;
	/** Starts bringing events; `start` is called for each lane that needs a publisher. */
	open(start: (lane: Lane) => void): { stop(): Promise<void> };
}

/** Creates the switchboard. */
export function createPublisherRegistry(services: NodeServices): PublisherRegistry {
	const { outbox, presence, publishing, network } = services;
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
		open(start) {
			publishing.ack = ({ lanes, storeId }) => {
				for (const ack of lanes) {
					publishers.get(ack.lane)?.ref?.send({ type: 'ACK', ack, storeId });
				}
			};
			publishing.cancel = (lane, seq) => {
				publishers.get(lane)?.ref?.send({ type: 'CANCEL', seq });
			};
			publishing.link = (isUp) => {
				const type = isUp ? 'LINK_UP' : 'LINK_DOWN';
				for (const { ref } of publishers.values()) ref?.send({ type });
			};
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
					publishing.ack = () => {};
					publishing.link = () => {};
					publishing.cancel = () => {};
					publishers.clear();
					byNode.clear();
					await Promise.resolve();
				},
			};
		},
	};
}
