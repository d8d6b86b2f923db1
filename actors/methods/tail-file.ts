/**
 * The method that follows a file.
 *
 * @module
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineMethod, type MethodContext } from '../../runtime/method/method.ts';
import { asReeveError, type ReeveError } from '../../runtime/platform/errors.ts';
import { createLineReplies, createLines } from '../io/line-reply.ts';
import type { Place } from '../io/file-identity.ts';
import { followFile } from '../io/file-tail.ts';

/** How far a run has come. */
interface Progress {
	/** How much of its time was left. The time in which the node is down does not count. */
	readonly leftMs: number;
	readonly place?: Place;
}

/** How often the run notes progress, which resets its count of starts. */
const noteMs = 30_000;

/**
 * Follows the file that `methodArgs` names, from its end, and sends each new line as a reply of its
 * own.
 *
 * It ends at its `methodTimeout`, which is a normal end; without one it goes on until it is
 * cancelled. It follows rotation, truncation and deletion: it waits for a file that is missing, and
 * then reads it from its beginning.
 *
 * The place in the file is noted with each line, in one transaction. So after a death or a restart
 * of the node it goes on after the last line that was sent, even in a file that was renamed
 * meanwhile, or copied and truncated, and goes through the files that were rotated since. What it
 * cannot find there, because it is gone or compressed, is told to central.
 */
export default defineMethod({
	name: 'REQTailFile',
	aliases: ['tail-file'],
	summary: 'Follow a file; each line that is added to it comes back at once',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	durable: true,
	replies: 'interim',
	untilTimeout: true,
	timeoutOf: () => -1,
	args: z
		.array(z.string().min(1, 'the path is empty'))
		.length(1, 'methodArgs must be one path, such as ["/var/log/syslog"]'),
	example: { methodArgs: ['./test.log'] },
	async run({ methodArgs: [path = ''] }, context) {
		const { clock, timeoutMs } = context;
		const earlier = context.progress as Progress | undefined;
		const until = clock.monotonic() + (earlier?.leftMs ?? timeoutMs);
		const over = new AbortController();
		const end = () => over.abort();
		const timer = clock.after(Math.max(0, until - clock.monotonic()), end);
		context.signal.addEventListener('abort', end, { once: true });
		try {
			await follow(resolve(path), context, { earlier, until, over: over.signal });
		} finally {
			timer.cancel();
			over.abort();
			context.signal.removeEventListener('abort', end);
		}
		if (!context.signal.aborted) return;
		const reason = asReeveError(context.signal.reason, 'cancelled');
		if (reason.code !== 'timed_out') throw reason;
	},
});

interface Span {
	readonly earlier: Progress | undefined;
	/** When it is over, in monotonic milliseconds. */
	readonly until: number;
	readonly over: AbortSignal;
}

async function follow(path: string, context: MethodContext, span: Span): Promise<void> {
	const { clock, limits } = context;
	const { until, over } = span;
	const lines = createLines(limits.lineBytesMax);
	const replies = createLineReplies(context);
	let place = span.earlier?.place;
	const progress = (): Progress => {
		const leftMs = Math.max(0, Math.round(until - clock.monotonic()));
		return place ? { leftMs, place } : { leftMs };
	};
	const keep = (): void => {
		void context.note(progress());
		const timer = clock.after(noteMs, keep);
		over.addEventListener('abort', () => timer.cancel(), { once: true });
	};
	keep();
	const onStart = (start: Place): void => {
		place = start;
		void context.note(progress());
	};
	const send = async (line: Uint8Array, at: Place): Promise<void> => {
		place = at;
		await replies.send(line, progress());
	};
	const following = {
		path,
		clock,
		signal: over,
		pollMs: limits.tailPollMs,
		markBytes: limits.tailMarkBytes,
		from: place,
		onStart,
		onGap: (why: ReeveError) => context.warn?.(why),
	};
	let isFresh = false;
	for await (const { bytes, at, isLast } of followFile(following)) {
		let { position } = isFresh ? at : (place ?? at);
		isFresh = false;
		for (const line of lines.push(bytes)) {
			position += line.length;
			await send(line, { ...at, position });
		}
		if (!isLast) continue;
		const rest = lines.rest();
		// Its line was never ended; the next one begins another file.
		const line = rest && Buffer.concat([rest, Buffer.from('\n')]);
		if (line) await send(line, { ...at, position: position + rest.length });
		// The next piece begins another file, or is the beginning of this one.
		isFresh = true;
	}
	const rest = lines.rest();
	if (rest && place) await send(rest, { ...place, position: place.position + rest.length });
	await replies.drain();
}
