/**
 * Bundling: frames of several lanes that leave in the same turn for the same topic share one
 * PUBLISH. Over a thousand lanes with a message each, a publication for every frame costs more than
 * the messages. One that is more than a broker takes, or that it hangs up on, is divided; so a lane
 * can only be stuck behind a single message, and its publisher is told of that.
 *
 * If the broker hangs up even on the smallest publication on a topic, the topic is barred for a
 * while: nothing is sent on it, and its publishers are told.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../platform/clock.ts';
import type { FrameContent } from '../protocol/frame.ts';
import { createTopicBar, type TopicBarConfig } from './topic-bar.ts';
import type { Verdict } from './transport.ts';

/** What gathers frames; see {@link createFrameBatching}. */
export interface FrameBatching {
	/**
	 * Sends a frame of a lane before this turn ends, behind those that were given before it. With
	 * `isAlone` it shares its publication with no other.
	 */
	add(topic: string, frame: FrameContent, how: FrameSending): void;
	/** The broker may be another one from now on, which takes more. */
	forgetLimit(): void;
}

/** How a frame is sent. */
export interface FrameSending {
	readonly unsendable: Unsendable;
	readonly isAlone?: boolean;
}

/**
 * Told of a message, by its number, that the broker does not take even by itself: it is too large,
 * the broker hangs up on it, or its topic is barred. The result false means that the message must
 * not be given up, so that its topic is barred instead.
 */
export type Unsendable = (seq: number, why: 'too_large' | 'hung_up' | 'barred') => boolean;

/** A frame, and how it is sent. */
interface Given extends FrameSending {
	readonly frame: FrameContent;
}

/** The most that one publication may hold. */
interface Limits {
	readonly bytesMax: number;
	readonly rowsMax: number;
}

/** What surrounds the body of a row, and the rows of a frame beside the name of its lane. */
const surroundingBytes = 64;

/** Creates the bundling of a node. `publish` never rejects; `onSent` is called after each turn. */
export function createFrameBatching(parts: {
	readonly bytesMax: number;
	readonly clock: Clock;
	readonly config: TopicBarConfig & Pick<Config, 'windowMessagesMax'>;
	readonly publish: (topic: string, frames: readonly FrameContent[]) => Promise<Verdict>;
	readonly onSent: () => void;
	/** Called when the broker takes nothing on a topic. */
	readonly onBarred: (topic: string) => void;
}): FrameBatching {
	const waiting = new Map<string, Given[]>();
	let bytesMax = parts.bytesMax;
	const bar = createTopicBar(parts);
	/** The most rows in a publication on a topic, where the broker has hung up on one with more. */
	const rowsMax = new Map<string, number>();
	/** Topics on which the broker has refused the last publication, with a reason. */
	const refusedTopics = new Set<string>();

	const limitsOf = (topic: string): Limits => ({
		bytesMax,
		rowsMax: rowsMax.get(topic) ?? Infinity,
	});
	const publish = async (topic: string, bundle: readonly Given[]): Promise<void> => {
		const frames = bundle.map(({ frame }) => frame);
		switch (await parts.publish(topic, frames)) {
			case 'too_large':
				return divide(topic, bundle);
			case 'hung_up':
				return hungUp(topic, bundle);
			case 'refused':
				return refused(topic);
			case 'taken':
			case 'nobody':
				return passed(topic, bundle);
			default:
		}
	};
	const divide = (topic: string, bundle: readonly Given[]): void => {
		const bytes = bundle.reduce((sum, { frame }) => sum + bytesOf(frame), 0);
		const limits = { bytesMax: Math.ceil(bytes / 2), rowsMax: Infinity };
		const divided = bundlesOf(bundle, limits);
		if (divided.length > 1) {
			bytesMax = Math.min(bytesMax, limits.bytesMax);
			for (const part of divided) void publish(topic, part);
			return;
		}
		for (const { frame, unsendable } of bundle) unsendable(frame.first, 'too_large');
	};
	const hungUp = (topic: string, bundle: readonly Given[]): void => {
		const rows = rowsOf(bundle);
		const [first] = bundle;
		if (bundle.length > 1 || rows > 1 || !first) {
			rowsMax.set(topic, Math.max(1, Math.floor(rows / 2)));
			return;
		}
		const { frame, unsendable } = first;
		if (!bar.isOver(keyOf(frame))) return;
		const isBare = frame.rows.every(({ skip }) => skip);
		if (!isBare && unsendable(frame.first, 'hung_up')) return;
		bar.set(topic);
		parts.onBarred(topic);
		unsendable(frame.first, 'barred');
	};
	/** Tells of a topic once: its messages wait, because the broker may change its mind. */
	const refused = (topic: string): void => {
		if (refusedTopics.has(topic)) return;
		refusedTopics.add(topic);
		parts.onBarred(topic);
	};
	/** Allows larger publications again, little by little. */
	const passed = (topic: string, bundle: readonly Given[]): void => {
		refusedTopics.delete(topic);
		bar.passed(topic);
		for (const { frame } of bundle) bar.passed(keyOf(frame));
		const limit = rowsMax.get(topic);
		if (limit === undefined || rowsOf(bundle) < limit) return;
		if (limit * 2 > parts.config.windowMessagesMax) rowsMax.delete(topic);
		else rowsMax.set(topic, limit * 2);
	};
	const leave = (): void => {
		const gathered = [...waiting];
		waiting.clear();
		for (const [topic, given] of gathered) {
			if (bar.has(topic)) {
				for (const { frame, unsendable } of given) unsendable(frame.first, 'barred');
				continue;
			}
			for (const bundle of bundlesOf(given, limitsOf(topic))) void publish(topic, bundle);
		}
		parts.onSent();
	};

	return {
		add(topic, frame, how) {
			if (waiting.size === 0) queueMicrotask(leave);
			const given = waiting.get(topic);
			if (given) given.push({ frame, ...how });
			else waiting.set(topic, [{ frame, ...how }]);
		},
		forgetLimit: () => void (bytesMax = parts.bytesMax),
	};
}

/** What a publication of this frame alone is counted by. */
function keyOf({ lane = '', first }: FrameContent): string {
	return `${lane} ${first}`;
}

function rowsOf(bundle: readonly Given[]): number {
	return bundle.reduce((sum, { frame }) => sum + Math.max(1, frame.rows.length), 0);
}

function bytesOf({ lane = '', rows }: FrameContent): number {
	let bytes = surroundingBytes + lane.length;
	for (const { body } of rows) bytes += surroundingBytes + (body?.byteLength ?? 0);
	return bytes;
}

/** Frames in bundles within these limits, in order; frames that are larger are divided. */
function bundlesOf(given: readonly Given[], limits: Limits): readonly (readonly Given[])[] {
	const bundles: Given[][] = [];
	let current: Given[] = [];
	let bytes = 0;
	let rows = 0;
	const begin = (): void => {
		current = [];
		bytes = 0;
		rows = 0;
	};
	for (const { frame: whole, ...how } of given) {
		if (how.isAlone) begin();
		for (const frame of instanceBatchesOf(whole, limits)) {
			const own = bytesOf(frame);
			const ownRows = Math.max(1, frame.rows.length);
			if (bytes + own > limits.bytesMax || rows + ownRows > limits.rowsMax) begin();
			if (current.length === 0) bundles.push(current);
			current.push({ frame, ...how });
			bytes += own;
			rows += ownRows;
		}
		if (how.isAlone) begin();
	}
	return bundles;
}

/** A frame that is too large, as several with consecutive rows. */
function instanceBatchesOf(frame: FrameContent, limits: Limits): readonly FrameContent[] {
	const { length } = frame.rows;
	const fits = bytesOf(frame) <= limits.bytesMax && length <= limits.rowsMax;
	if (length < 2 || fits) return [frame];
	const half = Math.ceil(length / 2);
	const first = { ...frame, rows: frame.rows.slice(0, half) };
	const second = { ...frame, first: frame.first + half, rows: frame.rows.slice(half) };
	return [...instanceBatchesOf(first, limits), ...instanceBatchesOf(second, limits)];
}
