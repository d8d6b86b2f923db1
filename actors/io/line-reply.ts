/**
 * Lines as interim replies: bytes are cut into lines, and each line is sent as it comes.
 *
 * @module
 */
import { pause } from '../../runtime/platform/clock.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { contentOf } from './text-content.ts';

/** Cuts bytes into lines. */
export interface Lines {
	/**
	 * The lines that are complete now, each with its line break; what is too long comes in pieces.
	 */
	push(chunk: Uint8Array): readonly Uint8Array[];
	/** What is left without a line break; undefined if nothing is. */
	rest(): Uint8Array | undefined;
}

const lineFeed = 10;

/** Starts cutting; no line is longer than `bytesMax`. */
export function createLines(bytesMax: number): Lines {
	let kept = new Uint8Array(0);
	return {
		push(chunk) {
			const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
			const lines: Uint8Array[] = [];
			let from = 0;
			while (from < bytes.length) {
				const at = bytes.subarray(from, from + bytesMax).indexOf(lineFeed);
				const to = at < 0 ? from + bytesMax : from + at + 1;
				if (at < 0 && to > bytes.length) break;
				lines.push(bytes.subarray(from, to));
				from = to;
			}
			kept = Uint8Array.from(bytes.subarray(from));
			return lines;
		},
		rest() {
			const left = kept;
			kept = new Uint8Array(0);
			return left.length === 0 ? undefined : left;
		},
	};
}

/** Sends lines in their order. */
export interface LineReplies {
	/** Sends one, with the progress that it makes. Resolves when another one may follow. */
	send(line: Uint8Array, progress?: unknown): Promise<void>;
	/** Resolves when all of them are on disk. */
	drain(): Promise<void>;
}

/**
 * Replies on their way to the disk at a time: enough to share a flush, few enough to hold up the
 * source.
 */
const underWayMax = 64;
const fullPauseMs = 1000;

/** Starts sending. While the outbox is full, whoever sends waits. */
export function createLineReplies(context: MethodContext): LineReplies {
	const underWay = new Set<Promise<void>>();
	return {
		async send(line, progress) {
			while (!context.hasCapacity() && !context.signal.aborted) {
				await pause(context.clock, fullPauseMs, context.signal);
			}
			const sent = context.reply(contentOf(line), progress).finally(() => underWay.delete(sent));
			underWay.add(sent);
			if (underWay.size >= underWayMax) await Promise.race(underWay);
		},
		async drain() {
			await Promise.all(underWay);
		},
	};
}
