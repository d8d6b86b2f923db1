/**
 * The stream of signals over HTTP, as server-sent events. Each event has an id, so that a client
 * that reconnects continues where it was, as long as the node's ring of recent signals holds that
 * position; else it gets a `gap` event with the number of missed signals.
 *
 * Nothing is queued for a client: it is served from the ring at the pace at which it reads. So a
 * slow client costs nothing, and gets `gap` events.
 *
 * @module
 */
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { redacted } from '../../runtime/observability/log.ts';
import type { Signal, Signals } from '../../runtime/observability/signals.ts';

/** Which signals a client wants. */
export interface EventFilter {
	/** Only those that name this node. */
	readonly node?: string | undefined;
	/** Only those about the message of this id, or of an id that begins so. */
	readonly message?: string | undefined;
}

/** The parts of a stream. */
export interface EventStreamParts {
	readonly signals: Signals;
	readonly clock: Clock;
	/** The epoch of the node: event numbers of another epoch mean nothing. */
	readonly epoch: number;
	readonly filter: EventFilter;
	/** `Last-Event-ID`: the last event that the client has. Without one the stream begins now. */
	readonly lastId?: string | undefined;
}

/** The interval of the comments that keep a silent stream open. */
const beatMs = 15_000;
/** Signals within this time are sent together. */
const gatherMs = 100;

/** The stream; it goes on until its reader cancels it. */
export function eventStream(parts: EventStreamParts): ReadableStream<Uint8Array> {
	const { signals, clock } = parts;
	let cursor = startOf(parts);
	const ending = new AbortController();
	let wake: () => void = () => {};
	const unsubscribe = signals.subscribe(() => wake());

	const next = (): string => {
		const { text, at } = since(cursor, parts);
		cursor = at;
		return text;
	};
	const somethingNew = async (): Promise<void> => {
		const awake = new AbortController();
		wake = () => {
			if (signals.newest() > cursor) awake.abort();
		};
		const stop = () => awake.abort();
		ending.signal.addEventListener('abort', stop, { once: true });
		await pause(clock, beatMs, awake.signal);
		ending.signal.removeEventListener('abort', stop);
		wake = () => {};
		if (awake.signal.aborted) await pause(clock, gatherMs, ending.signal);
	};
	return new ReadableStream<Uint8Array>(
		{
			start(controller) {
				controller.enqueue(Buffer.from(': reeve\n\n'));
			},
			async pull(controller) {
				while (!ending.signal.aborted) {
					const isBehind = signals.newest() > cursor;
					if (!isBehind) await somethingNew();
					const text = signals.newest() > cursor ? next() : ': beat\n\n';
					if (text === '' || ending.signal.aborted) continue;
					controller.enqueue(Buffer.from(text));
					return;
				}
			},
			cancel() {
				ending.abort();
				unsubscribe();
			},
		},
		{ highWaterMark: 1 },
	);
}

/** The number of the last signal that the client has seen. */
function startOf({ signals, epoch, lastId }: EventStreamParts): number {
	const [, lastEpoch, number] = /^(\d+)\.(\d+)$/.exec(lastId ?? '') ?? [];
	if (lastEpoch === undefined) return lastId === undefined ? signals.newest() : 0;
	return Number(lastEpoch) === epoch ? Math.min(Number(number), signals.newest()) : 0;
}

/** The events after the cursor as text, and the new cursor. */
function since(
	cursor: number,
	{ signals, epoch, filter }: EventStreamParts,
): { readonly text: string; readonly at: number } {
	const kept = signals.recent();
	const at = signals.newest();
	const first = at - kept.length;
	const missed = Math.max(0, first - cursor);
	const gap = missed > 0 ? `event: gap\ndata: ${JSON.stringify({ missed })}\n\n` : '';
	const fresh = kept.slice(Math.max(0, cursor - first));
	const events = fresh.flatMap((signal, index) => {
		if (!isWanted(signal, filter)) return [];
		const number = Math.max(cursor, first) + index + 1;
		return [eventText(signal, `${epoch}.${number}`)];
	});
	return { text: gap + events.join(''), at };
}

function eventText(signal: Signal, id: string): string {
	const { type, at } = signal;
	const data = JSON.stringify({ type, at, ...redacted(signal) });
	return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}

function isWanted(signal: Signal, { node, message }: EventFilter): boolean {
	const fields: Readonly<Record<string, unknown>> = { ...signal };
	const id = fields['id'];
	if (message !== undefined && !(typeof id === 'string' && id.startsWith(message))) return false;
	return node === undefined || ['from', 'to', 'name'].some((key) => fields[key] === node);
}
