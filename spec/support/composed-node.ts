/**
 * The services of one node, composed as the product composes them, without a tree: a real journal
 * in a temporary folder, a stepped clock, and a wire that records publications and delivers none.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { methodOf } from '../../actors/definition/event-message.ts';
import { configOf } from '../../runtime/config/config.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { parseTopic, type Topic } from '../../runtime/message/topics.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import {
	createRegistry,
	loadMethods,
	type MethodRegistry,
} from '../../runtime/method/method-registry.ts';
import type { Publication, Verdict, Wire } from '../../runtime/network/transport.ts';
import { createConsole } from '../../runtime/observability/console.ts';
import { createSignals, type Signal } from '../../runtime/observability/signals.ts';
import { steppedClock, type Clock, type SteppedClock } from '../../runtime/platform/clock.ts';
import { passAll } from '../../runtime/platform/crash-points.ts';
import { readAcknowledgement, type LaneAck } from '../../runtime/protocol/acknowledgement.ts';
import { frameVersion, packFrames, readFrames, type Frame } from '../../runtime/protocol/frame.ts';
import { composeNode } from '../../supervisors/composition/compose-node.ts';
import type { NodeServices } from '../../supervisors/composition/node-services.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** The methods that reeve brings along. */
export const builtInMethods = await loadMethods([
	fileURLToPath(new URL('../../actors/methods/', import.meta.url)),
]);

/** What a composed node is made with, where it differs from the usual. */
export interface Overrides {
	readonly folder?: string;
	readonly clock?: SteppedClock;
	/** Methods, beside the built-in ones. */
	readonly methods?: readonly MethodDefinition[];
	readonly actors?: readonly ActorDefinition[];
	/** Whether it takes messages at once, or still recovers. */
	readonly isOpen?: boolean;
}

/** The services of a node that takes messages, and what its wire was given. */
export interface ComposedNode {
	readonly services: NodeServices;
	readonly journal: Journal;
	readonly clock: SteppedClock;
	readonly folder: string;
	/** All that was published, oldest first, with its topic taken apart. */
	readonly published: readonly (Publication & { readonly parsed: Topic | undefined })[];
	/** The frames among it, or the acknowledgements, lane by lane. */
	frames(): readonly Frame[];
	acks(): readonly LaneAck[];
	/** Brings a publication, as from a broker. */
	arrive(topic: string, payload: Uint8Array): void;
	/** Brings a frame for a method, and resolves with its acknowledgement. */
	receive(frame: Partial<Frame>, method?: string): Promise<LaneAck>;
	seen(type: Signal['type']): readonly Signal[];
	readonly wire: Wire;
	/** What the wire says of publications. */
	readonly verdict: { current: Verdict };
	/** Closes it, and composes a new one in the same folder, to which `between` may do something. */
	reopen(between?: (folder: string) => void): Promise<ComposedNode>;
}

/** Composes the services of `ship1`, or of the node that `values` names. Nothing is opened yet. */
export function composedServices(
	values: Parameters<typeof configOf>[0],
	parts: Pick<Overrides, 'methods' | 'actors'> & { readonly clock: Clock; readonly folder: string },
): NodeServices {
	const { folder, clock, methods = [], actors = [] } = parts;
	const config = configOf({
		nodeName: 'ship1',
		databaseFolder: folder,
		subscribersDataFolder: folder,
		unknownMethodGrace: 0,
		signalsKeptMax: 10_000,
		...values,
	});
	const signals = createSignals(clock, config.signalsKeptMax);
	return composeNode({
		config,
		clock,
		signals,
		print: createConsole(signals, undefined),
		methods: registryOf([...methods, ...actors.map(methodOf)]),
		actors,
		onEnd: () => {},
		host: 'host of specs',
		choices: {},
		passPoint: passAll,
	});
}

/** Composes a node, and connects the wire. `values` are of the configuration. */
export function composedNode(
	t: TestScope,
	values: Parameters<typeof configOf>[0] = {},
	overrides: Overrides = {},
): ComposedNode {
	const { folder = temporaryFolder(t), clock = steppedClock(1), isOpen = true } = overrides;
	const services = composedServices(values, { ...overrides, folder, clock });
	const { journal, config, signals, listener } = services;
	t.after(() => journal.close());
	if (isOpen) services.phase.open();
	const recorded = recordingWire(config.topicPrefix);
	const { wire, verdict, published, acks } = recorded;
	listener.up(wire);
	const arrive = (topic: string, payload: Uint8Array) => listener.packet(topic, payload);

	return {
		services,
		journal,
		clock,
		folder,
		wire,
		verdict,
		published,
		frames: recorded.frames,
		acks,
		arrive,
		async receive(fields, method = 'REQPing') {
			const answered = recorded.nextAck();
			const lane = `ship1/${method}/EventACK/`;
			const head = { v: frameVersion, from: 'central', storeId: 'store1', epoch: 1 } as const;
			const payload = packFrames({ ...head, ...fields }, [
				{ lo: 1, lane, first: 1, rows: [], ...fields },
			]);
			arrive(`reeve/${config.nodeName}/_lane/${method}/EventACK`, payload);
			await answered;
			return acks().at(-1) ?? Promise.reject(new Error('no acknowledgement'));
		},
		seen: (type) => signals.recent().filter((signal) => signal.type === type),
		async reopen(between) {
			await journal.close();
			between?.(folder);
			return composedNode(t, values, { ...overrides, folder, clock: steppedClock(1) });
		},
	};
}

/** A wire that records what is published, and says of it what the test wants. */
function recordingWire(topicPrefix: string) {
	const published: ComposedNode['published'][number][] = [];
	const waiting = new Set<() => void>();
	const verdict: ComposedNode['verdict'] = { current: 'taken' };
	const wire: Wire = {
		name: 'recorded',
		publish(publication) {
			const parsed = parseTopic(topicPrefix, publication.topic);
			published.push({ ...publication, parsed });
			for (const look of waiting) look();
			return Promise.resolve(verdict.current);
		},
	};
	const ofPart = (part: Topic['part']) =>
		published.filter(({ parsed }) => parsed?.part === part).map(({ payload }) => payload);
	const acks = () => ofPart('ack').flatMap((payload) => readAcknowledgement(payload).lanes);
	return {
		wire,
		verdict,
		published,
		acks,
		frames: () => ofPart('lane').flatMap(readFrames),
		/** Resolves when there is one acknowledgement more than now. */
		nextAck(): Promise<void> {
			const before = acks().length;
			return new Promise((resolve) => {
				const look = () => {
					if (acks().length > before) resolve();
				};
				waiting.add(look);
			});
		},
	};
}

function registryOf(others: readonly MethodDefinition[]): MethodRegistry {
	const all = [...builtInMethods.list(), ...others];
	return createRegistry(all.map((definition) => ({ source: 'spec', definition })));
}
