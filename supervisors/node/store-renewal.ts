/**
 * Renewal: what a node does when it turns out that its store is an older copy of what it once was,
 * put back from a backup or cloned. Others know more of its lanes than it does itself, so it takes
 * another identity: under that one nothing of it is mistaken for something older, and what still
 * waits is sent as what it is, a possible repetition.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import { supervisorNamed } from '../otp/registered-supervisors.ts';

/**
 * Makes what publishers call when they find out. A second call while the first is at work is the
 * same.
 */
export function createRenewal(
	services: Pick<NodeServices, 'journal' | 'outbox' | 'signals' | 'names'>,
): (why: string) => void {
	const { journal, outbox, signals, names } = services;
	let working: Promise<void> | undefined;

	const renew = async (why: string): Promise<void> => {
		const before = journal.storeId;
		await journal.renew(outbox.renew());
		signals.emit('store.renewed', { storeId: journal.storeId, before, why });
		// The broker holds a will in the old name; and everything under way is sent again afterwards.
		const ref = supervisorNamed(names, 'transports');
		for (const { id } of await ref.whichChildren()) {
			await ref.terminateChild(id);
			await ref.restartChild(id);
		}
	};
	return (why) => {
		// It rejects if this process may not write any more: then another one decides.
		working ??= renew(why).then(
			() => void (working = undefined),
			() => undefined,
		);
	};
}
