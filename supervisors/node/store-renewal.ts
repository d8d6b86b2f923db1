/**
 * What a node does when its store turns out to be an older copy of itself, restored from a backup
 * or cloned. Other nodes know later numbers of its lanes than it does, so it takes another
 * identity. Under that its numbers are not mistaken for earlier ones, and what still waits is sent
 * as a possible repetition.
 *
 * @module
 */
import type { NodeServices } from '../composition/node-services.ts';
import { childrenOf, supervisorNamed } from '../otp/registered-supervisors.ts';

/**
 * Makes the function that publishers call when they find out. A call during another one does
 * nothing.
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
		// The broker holds a will of the old identity. What is under way is sent again afterwards.
		const ref = supervisorNamed(names, 'transports');
		for (const { id } of await childrenOf(names, 'transports')) {
			await ref.terminateChild(id);
			await ref.restartChild(id);
		}
	};
	return (why) => {
		// It rejects if this process is fenced; then its successor decides.
		working ??= renew(why).then(
			() => void (working = undefined),
			() => undefined,
		);
	};
}
