/**
 * An MQTT client that knows nothing of reeve.
 *
 * @module
 */
import mqtt from 'mqtt';
import type { TestScope } from './temporary.ts';

/** A connected client. */
export interface PublicClient {
	/** Publishes with QoS 1; resolves when the broker has it. */
	publish(
		topic: string,
		text: string,
		properties?: { responseTopic?: string; correlationData?: Buffer },
	): Promise<void>;
}

/** Connects a client with MQTT 5. */
export async function publicClient(t: TestScope, address: string): Promise<PublicClient> {
	const client = await mqtt.connectAsync(address, { protocolVersion: 5, reconnectPeriod: 0 });
	t.after(() => void client.end(true));
	return {
		async publish(topic, text, properties) {
			await client.publishAsync(topic, text, { qos: 1, ...(properties ? { properties } : {}) });
		},
	};
}
