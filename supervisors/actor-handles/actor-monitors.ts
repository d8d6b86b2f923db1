/**
 * Monitors of actors on other nodes: when a node dies, every monitor of
 * it, and of an actor on it, tells `noconnection`; one of an actor that a node does not have tells
 * `noproc`. The end of an actor itself comes as a message: see `actors/durable/monitors.ts`.
 *
 * @module
 */
import { demonitorType } from '../../actors/definition/monitor-message.ts';
import type { Asker } from '../../runtime/pending/asks.ts';
import type { Timer } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { monitorRemote, type Monitor } from '../otp/monitors.ts';

/** What this file needs of the node. */
type Services = Pick<NodeServices, 'asks' | 'clock' | 'node' | 'presence' | 'router' | 'signals'>;

/** How long a node that has never been heard of may take to be. */
const hearingMsMax = 10_000;

/** Starts watching the nodes that are monitored. */
export function watchMonitored(services: Services): { stop(): void } {
	const { asks, clock, presence, signals } = services;
	const watched = new Map<string, Monitor>();
	const unheard = new Map<string, Timer>();

	/** Tells of actors that a node which is there does not have. */
	const lookFor = (node: string): void => {
		const { state, methods = [] } = presence.get(node) ?? {};
		const isMissing = ({ watches: { actor } }: Watching) =>
			actor !== undefined && !methods.includes(actor);
		if (state === 'online') void tell(services, node, { which: isMissing, code: 'unknown_method' });
	};
	const watch = (node: string): void => {
		unheard.get(node)?.cancel();
		unheard.delete(node);
		const monitor = monitorRemote({ node, name: '' }, { presence }, () => {
			watched.delete(node);
			void tell(services, node, { which: () => true, code: 'expired' });
		});
		watched.set(node, monitor);
		lookFor(node);
	};
	const attend = (node: string): void => {
		if (watched.has(node)) lookFor(node);
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
		else if (watched.has(name)) lookFor(name);
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

type Watching = Required<Pick<Asker, 'watches'>>;

/** Who is told, and what, as the code of the outcome of a message. */
interface Telling {
	readonly which: (watching: Watching) => boolean;
	readonly code: 'expired' | 'unknown_method';
}

/** Tells those who monitor a node; what its actors remember of them is taken back. */
async function tell(services: Services, node: string, { which, code }: Telling): Promise<void> {
	const { asks, router } = services;
	const gone = [...asks.monitors()].filter(
		([, asker]) => asker.watches.node === node && which(asker),
	);
	if (gone.length === 0) return;
	const outcome = code === 'expired' ? code : 'refused';
	const changes = gone.flatMap(([id]) => asks.answer(id, { outcome, code }));
	const messages = gone.flatMap(([id, asker]) => takingBack(services, id, asker));
	// If it is not on disk, the node stops; its next process sees that the other node is gone.
	await router.send(messages, changes).then(
		() => {
			for (const [id] of gone) asks.answered(id);
		},
		() => undefined,
	);
}

function takingBack(
	{ clock, node }: Services,
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
