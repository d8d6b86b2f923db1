/**
 * The sessions of the embedded broker: what it keeps in memory for clients that are away, or slow.
 * Only filters that were granted are kept, and only so many bytes of messages.
 *
 * @module
 */
/** A client of the broker. */
interface Client {
	readonly id: string;
}

/** What sessions may keep. */
export interface SessionLimits<Of extends Client> {
	readonly maySubscribe: (client: Of, filter: string) => boolean;
	/** The most bytes of the messages of one session; what comes then is dropped. */
	readonly bytesMax: number;
	readonly onDropped: (clientId: string, topic: string) => void;
}

/** A message that is kept; a PUBREL takes the place of one with QoS 2, and has no payload. */
interface Kept {
	readonly topic?: string;
	readonly payload?: string | Uint8Array;
}

/** What is used of the store of sessions, which aedes does not declare. */
interface SessionStore<Of> {
	addSubscriptions(client: Of, subscriptions: readonly { topic: string }[]): Promise<void>;
	outgoingEnqueueCombi(sessions: readonly { clientId: string }[], packet: Kept): Promise<void>;
	outgoingClearMessageId(client: Of, packet: object): Promise<Kept | undefined>;
}

/** Limits the sessions of a broker of aedes; call it before the first client connects. */
export function limitSessions<Of extends Client>(broker: object, limits: SessionLimits<Of>): void {
	const store = Reflect.get(broker, 'persistence') as SessionStore<Of>;
	// Aedes adds all filters of a packet, also those that were refused, once for each of them.
	const add = store.addSubscriptions.bind(store);
	const added = new WeakMap<object, Promise<void>>();
	store.addSubscriptions = (client, subscriptions) => {
		const before = added.get(subscriptions);
		if (before) return before;
		const granted = subscriptions.filter(({ topic }) => limits.maySubscribe(client, topic));
		const adding = add(client, granted);
		added.set(subscriptions, adding);
		return adding;
	};

	const sizes = createSizes();
	const enqueue = store.outgoingEnqueueCombi.bind(store);
	store.outgoingEnqueueCombi = (sessions, packet) => {
		const bytes = bytesOf(packet);
		const taken = sessions.filter(({ clientId }) => {
			if (sizes.sumOf(clientId) + bytes > limits.bytesMax) {
				limits.onDropped(clientId, packet.topic ?? '');
				return false;
			}
			sizes.add(clientId, bytes);
			return true;
		});
		return enqueue(taken, packet);
	};
	const clear = store.outgoingClearMessageId.bind(store);
	store.outgoingClearMessageId = async (client, packet) => {
		const removed = await clear(client, packet);
		if (removed) sizes.remove(client.id, bytesOf(removed));
		return removed;
	};
}

/** What the broker keeps beside topic and payload. */
const overheadBytes = 256;

function bytesOf({ topic = '', payload = '' }: Kept): number {
	return topic.length + payload.length + overheadBytes;
}

/** The sizes of the messages of each session, the oldest first. */
function createSizes() {
	const known = new Map<string, { list: number[]; sum: number }>();
	return {
		sumOf: (session: string): number => known.get(session)?.sum ?? 0,
		add(session: string, bytes: number): void {
			const entry = known.get(session) ?? { list: [], sum: 0 };
			entry.list.push(bytes);
			entry.sum += bytes;
			known.set(session, entry);
		},
		remove(session: string, bytes: number): void {
			const entry = known.get(session);
			if (!entry) return;
			// A PUBREL has another size than its message: the oldest one goes in its place.
			const [size = 0] = entry.list.splice(Math.max(entry.list.indexOf(bytes), 0), 1);
			entry.sum -= size;
			if (entry.list.length === 0) known.delete(session);
		},
	};
}
