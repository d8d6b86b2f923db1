/**
 * Interim replies of lines: cuts bytes into lines, and sends each as it comes.
 *
 * @module
 */
import { pause } from '../../runtime/platform/clock.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { contentOf } from './text-content.ts';

/** Cuts bytes into lines. */
export interface Lines {
	/** The lines that are complete now, each with its line break; one too long comes in pieces. */
	push(chunk: Uint8Array): readonly Uint8Array[];
	/** The last line, if it has no line break. */
	rest(): Uint8Array | undefined;
}

const lineFeed = 10;

/** Creates what cuts bytes into lines of at most `bytesMax`. */
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
	/** Sends a line, with the progress that it makes. Resolves when another one may follow. */
	send(line: Uint8Array, progress?: unknown): Promise<void>;
	/** Resolves when all lines are on disk. */
	drain(): Promise<void>;
}

/** Replies on their way to the disk at a time: enough to share a flush, few enough for memory. */
const underWayMax = 64;
const fullPauseMs = 1000;

/** Creates what sends lines. While the outbox is full, `send` waits. */
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
