/**
 * The monitors of machines, as far as other nodes are concerned: when a node dies, every monitor of
 * it, and of an actor on it, tells `noconnection`. What an actor has to say of its own end comes as
 * a message; see `actors/watchers.ts`.
 *
 * @module
 */
import { demonitorType } from '../actors/monitor-mail.ts';
import type { Asker } from '../runtime/asks.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Message } from '../runtime/envelope.ts';
import { newId } from '../runtime/identity.ts';
import type { Ground } from './ground.ts';
import { monitorRemote, type Monitor } from './monitors.ts';

/** How long a node that has never been heard of may take to be. */
const hearingMsMax = 10_000;

/** Starts watching the nodes that are monitored. */
export function watchMonitored(ground: Ground): { stop(): void } {
	const { asks, clock, presence, signals } = ground;
	const watched = new Map<string, Monitor>();
	const unheard = new Map<string, Timer>();

	const watch = (node: string): void => {
		unheard.get(node)?.cancel();
		unheard.delete(node);
		const monitor = monitorRemote({ node, name: '' }, { presence }, () => {
			watched.delete(node);
			void tellGone(ground, node);
		});
		watched.set(node, monitor);
	};
	const attend = (node: string): void => {
		if (watched.has(node) || unheard.has(node)) return;
		if (presence.get(node)) watch(node);
		else
			unheard.set(
				node,
				clock.after(hearingMsMax, () => watch(node)),
			);
	};

	const ignore = presence.onChange(({ name }) => {
		if (unheard.has(name)) watch(name);
	});
	const unsubscribe = signals.subscribe((signal) => {
		if (signal.type === 'monitor.opened') attend(signal.node);
	});
	for (const { watches } of asks.monitors().values()) attend(watches.node);
	return {
		stop() {
			unsubscribe();
			ignore();
			for (const timer of unheard.values()) timer.cancel();
			for (const monitor of watched.values()) monitor.demonitor();
		},
	};
}

/** Tells all who monitor a node; what its actors remember of them is taken back. */
async function tellGone(ground: Ground, node: string): Promise<void> {
	const { asks, post } = ground;
	const gone = [...asks.monitors()].filter(([, { watches }]) => watches.node === node);
	const changes = gone.flatMap(([id]) =>
		asks.answer(id, { outcome: 'expired', code: 'expired', detail: `${node} is gone` }),
	);
	const messages = gone.flatMap(([id, asker]) => takingBack(ground, id, asker));
	// It is on disk, or the node is going down: then its next process sees that the other is gone.
	await post.send(messages, changes).then(
		() => {
			for (const [id] of gone) asks.answered(id);
		},
		() => undefined,
	);
}

function takingBack(
	{ clock, node }: Ground,
	id: string,
	{ watches: { node: toNode, actor: method, key } = { node: '' } }: Asker,
): Message[] {
	if (method === undefined) return [];
	return [
		{
			id: newId(clock),
			fromNode: node,
			toNode,
			method,
			...(key === undefined ? {} : { key }),
			kind: 'CommandACK',
			methodArgs: [],
			data: JSON.stringify({ type: demonitorType, id }),
		},
	];
}
