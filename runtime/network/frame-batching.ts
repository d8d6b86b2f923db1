/**
 * Bundling: frames of several lanes that leave in the same turn for the same topic share one
 * PUBLISH. Over a thousand lanes with a message each, a publication for every frame costs more than
 * the messages. One that is more than a broker takes is divided; so a lane can only be stuck behind
 * a single message that is too large, and its publisher is told of that.
 *
 * @module
 */
import type { FrameContent } from '../protocol/frame.ts';
import type { Verdict } from './transport.ts';

/** What gathers frames; see {@link createFrameBatching}. */
export interface FrameBatching {
	/**
	 * Sends a frame of a lane before this turn ends, behind those that were given before it.
	 * `tooLarge` is called with the number of a message that no publication can bring.
	 */
	add(topic: string, frame: FrameContent, tooLarge: TooLarge): void;
	/** The broker may be another one from now on, which takes more. */
	forgetLimit(): void;
}

/** Told of a message, by its number, that is too large for the broker even by itself. */
export type TooLarge = (seq: number) => void;

/** A frame, and who is told of what cannot be sent of it. */
interface Given {
	readonly frame: FrameContent;
	readonly tooLarge: TooLarge;
}

/** What surrounds the body of a row, and the rows of a frame beside the name of its lane. */
const surroundingBytes = 64;

/** Creates the bundling of a node. `publish` never rejects; `onSent` is called after each turn. */
export function createFrameBatching(parts: {
	readonly bytesMax: number;
	readonly publish: (topic: string, frames: readonly FrameContent[]) => Promise<Verdict>;
	readonly onSent: () => void;
}): FrameBatching {
	const waiting = new Map<string, Given[]>();
	let bytesMax = parts.bytesMax;

	const publish = async (topic: string, bundle: readonly Given[]): Promise<void> => {
		const frames = bundle.map(({ frame }) => frame);
		if ((await parts.publish(topic, frames)) !== 'too_large') return;
		const bytes = frames.reduce((sum, frame) => sum + bytesOf(frame), 0);
		const divided = bundlesOf(bundle, Math.ceil(bytes / 2));
		if (divided.length > 1) {
			bytesMax = Math.min(bytesMax, Math.ceil(bytes / 2));
			for (const part of divided) void publish(topic, part);
			return;
		}
		for (const { frame, tooLarge } of bundle) tooLarge(frame.first);
	};
	const leave = (): void => {
		const gathered = [...waiting];
		waiting.clear();
		for (const [topic, given] of gathered) {
			for (const bundle of bundlesOf(given, bytesMax)) void publish(topic, bundle);
		}
		parts.onSent();
	};

	return {
		add(topic, frame, tooLarge) {
			if (waiting.size === 0) queueMicrotask(leave);
			const given = waiting.get(topic);
			if (given) given.push({ frame, tooLarge });
			else waiting.set(topic, [{ frame, tooLarge }]);
		},
		forgetLimit: () => void (bytesMax = parts.bytesMax),
	};
}

function bytesOf({ lane = '', rows }: FrameContent): number {
	let bytes = surroundingBytes + lane.length;
	for (const { body } of rows) bytes += surroundingBytes + (body?.byteLength ?? 0);
	return bytes;
}

/** Frames in bundles of at most so many bytes, in order; frames that are larger are divided. */
function bundlesOf(given: readonly Given[], bytesMax: number): readonly (readonly Given[])[] {
	const bundles: Given[][] = [];
	let current: Given[] = [];
	let bytes = 0;
	for (const { frame: whole, tooLarge } of given) {
		for (const frame of instanceBatchesOf(whole, bytesMax)) {
			const own = bytesOf(frame);
			if (current.length === 0 || bytes + own > bytesMax) {
				current = [];
				bundles.push(current);
				bytes = 0;
			}
			current.push({ frame, tooLarge });
			bytes += own;
		}
	}
	return bundles;
}

/** A frame that is too large, as several with consecutive rows. */
function instanceBatchesOf(frame: FrameContent, bytesMax: number): readonly FrameContent[] {
	if (frame.rows.length < 2 || bytesOf(frame) <= bytesMax) return [frame];
	const half = Math.ceil(frame.rows.length / 2);
	const first = { ...frame, rows: frame.rows.slice(0, half) };
	const second = { ...frame, first: frame.first + half, rows: frame.rows.slice(half) };
	return [...instanceBatchesOf(first, bytesMax), ...instanceBatchesOf(second, bytesMax)];
}
