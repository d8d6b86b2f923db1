/**
 * The bar of topics on which the broker always hangs up: nothing is published on them for a while,
 * so that the connection serves all others.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../platform/clock.ts';

/** The settings of bars. */
export type TopicBarConfig = Pick<Config, 'hangUpsMax' | 'barredTopicMsMin' | 'barredTopicMsMax'>;

/** The bar that {@link createTopicBar} makes. */
export interface TopicBar {
	/** Counts that the broker has hung up on this publication; true if that was the last time. */
	isOver(publication: string): boolean;
	/** The broker has taken this publication, or one on this topic: nothing is wrong with it. */
	passed(publication: string): void;
	/** Bars a topic; each time for twice as long, until something passes on it. */
	set(topic: string): void;
	has(topic: string): boolean;
}

/** The most publications that are counted. */
const countedMax = 10_000;

/** Creates a bar; no topic is barred. */
export function createTopicBar(parts: {
	readonly clock: Clock;
	readonly config: TopicBarConfig;
}): TopicBar {
	const { clock, config } = parts;
	const counts = new Map<string, number>();
	const bars = new Map<string, { readonly until: number; readonly lastedMs: number }>();
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
		passed(publication) {
			counts.delete(publication);
			bars.delete(publication);
		},
		set(topic) {
			const { barredTopicMsMin, barredTopicMsMax } = config;
			const { lastedMs = barredTopicMsMin / 2 } = bars.get(topic) ?? {};
			const forMs = Math.min(barredTopicMsMax, 2 * lastedMs);
			bars.set(topic, { until: clock.monotonic() + forMs, lastedMs: forMs });
		},
		has(topic) {
			const bar = bars.get(topic);
			return bar !== undefined && clock.monotonic() < bar.until;
		},
	};
}
