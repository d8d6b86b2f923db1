/**
 * Delivery over the broker that reeve brings along, which runs where the product runs it: in the
 * process of the sending node, on its event loop. The baseline is mqtt.js over that same broker,
 * sender and receiver in processes of their own, so that it has the broker's process to itself.
 *
 * @module
 */
import { bareEnds, deliver } from './delivery.ts';
import { atLeast, full, type Figure } from './figure.ts';
import { onServices } from './host-process.ts';

/** Measures it. */
export function measureDeliveryEmbedded(scale = full): Promise<readonly Figure[]> {
	return onServices(async (services) => {
		const sender = await services.start({ role: 'sender', name: 'central', bringsBroker: true });
		await services.start({ role: 'receiver', name: 'ship1' });
		const bare = await bareEnds(services);
		const measured = await deliver({ ...bare, sender }, scale);
		return [atLeast(1, { name: 'delivery-embedded', unit: 'messages/s', ...measured })];
	}, 'embedded');
}
