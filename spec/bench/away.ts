/**
 * Away: messages per second to one node while many wait for another that is away, against the same
 * with no node away. (Steward's router stalls then: it waits for the one that does not answer.)
 *
 * @module
 */
import { atLeast, budgetOf, full, inRounds, type Figure } from './figure.ts';
import { withHosts } from './host-process.ts';

const bytes = 200;
/** How many wait for the node that is away. */
const waiting = 2000;

/** Measures it. */
export function measureAway(scale = full): Promise<readonly Figure[]> {
	const [count, rounds] = scale.short ? [2000, 3] : [3000, 5];
	return withHosts(async ({ start }) => {
		await start({ role: 'receiver', name: 'ship1' });
		await start({ role: 'receiver', name: 'ship2' });
		const undisturbed = await start({ role: 'sender', name: 'central1' });
		const disturbed = await start({ role: 'sender', name: 'central2' });
		await disturbed.work({ do: 'leave', count: waiting, bytes, to: 'nowhere' });
		const perSecond = async (run: () => Promise<unknown>): Promise<number> => {
			const from = performance.now();
			await run();
			return Math.round((count / (performance.now() - from)) * 1000);
		};
		const round = async () => ({
			baseline: await perSecond(() => undisturbed.work({ do: 'flood', count, bytes, to: 'ship1' })),
			reeve: await perSecond(() => disturbed.work({ do: 'flood', count, bytes, to: 'ship2' })),
		});
		const measured = await inRounds(rounds, round, budgetOf(scale));
		return [atLeast(0.9, { name: 'away', unit: 'messages/s', ...measured })];
	});
}
