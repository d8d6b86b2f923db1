/**
 * Latency: one message at a time, from handing it in to its outcome in the ledger. The baseline
 * does by hand what cannot be left out: a round trip of mqtt.js with QoS 1, and a flush of LMDB for
 * the request and one for the answer. `command` is the same with a process that is started, `true`.
 *
 * @module
 */
import { atMost, budgetOf, full, inRounds, quantile, type Figure } from './figure.ts';
import { withHosts } from './host-process.ts';

const bytes = 200;

/** Measures both. */
export function measureLatency(scale = full): Promise<readonly Figure[]> {
	const [count, rounds] = scale.short ? [100, 3] : [200, 5];
	return withHosts(async ({ start }) => {
		await start({ role: 'mqtt-echo', name: 'echo' });
		const asker = await start({ role: 'mqtt-asker', name: 'asker' });
		await start({ role: 'receiver', name: 'ship1' });
		const sender = await start({ role: 'sender', name: 'central' });
		const figures: Figure[] = [];
		const rows = [
			{ name: 'latency p50', at: 0.5, goal: 1.3, reeve: 'ask', bare: 'ask-durably' },
			{ name: 'latency p99', at: 0.99, goal: 2, reeve: 'ask', bare: 'ask-durably' },
			{ name: 'command p50', at: 0.5, goal: 1.3, reeve: 'command', bare: 'command' },
		] as const;
		for (const { name, at, goal, ...what } of rows) {
			const round = async () => ({
				baseline: quantile(await asker.work({ do: what.bare, count, bytes, to: 'echo' }), at),
				reeve: quantile(await sender.work({ do: what.reeve, count, bytes, to: 'ship1' }), at),
			});
			const measured = await inRounds(rounds, round, budgetOf(scale, 1 / rows.length));
			figures.push(atMost(goal, { name, unit: 'ms', ...measured }));
		}
		return figures;
	});
}
