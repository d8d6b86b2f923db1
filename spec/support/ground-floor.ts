/**
 * The ground floor of a node for specs, without supervisors: a real journal in a temporary folder,
 * a stepped clock, and a wire on which nothing travels but what is published is noted.
 *
 * @module
 */
import { parseTopic, type Topic } from '../../runtime/message/topics.ts';
import { createOutcomePublisher } from '../../runtime/intake/outcome-publisher.ts';
import { steppedClock, type Clock, type SteppedClock } from '../../runtime/platform/clock.ts';
import { createLedger } from '../../runtime/ledger/ledger.ts';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { createInboundRouter } from '../../runtime/network/inbound-router.ts';
import { createNetwork } from '../../runtime/network/network.ts';
import { passAll } from '../../runtime/platform/crash-points.ts';
import {
	frameVersion,
	packFrames,
	readFrames,
	type Frame,
	type FrameRow,
} from '../../runtime/protocol/frame.ts';
import { createInbox } from '../../runtime/delivery/inbox.ts';
import { createIntake } from '../../runtime/intake/intake.ts';
import { openJournal, type Journal } from '../../runtime/journal/journal.ts';
import { createMailbox } from '../../runtime/mailbox/mailbox.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import { createMessageRouter } from '../../runtime/intake/message-router.ts';
import { createPresence } from '../../runtime/network/presence.ts';
import { createReceipts } from '../../runtime/ledger/receipts.ts';
import { createSignals, type Signal, type Signals } from '../../runtime/observability/signals.ts';
import type { Publication, Verdict, Wire } from '../../runtime/network/transport.ts';
import { builtInMethods, messageOf } from './method-context.ts';
import type { LongTestScope } from './open-journal.ts';
import { temporaryFolder } from './temporary.ts';
import { readAcknowledgement, type LaneAck } from '../../runtime/protocol/acknowledgement.ts';

/** The parts of `runtime/` that a node has one of. */
export type NodeServices = ReturnType<typeof createTreeChildren>;

/** A ground floor, and what its wire was given. */
export interface Floor {
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
	/** Closes it, and opens a new one in the same folder. */
	reopen(): Promise<Floor>;
}

/** A row of a frame that holds a message of this id, but for what is given. */
export function rowOf(id: string, fields: Parameters<typeof messageOf>[0] = {}): FrameRow {
	return { id, ttlMs: 60_000, body: packMessage(messageOf({ id, ...fields })) };
}

/** Puts the parts together as a node does, and opens its doors. */
function createTreeChildren(
	folder: string,
	given: { config: Config; clock: Clock; signals: Signals },
) {
	const { config, clock, signals } = given;
	const node = config.nodeName;
	const journal = openJournal({ folder, clock, signals });
	const shared = { ...given, journal };
	const methods = builtInMethods;
	const phase: { current: 'recovering' | 'open' | 'stopping' } = { current: 'open' };
	const mailboxes = new Map(
		methods.list().map(({ name: method, ordering }) => {
			const concurrency = ordering === 'sequential' ? 1 : config.callsMax;
			return [method, createMailbox({ method, journal, concurrency })];
		}),
	);
	const mailbox = (method: string) => mailboxes.get(methods.find(method)?.name ?? method);
	const { storeId, epoch } = journal;
	const self = {
		node,
		storeId,
		epoch,
		prefix: config.topicPrefix,
		methods: () => [...mailboxes.keys()],
	};
	const network = createNetwork({
		clock,
		bytesMax: config.frameBytesMax,
		passPoint: passAll,
		self,
	});
	const outcomePublisher = createOutcomePublisher({ ...shared, network });
	const ledger = createLedger({ ...shared, outcomePublisher });
	const receipts = createReceipts(shared);
	const outbox = createOutbox(shared);
	const presence = createPresence(shared);
	const router = createMessageRouter({
		...shared,
		node,
		ledger,
		outbox,
		mailbox,
		network,
	});
	const taking = {
		...shared,
		node,
		ledger,
		outcomePublisher,
		outbox,
		router,
		presence,
		methods,
		mailbox,
	};
	const intake = createIntake({
		...taking,
		hindrance: () => (phase.current === 'stopping' ? 'stopping' : undefined),
	});
	const inbox = createInbox({
		...shared,
		receipts,
		mailbox,
		passPoint: passAll,
		onRemoval: () => {},
		hindrance: () => (phase.current === 'open' ? undefined : phase.current),
		onAccept: (message) => router.onAccept(message),
		onAccepted: (message, isTaken) => router.onAccepted(message, isTaken),
		answer: (to, ack) => network.answer(to, ack),
	});
	const listener = createInboundRouter({
		self,
		network,
		signals,
		handlers: {
			frame(frame, destination) {
				if (frame.lane === undefined) inbox.receiveOnce(frame, destination);
				else inbox.receive(frame, destination).catch(() => undefined);
			},
			acknowledgement: () => {},
			status: (status) => presence.learn(status),
			publicMessage: (payload, address, properties) =>
				intake.acceptPublic(payload, address, properties),
		},
	});
	return { ...taking, phase, mailboxes, receipts, intake, inbox, network, listener };
}

/** Opens the ground floor of `ship1`, or of the node that is named in `values`. */
export function openFloor(
	t: LongTestScope,
	values: Parameters<typeof configOf>[0] = {},
	folder = temporaryFolder(t),
): Floor {
	const config = configOf({
		nodeName: 'ship1',
		databaseFolder: folder,
		subscribersDataFolder: folder,
		unknownMethodGrace: 0,
		...values,
	});
	const clock = steppedClock(1);
	const signals = createSignals(clock, 10_000);
	const services = createTreeChildren(folder, { config, clock, signals });
	const published: Floor['published'][number][] = [];
	const waiting = new Set<() => void>();
	const verdict: Floor['verdict'] = { current: 'taken' };
	const wire: Wire = {
		name: 'noted',
		publish(publication) {
			const parsed = parseTopic(config.topicPrefix, publication.topic);
			published.push({ ...publication, parsed });
			for (const look of waiting) look();
			return Promise.resolve(verdict.current);
		},
	};
	services.listener.up(wire);
	const { journal } = services;
	t.after(() => journal.close());
	const ofPart = (part: Topic['part']) =>
		published.filter(({ parsed }) => parsed?.part === part).map(({ payload }) => payload);
	const acks = () => ofPart('ack').flatMap((payload) => readAcknowledgement(payload).lanes);
	const arrive = (topic: string, payload: Uint8Array) => services.listener.packet(topic, payload);

	return {
		services,
		journal,
		clock,
		folder,
		wire,
		verdict,
		published,
		frames: () => ofPart('lane').flatMap(readFrames),
		acks,
		arrive,
		async receive(fields, method = 'REQPing') {
			const before = acks().length;
			const lane = `ship1/${method}/EventACK/`;
			const head = { v: frameVersion, from: 'central', storeId: 'store1', epoch: 1 } as const;
			const answered = new Promise<void>((resolve) => {
				const look = () => {
					if (acks().length > before) resolve();
				};
				waiting.add(look);
			});
			const payload = packFrames({ ...head, ...fields }, [
				{ lo: 1, lane, first: 1, rows: [], ...fields },
			]);
			arrive(`reeve/${config.nodeName}/_lane/${method}/EventACK`, payload);
			await answered;
			return acks().at(-1) ?? Promise.reject(new Error('no acknowledgement'));
		},
		seen: (type) => signals.recent().filter((signal) => signal.type === type),
		async reopen() {
			await journal.close();
			return openFloor(t, values, folder);
		},
	};
}
