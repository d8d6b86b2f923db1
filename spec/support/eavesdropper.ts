/**
 * An MQTT client that may read and publish everything at the broker, and has no key.
 *
 * @module
 */
import mqtt from 'mqtt';
import { createNotes } from './transport-context.ts';
import type { TestScope } from './temporary.ts';

/** A publication that was overheard. */
export interface Overheard {
	readonly topic: string;
	readonly payload: Buffer;
}

/** The client. */
export interface Eavesdropper {
	/** The first publication, overheard already or later, on a topic that this matches. */
	overhear(topic: RegExp, is?: (payload: Buffer) => boolean): Promise<Overheard>;
	/** All of them so far. */
	all(topic: RegExp): readonly Overheard[];
	/** Publishes something, and resolves when the broker has it. */
	publish(topic: string, payload: Uint8Array | string, retain?: boolean): Promise<void>;
	/** Calls `see` for all that is overheard from now on. */
	onPublication(see: (overheard: Overheard) => void): void;
}

/** Connects it. */
export async function eavesdropper(t: TestScope, address: string): Promise<Eavesdropper> {
	const client = await mqtt.connectAsync(address, { protocolVersion: 4, reconnectPeriod: 0 });
	t.after(() => void client.end(true));
	const notes = createNotes<Overheard>();
	const watchers = new Set<(overheard: Overheard) => void>();
	client.on('message', (topic, payload) => {
		notes.add({ topic, payload });
		for (const see of watchers) see({ topic, payload });
	});
	await client.subscribeAsync('#', { qos: 1 });
	return {
		overhear: (pattern, is = () => true) =>
			notes.first(({ topic, payload }) => pattern.test(topic) && is(payload)),
		all: (pattern) => notes.all.filter(({ topic }) => pattern.test(topic)),
		async publish(topic, payload, retain = false) {
			await client.publishAsync(topic, Buffer.from(payload as Uint8Array), { qos: 1, retain });
		},
		onPublication: (see) => void watchers.add(see),
	};
}
