/**
 * Delivery: messages per second from one process to another over a broker. The baseline is mqtt.js
 * alone, one PUBLISH with QoS 1 for each message, nothing on disk. reeve's messages are on disk at
 * both ends, de-duplicated, acknowledged, run by a trivial method, and settled in the sender's
 * books.
 *
 * @module
 */
import { atLeast, inRounds, type Figure } from './figure.ts';
import { onGround } from './host-process.ts';

const bytes = 200;

/** Measures it; `count` messages in each round. */
export function measureDelivery(count = 20_000, rounds = 5): Promise<readonly Figure[]> {
	return onGround(async ({ start }) => {
		const bareReceiver = await start({ role: 'mqtt-receiver', name: 'bare' });
		const bareSender = await start({ role: 'mqtt-sender', name: 'bare-sender' });
		await start({ role: 'receiver', name: 'ship1' });
		const sender = await start({ role: 'sender', name: 'central' });
		const perSecond = async (run: () => Promise<unknown>): Promise<number> => {
			const from = performance.now();
			await run();
			return Math.round((count / (performance.now() - from)) * 1000);
		};
		const measured = await inRounds(rounds, async () => ({
			baseline: await perSecond(() => {
				const job = { do: 'flood', count, bytes, to: 'bare' } as const;
				return Promise.all([bareReceiver.work(job), bareSender.work(job)]);
			}),
			reeve: await perSecond(() => sender.work({ do: 'flood', count, bytes, to: 'ship1' })),
		}));
		return [atLeast(1.5, { name: 'delivery', unit: 'messages/s', ...measured })];
	});
}
