/**
 * A plain MQTT client, as the sensors and heaters of the stories are, which know nothing of reeve.
 *
 * @module
 */
import mqtt from 'mqtt';

/** A plain MQTT client. */
export interface PlainClient {
	/** Publishes a text; resolves when the broker has it. */
	readonly publish: (topic: string, text: string) => Promise<void>;
	/** The texts that were published on this topic below `home/`, oldest first. */
	readonly overheard: (topic: string) => readonly string[];
	readonly end: () => Promise<void>;
}

/** Connects a plain client. */
export async function connectPlainly(broker: string): Promise<PlainClient> {
	const client = await mqtt.connectAsync(broker);
	const heard: { readonly topic: string; readonly text: string }[] = [];
	client.on('message', (topic, payload) => heard.push({ topic, text: payload.toString() }));
	await client.subscribeAsync('home/#', { qos: 1 });
	return {
		async publish(topic, text) {
			await client.publishAsync(topic, text, { qos: 1 });
		},
		overheard: (wanted) => heard.flatMap(({ topic, text }) => (topic === wanted ? [text] : [])),
		end: () => client.endAsync(true),
	};
}
