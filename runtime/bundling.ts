/**
 * Bundling: frames of several lanes that leave in the same turn for the same topic share one
 * PUBLISH. Over a thousand lanes with a message each, a publication for every frame costs more than
 * the messages. One that is more than a broker takes is divided, so that a lane cannot be stuck for
 * ever behind the limit of a broker.
 *
 * @module
 */
import type { FrameContent } from './frame.ts';
import type { Verdict } from './wire.ts';

/** What gathers frames; see {@link createBundling}. */
export interface Bundling {
	/** Sends a frame of a lane before this turn ends, behind those that were given before it. */
	add(topic: string, frame: FrameContent): void;
	/** The broker may be another one from now on, which takes more. */
	forgetLimit(): void;
}

/** What surrounds the body of a row, and the rows of a frame beside the name of its lane. */
const surroundingBytes = 64;

/** Creates the bundling of a node. `publish` never rejects; `onSent` is called after each turn. */
export function createBundling(parts: {
	readonly bytesMax: number;
	readonly publish: (topic: string, frames: readonly FrameContent[]) => Promise<Verdict>;
	readonly onSent: () => void;
}): Bundling {
	const waiting = new Map<string, FrameContent[]>();
	let bytesMax = parts.bytesMax;

	const publish = async (topic: string, bundle: readonly FrameContent[]): Promise<void> => {
		const verdict = await parts.publish(topic, bundle);
		if (verdict !== 'too_large') return;
		const bytes = bundle.reduce((sum, frame) => sum + bytesOf(frame), 0);
		bytesMax = Math.min(bytesMax, Math.ceil(bytes / 2));
		const divided = bundlesOf(bundle, bytesMax);
		// A single row cannot be divided: its lane tries again, and gives it up in time.
		if (divided.length > 1) for (const part of divided) void publish(topic, part);
	};
	const leave = (): void => {
		const gathered = [...waiting];
		waiting.clear();
		for (const [topic, frames] of gathered) {
			for (const bundle of bundlesOf(frames, bytesMax)) void publish(topic, bundle);
		}
		parts.onSent();
	};

	return {
		add(topic, frame) {
			if (waiting.size === 0) queueMicrotask(leave);
			const frames = waiting.get(topic);
			if (frames) frames.push(frame);
			else waiting.set(topic, [frame]);
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
function bundlesOf(
	frames: readonly FrameContent[],
	bytesMax: number,
): readonly (readonly FrameContent[])[] {
	const bundles: FrameContent[][] = [];
	let current: FrameContent[] = [];
	let bytes = 0;
	for (const whole of frames) {
		for (const frame of portionsOf(whole, bytesMax)) {
			const own = bytesOf(frame);
			if (current.length === 0 || bytes + own > bytesMax) {
				current = [];
				bundles.push(current);
				bytes = 0;
			}
			current.push(frame);
			bytes += own;
		}
	}
	return bundles;
}

/** A frame that is too large, as several with consecutive rows. */
function portionsOf(frame: FrameContent, bytesMax: number): readonly FrameContent[] {
	if (frame.rows.length < 2 || bytesOf(frame) <= bytesMax) return [frame];
	const half = Math.ceil(frame.rows.length / 2);
	const first = { ...frame, rows: frame.rows.slice(0, half) };
	const second = { ...frame, first: frame.first + half, rows: frame.rows.slice(half) };
	return [...portionsOf(first, bytesMax), ...portionsOf(second, bytesMax)];
}
