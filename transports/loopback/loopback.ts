/**
 * The loopback wire: a broker in memory for any number of nodes of this process. Its network loses,
 * duplicates, delays, reorders and partitions on demand, by the clock and the random numbers that
 * it is given, so that a simulation with a stepped clock is the same at every run of a seed.
 *
 * ```ts
 * const clock = steppedClock(42);
 * const hub = createHub(clock, { loss: 0.1, delayMs: [5, 50] });
 * await loopback(hub).start(contextOfCentral);
 * await loopback(hub).start(contextOfShip1);
 * hub.cut('ship1'); // its will is published
 * await clock.advance(1000);
 * hub.restore('ship1');
 * ```
 *
 * It is not in the table of transports, since no configuration can name a hub: the program that
 * has a hub passes `loopback(hub)` to the node.
 *
 * @module
 */
import { nodeFilters, publicFilter } from '../../runtime/message/topics.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import {
	defineTransport,
	type PublicProperties,
	type Publication,
} from '../../runtime/network/transport.ts';
import type {
	TransportContext,
	TransportDefinition,
	Verdict,
	Wire,
} from '../../runtime/network/transport.ts';
import {
	createFaultyNetwork,
	type FaultyNetwork,
	type Carried,
	type Faults,
} from './faulty-network.ts';
import { matchesFilter } from '../../runtime/message/topic-filter.ts';

/** The broker in memory. */
export interface Hub {
	/** Connects a node, as `loopback(hub)` does; returns the function that disconnects it. */
	join(context: TransportContext): () => void;
	/** Changes the faults from now on; those that are not named stay. */
	disturb(faults: Partial<Faults>): void;
	/**
	 * Partitions two nodes, or one from all others. Their links stay up and nothing is reported, as
	 * when a network drops packets.
	 */
	part(node: string, other?: string): void;
	/** Ends every partition. */
	heal(): void;
	/** Breaks the link of a node: it goes down, and its will is published. */
	cut(node: string): void;
	/** Restores the link: the node gets what is retained and what MQTT clients sent meanwhile. */
	restore(node: string): void;
	/** Restarts the broker: all links go down and up again, and all it had stored is lost. */
	restart(): void;
	/**
	 * Publishes as an MQTT client would. Resolves when every node that took it has
	 * acknowledged it; at once for topics that are not public.
	 */
	publish(publication: Publication, properties?: PublicProperties): Promise<Verdict>;
	/**
	 * Calls `see` with each publication and its publisher (MQTT clients have no name) from now on.
	 * If it returns false, the publication is dropped, though its publisher gets `taken`.
	 */
	watch(see: PublicationFilter): () => void;
	/** The counts of what was carried so far. */
	counts(): Readonly<Carried>;
}

/** Sees a publication; false drops it. */
export type PublicationFilter = (from: string, publication: Publication) => boolean | void;

/**
 * The most messages of MQTT clients that are kept for an absent node; Mosquitto's default.
 */
const storedMax = 1000;

interface Member {
	readonly node: string;
	readonly context: TransportContext;
	readonly wire: Wire;
	/** Incremented with each connection: packets on their way to an earlier one are lost. */
	connection: number;
	isUp: boolean;
	/** The will that it connected with. */
	will?: Publication;
}

type PublicMessage = { publication: Publication; properties: PublicProperties };
/** The state of a hub. */
interface State {
	readonly members: Map<string, Member>;
	readonly retained: Map<string, Publication>;
	/** Public messages that wait for the return of absent nodes. */
	readonly stored: Map<string, PublicMessage[]>;
	readonly filters: Set<PublicationFilter>;
	readonly carrier: FaultyNetwork;
}

/** Creates a broker in memory. By default nothing goes wrong, and nothing takes time. */
export function createHub(clock: Clock, faults: Partial<Faults> = {}): Hub {
	const state: State = {
		members: new Map(),
		retained: new Map(),
		stored: new Map(),
		filters: new Set(),
		carrier: createFaultyNetwork(clock, faults),
	};
	const { members, carrier } = state;
	const named = (node: string): Member => {
		const member = members.get(node);
		if (!member) throw new Error(`no node ${node} has joined`);
		return member;
	};
	return {
		join: (context) => join(state, context),
		disturb: (changes) => carrier.disturb(changes),
		part: (node, other) => carrier.part(node, other),
		heal: () => carrier.heal(),
		cut: (node) => die(state, named(node), 'the link was cut'),
		restore: (node) => goUp(state, named(node)),
		restart() {
			const all = [...members.values()].filter(({ isUp }) => isUp);
			for (const member of all) goDown(member, 'the broker was restarted');
			state.retained.clear();
			state.stored.clear();
			for (const member of all) goUp(state, member);
		},
		publish: (publication, properties = {}) => takePublic(state, { publication, properties }),
		watch(see) {
			state.filters.add(see);
			return () => void state.filters.delete(see);
		},
		counts: () => carrier.counts(),
	};
}

/** The wire of one node to this hub, as a transport. */
export function loopback(hub: Hub): TransportDefinition {
	return defineTransport({
		name: 'loopback',
		wanted: () => false,
		start(context) {
			const leave = hub.join(context);
			return Promise.resolve({
				address: 'loopback',
				stop() {
					leave();
					return Promise.resolve();
				},
			});
		},
	});
}

/** Connects a node. As with MQTT, a second one of the same name takes the place of the first. */
function join(state: State, context: TransportContext): () => void {
	const { node } = context;
	const former = state.members.get(node);
	if (former) die(state, former, 'another node of this name has joined');
	const wire: Wire = {
		name: 'loopback',
		publish: (publication) =>
			Promise.resolve(member.isUp ? takePublication(state, node, publication) : 'not_connected'),
	};
	const member: Member = { node, context, wire, connection: 0, isUp: false };
	state.members.set(node, member);
	goUp(state, member);
	// It stays a member, as with a persistent session: what MQTT clients send waits for its return.
	return () => void goDown(member, 'stopped');
}

function goUp(state: State, member: Member): void {
	if (member.isUp) return;
	member.isUp = true;
	const { connection, node, context } = member;
	member.will = context.will;
	const waiting = state.stored.get(node) ?? [];
	state.stored.set(node, []);
	setImmediate(() => {
		if (!member.isUp || member.connection !== connection) {
			state.stored.set(node, [...waiting, ...(state.stored.get(node) ?? [])]);
			return;
		}
		context.signals.emit('transport.up', { transport: 'loopback', address: 'loopback' });
		context.listener.up(member.wire);
		for (const publication of state.retained.values()) {
			if (wants(member, publication.topic))
				deliver(state, node, { member, publication, isRetained: true });
		}
		for (const publicMessage of waiting) void hand(state, member, publicMessage);
	});
}

function goDown(member: Member, reason: string): boolean {
	if (!member.isUp) return false;
	member.isUp = false;
	member.connection += 1;
	const { signals, listener } = member.context;
	signals.emit('transport.down', { transport: 'loopback', address: 'loopback', reason });
	listener.down(member.wire, reason);
	return true;
}

/** Breaks a link without a goodbye: the will is published. */
function die(state: State, member: Member, reason: string): void {
	if (!goDown(member, reason)) return;
	takePublication(state, member.node, member.will ?? member.context.will);
}

/** Whether a node has subscribed to a topic of reeve's own protocol. */
function wants({ node, context }: Member, topic: string): boolean {
	const filters = nodeFilters(context.config.topicPrefix, node);
	return filters.some((filter) => matchesFilter(filter, topic));
}

function isPublicOf({ node, context }: Member, topic: string): boolean {
	return (
		matchesFilter(publicFilter(context.config.topicPrefix, node), topic) && !topic.includes('/_')
	);
}

/** Takes the publication of a node. */
function takePublication(state: State, from: string, publication: Publication): Verdict {
	const verdicts = [...state.filters].map((see) => see(from, publication));
	if (verdicts.includes(false)) return 'taken';
	retain(state, publication);
	let receivers = 0;
	for (const member of state.members.values()) {
		if (isPublicOf(member, publication.topic)) {
			receivers += 1;
			void hand(state, member, { publication, properties: {} });
		}
		if (!member.isUp || !wants(member, publication.topic)) continue;
		receivers += 1;
		deliver(state, from, { member, publication });
	}
	return receivers > 0 ? 'taken' : 'nobody';
}

function retain({ retained }: State, publication: Publication): void {
	if (!publication.retain) return;
	retained.delete(publication.topic);
	if (publication.payload.byteLength > 0) retained.set(publication.topic, publication);
}

/** A publication on its way to a node. */
interface Delivered {
	readonly member: Member;
	readonly publication: Publication;
	/** Whether the hub had kept it. */
	readonly isRetained?: boolean;
}

/** Sends a publication to a node over the faulty network. */
function deliver(state: State, from: string, { member, publication, isRetained }: Delivered): void {
	const { topic, payload } = publication;
	const { connection } = member;
	state.carrier.carry(from, member.node, () => {
		if (!member.isUp || member.connection !== connection) return false;
		member.context.listener.packet(topic, payload, isRetained ? { isRetained } : {});
		return true;
	});
}

async function takePublic(state: State, publicMessage: PublicMessage): Promise<Verdict> {
	const { publication } = publicMessage;
	const { topic } = publication;
	const takers = [...state.members.values()].filter((member) => isPublicOf(member, topic));
	if (takers.length === 0) return takePublication(state, '', publication);
	await Promise.all(takers.map((member) => hand(state, member, publicMessage)));
	return 'taken';
}

/** Delivers a public message, and resolves when the node has it; or stores it until it is back. */
async function hand(state: State, member: Member, publicMessage: PublicMessage): Promise<void> {
	const { publication, properties } = publicMessage;
	const { node, context } = member;
	if (member.isUp) {
		await context.listener.publicMessage(publication.topic, publication.payload, properties);
		return;
	}
	const waiting = state.stored.get(node);
	if (publication.qos > 0 && waiting && waiting.length < storedMax) waiting.push(publicMessage);
}
