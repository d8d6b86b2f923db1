/**
 * Bundling of acknowledgements: those of one turn for one store are one publication, up to a size
 * that brokers take. One on which the broker hangs up is divided; if it hangs up on a single one,
 * the topic is barred for a while, and the sender is not answered.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../platform/clock.ts';
import type { LaneAck } from '../protocol/acknowledgement.ts';
import { saidStoreId } from '../protocol/frame.ts';
import { createTopicBar, type TopicBarConfig } from './topic-bar.ts';
import type { Verdict } from './transport.ts';

/** What is said in one publication. */
export interface AckBatch {
	readonly forStoreId: string;
	readonly lanes: readonly LaneAck[];
}

/** What gathers acknowledgements; see {@link createAcknowledging}. */
export interface Acknowledging {
	/** Sends an acknowledgement to a store, soon. */
	add(to: { readonly from: string; readonly storeId: string }, ack: LaneAck): void;
}

/** What one lane takes beside its name, and an exception of it. */
const laneBytes = 96;
const exceptionBytes = 32;

/** Creates the bundling. `publish` never rejects. */
export function createAcknowledging(parts: {
	readonly clock: Clock;
	readonly config: TopicBarConfig & Pick<Config, 'ackBytesMax'>;
	readonly topicOf: (node: string) => string;
	readonly publish: (topic: string, batch: AckBatch) => Promise<Verdict>;
	readonly onBarred: (topic: string) => void;
}): Acknowledging {
	const { config, publish, topicOf, onBarred } = parts;
	const waiting = new Map<string, { node: string; lanes: Map<string, LaneAck> }>();
	const bar = createTopicBar(parts);
	/** The most lanes in a publication on a topic, where the broker has hung up on one with more. */
	const lanesMax = new Map<string, number>();

	const send = async (topic: string, batch: AckBatch): Promise<void> => {
		if (bar.has(topic)) return;
		const verdict = await publish(topic, batch);
		const { lanes, forStoreId } = batch;
		const half = Math.ceil(lanes.length / 2);
		if (verdict === 'too_large' && lanes.length > 1) {
			await send(topic, { forStoreId, lanes: lanes.slice(0, half) });
			await send(topic, { forStoreId, lanes: lanes.slice(half) });
		} else if (verdict === 'hung_up' && lanes.length > 1) {
			// They are not sent again: their senders ask again.
			lanesMax.set(topic, half);
		} else if (verdict === 'too_large' || (verdict === 'hung_up' && bar.isOver(topic))) {
			bar.set(topic);
			onBarred(topic);
		} else if (verdict === 'taken' || verdict === 'nobody') {
			lanesMax.delete(topic);
			bar.passed(topic);
		}
	};
	const leave = async (): Promise<void> => {
		const batch = [...waiting];
		waiting.clear();
		for (const [forStoreId, { node, lanes }] of batch) {
			const topic = topicOf(node);
			const limits = { bytesMax: config.ackBytesMax, lanesMax: lanesMax.get(topic) ?? Infinity };
			for (const part of divided([...lanes.values()], limits)) {
				await send(topic, { forStoreId: saidStoreId(forStoreId), lanes: part });
			}
		}
	};
	return {
		add({ from, storeId }, ack) {
			if (waiting.size === 0) setImmediate(() => void leave());
			let pending = waiting.get(storeId);
			if (!pending) waiting.set(storeId, (pending = { node: from, lanes: new Map() }));
			pending.lanes.set(ack.lane, ack);
		},
	};
}

/** Acknowledgements in publications within these limits. */
function divided(
	lanes: readonly LaneAck[],
	{ bytesMax, lanesMax }: { readonly bytesMax: number; readonly lanesMax: number },
): readonly (readonly LaneAck[])[] {
	const divided: LaneAck[][] = [];
	let current: LaneAck[] = [];
	let bytes = 0;
	for (const ack of lanes) {
		const own = laneBytes + ack.lane.length + exceptionBytes * (ack.except?.length ?? 0);
		if (current.length === 0 || bytes + own > bytesMax || current.length >= lanesMax) {
			current = [];
			divided.push(current);
			bytes = 0;
		}
		current.push(ack);
		bytes += own;
	}
	return divided;
}
