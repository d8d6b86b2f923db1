/**
 * The bar of topics on which the broker always hangs up: nothing is published on them for a while,
 * so that the connection serves all others.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../platform/clock.ts';

/** The bar that {@link createTopicBar} makes. */
export interface TopicBar {
	/** Counts that the broker has hung up on this publication; true if that was the last time. */
	isOver(publication: string): boolean;
	/** The broker has taken this publication: what was counted of it was something else. */
	passed(publication: string): void;
	set(topic: string): void;
	has(topic: string): boolean;
}

/** The most publications that are counted. */
const countedMax = 10_000;

/** Creates a bar; no topic is barred. */
export function createTopicBar(parts: {
	readonly clock: Clock;
	readonly config: Pick<Config, 'hangUpsMax' | 'barredTopicMs'>;
}): TopicBar {
	const { clock, config } = parts;
	const counts = new Map<string, number>();
	const until = new Map<string, number>();
	return {
		isOver(publication) {
			const count = (counts.get(publication) ?? 0) + 1;
			counts.delete(publication);
			if (count >= config.hangUpsMax) return true;
			counts.set(publication, count);
			const [oldest] = counts.keys();
			if (counts.size > countedMax && oldest !== undefined) counts.delete(oldest);
			return false;
		},
		passed: (publication) => void counts.delete(publication),
		set: (topic) => void until.set(topic, clock.monotonic() + config.barredTopicMs),
		has(topic) {
			const end = until.get(topic);
			if (end === undefined) return false;
			if (clock.monotonic() < end) return true;
			until.delete(topic);
			return false;
		},
	};
}
