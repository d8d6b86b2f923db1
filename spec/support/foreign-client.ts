/**
 * An MQTT client that knows nothing of reeve.
 *
 * @module
 */
import mqtt from 'mqtt';
import type { TestLife } from './temporary.ts';

/** A connected client. */
export interface ForeignClient {
	/** Publishes with QoS 1; resolves when the broker has it. */
	publish(
		topic: string,
		text: string,
		properties?: { responseTopic?: string; correlationData?: Buffer },
	): Promise<void>;
}

/** Connects a client with MQTT 5. */
export async function foreignClient(life: TestLife, address: string): Promise<ForeignClient> {
	const client = await mqtt.connectAsync(address, { protocolVersion: 5, reconnectPeriod: 0 });
	life.after(() => void client.end(true));
	return {
		async publish(topic, text, properties) {
			await client.publishAsync(topic, text, { qos: 1, ...(properties ? { properties } : {}) });
		},
	};
}
