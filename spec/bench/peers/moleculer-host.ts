/**
 * One end of Moleculer over MQTT with QoS 0: the caller, or the service that answers.
 *
 * @module
 */
import { ServiceBroker } from 'moleculer';
import { serve, type Work } from '../serving.ts';

interface Order {
	readonly role: 'caller' | 'service';
	readonly broker: string;
}

interface Job {
	readonly count: number;
	readonly bytes: number;
}

/** Calls that are not answered yet, at most. */
const underWayMax = 500;

async function become({ role, broker: address }: Order): Promise<Work<Job>> {
	const { hostname: host, port } = new URL(address);
	const options = { host, port: Number(port), qos: 0 };
	const broker = new ServiceBroker({
		nodeID: role,
		transporter: { type: 'MQTT', options },
		logger: false,
		requestTimeout: 60_000,
		registry: { preferLocal: false },
	});
	if (role === 'service') {
		const say = ({ params }: { params: { text: string } }) => params;
		broker.createService({ name: 'echo', actions: { say } });
	}
	await broker.start();
	if (role === 'service') return () => Promise.resolve([]);
	await broker.waitForServices('echo', 10_000);
	return async ({ count, bytes }) => {
		const params = { text: 'x'.repeat(bytes) };
		let called = 0;
		const callMore = async (): Promise<void> => {
			while (called < count) {
				called += 1;
				await broker.call('echo.say', params);
			}
		};
		await Promise.all(Array.from({ length: underWayMax }, callMore));
		return [];
	};
}

serve<Order, Job>(become);
