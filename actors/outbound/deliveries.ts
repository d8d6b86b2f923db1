/**
 * The delivery actors of a lane: one for each message in its window.
 *
 * @module
 */
import type { Actor } from 'xstate';
import type { OutRow } from '../../runtime/delivery/outbox-row.ts';
import type { Lane } from '../../runtime/delivery/outbox.ts';
import { deliveryLogic, type DeliveryEvent, type DeliveryOutput } from './outbound-message.ts';
import { startMessageActor, stopMessageActor } from '../statecharts/light-actor.ts';

/** The actors that {@link createDeliveries} makes. */
export interface Deliveries {
	/** Sends an event to a row's actor; returns the output if that has ended it. */
	tell(row: OutRow, event: DeliveryEvent): DeliveryOutput | undefined;
	forget(seq: number): void;
	stop(): void;
}

/** Creates the delivery actors of a lane, each at its first event. */
export function createDeliveries(lane: Lane): Deliveries {
	const actors = new Map<number, Actor<typeof deliveryLogic>>();

	const actorOf = (row: OutRow): Actor<typeof deliveryLogic> => {
		let actor = actors.get(row.seq);
		if (!actor) {
			const { id, seq, retries: attemptsMax, attempts, skip: gaveUp } = row;
			// An earlier process or publisher may have published it without having noted that.
			const published = seq <= lane.published;
			const input = { id, seq, attemptsMax, gaveUp, published, attempts: published ? attempts : 0 };
			actor = startMessageActor(deliveryLogic, input);
			actors.set(seq, actor);
		}
		return actor;
	};

	return {
		tell(row: OutRow, event: DeliveryEvent): DeliveryOutput | undefined {
			const actor = actorOf(row);
			if (actor.getSnapshot().status === 'done') return undefined;
			actor.send(event);
			return actor.getSnapshot().output;
		},
		forget(seq: number): void {
			const actor = actors.get(seq);
			if (actor) stopMessageActor(actor);
			actors.delete(seq);
		},
		stop(): void {
			for (const actor of actors.values()) stopMessageActor(actor);
			actors.clear();
		},
	};
}

/** The event for a delivery actor that the receiver's answer about its message amounts to. */
export function verdictOf(code: string | undefined): DeliveryEvent {
	if (code === undefined) return { type: 'ACKED' };
	return code === 'skipped' ? { type: 'SKIPPED' } : { type: 'REFUSED', code };
}
