/**
 * Intake: messages per second that a node accepts on its unix socket from 16 clients at a time, for
 * a node that is away. Each is parsed, checked, filed and answered with its id, after the flush.
 * The baseline is LMDB alone: the same rows, ready-made, put in batches by one process and flushed.
 *
 * @module
 */
import { atLeast, budgetOf, full, inRounds, type Figure } from './figure.ts';
import { withHosts } from './host-process.ts';

const bytes = 200;

/** Measures it. */
export function measureIntake(scale = full): Promise<readonly Figure[]> {
	const [count, rounds] = scale.short ? [16_000, 3] : [32_000, 5];
	const job = { do: 'flood', count, bytes, to: 'nowhere' } as const;
	const rate = (ms: number) => Math.round((count / ms) * 1000);
	return withHosts(async ({ start }) => {
		await start({ role: 'sender', name: 'central', bringsBroker: true });
		const clients = await start({ role: 'clients', name: 'central' });
		const puts = await start({ role: 'puts', name: 'puts' });
		const round = async () => {
			const [putMs = 0] = await puts.work(job);
			const from = performance.now();
			await clients.work(job);
			return { baseline: rate(putMs), reeve: rate(performance.now() - from) };
		};
		const measured = await inRounds(rounds, round, budgetOf(scale));
		return [atLeast(0.1, { name: 'intake', unit: 'messages/s', ...measured })];
	}, 'embedded');
}
