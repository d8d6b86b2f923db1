/**
 * Delivery: messages per second from one process to another over a broker. The baseline is mqtt.js
 * alone, one PUBLISH with QoS 1 for each message, nothing on disk. reeve's messages are on disk at
 * both ends, de-duplicated, acknowledged, run by a trivial method, and settled in the sender's
 * ledger.
 *
 * @module
 */
import { atLeast, budgetOf, full, inRounds, type Figure, type Scale } from './figure.ts';
import { withHosts, type BenchHosts, type Host } from './host-process.ts';

/** The ends of both ways: two bare clients, and two nodes. */
export interface Ends {
	readonly bareSender: Host;
	readonly bareReceiver: Host;
	/** The node that sends to the node `ship1`. */
	readonly sender: Host;
}

/** The bare ends, which are the same over every broker. */
export async function bareEnds({ start }: BenchHosts): Promise<Omit<Ends, 'sender'>> {
	return {
		bareReceiver: await start({ role: 'mqtt-receiver', name: 'bare' }),
		bareSender: await start({ role: 'mqtt-sender', name: 'bare-sender' }),
	};
}

const bytes = 200;

/** Messages per second, in turn. */
export function deliver({ bareSender, bareReceiver, sender }: Ends, scale: Scale) {
	const [count, rounds] = scale.short ? [10_000, 3] : [20_000, 5];
	const perSecond = async (run: () => Promise<unknown>): Promise<number> => {
		const from = performance.now();
		await run();
		return Math.round((count / (performance.now() - from)) * 1000);
	};
	const round = async () => ({
		baseline: await perSecond(() => {
			const job = { do: 'flood', count, bytes, to: 'bare' } as const;
			return Promise.all([bareReceiver.work(job), bareSender.work(job)]);
		}),
		reeve: await perSecond(() => sender.work({ do: 'flood', count, bytes, to: 'ship1' })),
	});
	return inRounds(rounds, round, budgetOf(scale));
}

/** Measures it over Mosquitto. */
export function measureDelivery(scale = full): Promise<readonly Figure[]> {
	return withHosts(async (hosts) => {
		const bare = await bareEnds(hosts);
		await hosts.start({ role: 'receiver', name: 'ship1' });
		const sender = await hosts.start({ role: 'sender', name: 'central' });
		const measured = await deliver({ ...bare, sender }, scale);
		return [atLeast(1.5, { name: 'delivery', unit: 'messages/s', ...measured })];
	});
}
