/**
 * Delivery over the broker that reeve brings along, which runs where the product runs it: in the
 * process of the sending node, on its event loop. The baseline is mqtt.js over that same broker,
 * sender and receiver in processes of their own, so that it has the broker's process to itself.
 *
 * @module
 */
import { bareEnds, deliver } from './delivery.ts';
import { atLeast, full, type Figure } from './figure.ts';
import { withHosts } from './host-process.ts';

/** Measures it. */
export function measureDeliveryEmbedded(scale = full): Promise<readonly Figure[]> {
	return withHosts(async (hosts) => {
		const sender = await hosts.start({ role: 'sender', name: 'central', bringsBroker: true });
		await hosts.start({ role: 'receiver', name: 'ship1' });
		const bare = await bareEnds(hosts);
		const measured = await deliver({ ...bare, sender }, scale);
		return [atLeast(1, { name: 'delivery-embedded', unit: 'messages/s', ...measured })];
	}, 'embedded');
}
