/**
 * Asking: a running method sends a message of its own and waits for the outcome.
 *
 * @module
 */
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Answered, Asked } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Entry } from '../../runtime/ledger/ledger-entry.ts';

/** What asking works with. */
export interface AskingParts {
	readonly node: string;
	readonly clock: Clock;
	readonly config: Config;
	readonly ledger: Pick<Ledger, 'get'>;
	readonly signals: Signals;
	readonly router: MessageRouter;
	readonly methods: Pick<MethodRegistry, 'find'>;
}

/**
 * Sends a message and waits until the ledger says how it ended. If the ledger knows its id already,
 * it only waits: a method that is run again after a crash sends the same message once.
 *
 * A raised signal ends the wait; the message itself goes on.
 *
 * @throws ReeveError the reason of the signal
 */
export async function askMessage(
	parts: AskingParts,
	asked: Asked & Pick<Message, 'askedBy'>,
	signal?: AbortSignal,
): Promise<Answered> {
	const { ledger, router, config } = parts;
	signal?.throwIfAborted();
	const message = messageOf(parts, asked);
	const { id } = message;
	const settled = watch(parts, id, signal);
	try {
		if (!ledger.get(id)) await Promise.race([router.send([message]), settled.entry]);
		const known = ledger.get(id);
		const { result, output = '' } = known?.result ? known : await settled.entry;
		const isCut = Buffer.byteLength(output) > config.outputKeptBytesMax - 4;
		if (result) return { result, output, isCut };
		throw new ReeveError('internal', `no outcome of ${id}`);
	} finally {
		settled.stop();
	}
}

function messageOf(
	{ node, clock, methods }: AskingParts,
	asked: Asked & Pick<Message, 'askedBy'>,
): Message {
	const definition = methods.find(asked.method);
	const { id = newId(clock), ...fields } = asked;
	return {
		...fields,
		id,
		fromNode: node,
		method: definition?.name ?? asked.method,
		kind: 'CommandACK',
	};
}

/** Waits for the entry of `id` to be settled. */
function watch({ ledger, signals }: AskingParts, id: string, signal?: AbortSignal) {
	let stop = () => {};
	const entry = new Promise<Entry>((resolve, reject) => {
		const unsubscribe = signals.subscribe((seen) => {
			if (seen.type !== 'message.settled' || seen.id !== id) return;
			const found = ledger.get(id);
			if (found) resolve(found);
		});
		const abort = () => reject(signal?.reason);
		signal?.addEventListener('abort', abort, { once: true });
		stop = () => {
			unsubscribe();
			signal?.removeEventListener('abort', abort);
		};
	});
	// The signal may be raised before the promise is awaited.
	entry.catch(() => undefined);
	return { entry, stop };
}
