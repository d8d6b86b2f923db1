/**
 * A plain MQTT client: what the sensors and heaters of the stories are, which know nothing of
 * reeve.
 *
 * @module
 */
import mqtt from 'mqtt';

/** Such a client. */
export interface PlainClient {
	/** Publishes something, as any MQTT client may; resolves when the broker has it. */
	readonly publish: (topic: string, text: string) => Promise<void>;
	/** What has been published below `home/` on this topic, oldest first. */
	readonly overheard: (topic: string) => readonly string[];
	readonly end: () => Promise<void>;
}

/** Connects one. */
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
