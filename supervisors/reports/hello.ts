/**
 * Hello messages: each node tells central at an interval that it runs, as steward's nodes do.
 *
 * @module
 */
import type { Timer } from '../../runtime/platform/clock.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** Starts sending one every `startPubREQHello` seconds; none if that is 0. The result ends it. */
export function startHello({
	node,
	clock,
	config,
	router,
}: Pick<NodeServices, 'clock' | 'config' | 'node' | 'router'>): {
	stop(): Promise<void>;
} {
	const intervalMs = config.startPubREQHello * 1000;
	let timer: Timer | undefined;

	const say = (): void => {
		timer = clock.after(intervalMs, say);
		const hello = {
			id: newId(clock),
			fromNode: node,
			toNode: config.centralNodeName,
			method: 'REQHello',
			kind: 'EventNACK',
			methodArgs: [],
		} as const;
		// A loss does no harm: the next one follows soon.
		router.send([hello]).catch(ignoreIfFenced);
	};
	if (intervalMs > 0) timer = clock.after(intervalMs, say);

	return {
		async stop() {
			timer?.cancel();
			await Promise.resolve();
		},
	};
}
