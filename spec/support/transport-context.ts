/**
 * The context that a transport is started with in specs: an API that refuses, and a listener that
 * records what it is told.
 *
 * @module
 */
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { errorTable, type ErrorCode } from '../../runtime/platform/errors.ts';
import { createSignals, type Signal } from '../../runtime/observability/signals.ts';
import type {
	NodeApi,
	PublicProperties,
	Publication,
	Wire,
} from '../../runtime/network/transport.ts';
import type { TransportContext, WireListener } from '../../runtime/network/transport.ts';

/** A list of what happened, and ways to wait for more. */
export interface Notes<Item> {
	readonly all: Item[];
	add(item: Item): void;
	/** Resolves with the first item, noted already or later, for which `is` holds. */
	first(is?: (item: Item) => boolean): Promise<Item>;
	/** Resolves when that many are noted. */
	count(wanted: number): Promise<readonly Item[]>;
}

/** Creates an empty list of notes. */
export function createNotes<Item>(): Notes<Item> {
	const all: Item[] = [];
	const waiting = new Set<() => void>();
	const until = <Value>(look: () => Value | undefined): Promise<Value> =>
		new Promise((resolve) => {
			const check = () => {
				const value = look();
				if (value === undefined) return;
				waiting.delete(check);
				resolve(value);
			};
			waiting.add(check);
			check();
		});
	return {
		all,
		add(item) {
			all.push(item);
			for (const check of waiting) check();
		},
		first: async (is = () => true) => {
			const found = await until(() => {
				const item = all.find(is);
				return item === undefined ? undefined : { item };
			});
			return found.item;
		},
		count: (wanted) => until(() => (all.length >= wanted ? all : undefined)),
	};
}

/** A publication as a node hears of it. */
export interface Heard {
	readonly topic: string;
	readonly text: string;
}

/** A public message, and what acknowledges it. */
export interface PublicHeard extends Heard {
	readonly properties: PublicProperties;
	readonly settle: () => void;
}

/** A context together with what was noted. */
export interface NotedContext {
	readonly context: TransportContext;
	readonly packets: Notes<Heard>;
	readonly publicMessage: Notes<PublicHeard>;
	/** `up` and `down: <reason>`. */
	readonly link: Notes<string>;
	readonly wires: Set<Wire>;
	readonly signals: Notes<Signal>;
}

/** Creates a context; what is not given is answered with a refusal. */
export function createContext(
	values: Parameters<typeof configOf>[0] = {},
	own: { api?: Partial<NodeApi>; clock?: Clock; will?: Partial<Publication> } = {},
): NotedContext {
	const config = configOf(values);
	const { clock = realClock } = own;
	const { nodeName: node, topicPrefix } = config;
	const packets = createNotes<Heard>();
	const publicMessage = createNotes<PublicHeard>();
	const link = createNotes<string>();
	const seen = createNotes<Signal>();
	const wires = new Set<Wire>();
	const signals = createSignals(clock);
	signals.subscribe((signal) => seen.add(signal));
	const listener: WireListener = {
		up(wire) {
			wires.add(wire);
			link.add('up');
		},
		down(wire, reason) {
			wires.delete(wire);
			link.add(`down: ${reason}`);
		},
		packet: (topic, payload) => packets.add({ topic, text: Buffer.from(payload).toString() }),
		publicMessage: (topic, payload, properties) =>
			new Promise((settle) => {
				publicMessage.add({ topic, text: Buffer.from(payload).toString(), properties, settle });
			}),
	};
	const refuse = (code: ErrorCode, detail: string, via: string) => {
		signals.emit('message.refused', { code, detail, via });
		return { error: code, detail, hint: errorTable[code].hint };
	};
	const api: NodeApi = {
		accept: (_raw, via) => Promise.resolve([refuse('unknown_method', '', via)]),
		refuse,
		async *ask() {
			await Promise.resolve();
			yield* [];
		},
		...own.api,
	};
	const will: Publication = {
		topic: [topicPrefix, node, '_status'].filter(Boolean).join('/'),
		payload: Buffer.from('offline'),
		qos: 1,
		retain: true,
		...own.will,
	};
	const context = { node, config, clock, signals, listener, will, api };
	return { context, packets, publicMessage, link, wires, signals: seen };
}
