/**
 * The ground floor of one node, put together: every part of `runtime/` that a node has one of, in
 * the order in which they need one another. What is supervised on top of it is the tree's business.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import type { Hosting } from '../../actors/durable/host-runtime.ts';
import { createAsks, type Asks } from '../../runtime/pending/asks.ts';
import { createAnswers, type Answers } from '../../runtime/intake/outcome-publisher.ts';
import { createBooks, type Books } from '../../runtime/ledger/ledger.ts';
import { createCancellations, type Cancellations } from '../../runtime/mailbox/cancellations.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { passingDisk, soundDisk, type Disk } from '../../runtime/journal/disk.ts';
import { createExchange, type Exchange, type Self } from '../../runtime/network/network.ts';
import type { Arrivals } from '../../runtime/network/inbound-router.ts';
import { ownFacts } from '../../runtime/message/facts.ts';
import { createInbox, type Inbox } from '../../runtime/delivery/inbox.ts';
import { createIntake, type Intake } from '../../runtime/intake/intake.ts';
import type { Acknowledgement } from '../../runtime/protocol/frame.ts';
import { ReeveError, type ErrorCode } from '../../runtime/platform/errors.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import { openJournal, type Journal } from '../../runtime/journal/journal.ts';
import { createOutbox, type Outbox } from '../../runtime/delivery/outbox.ts';
import { createPost, type Post } from '../../runtime/intake/message-router.ts';
import type { Received } from '../../runtime/ledger/received-messages.ts';
import { createReceipts, type Receipts } from '../../runtime/ledger/receipts.ts';
import { createPresence, type Presence } from '../../runtime/network/presence.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import { createRetention, type Retention } from '../../runtime/delivery/lane-retention.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { createSuspects, type Suspects } from '../../runtime/mailbox/crash-recovery.ts';
import { createTimers, type Timers } from '../../runtime/pending/timers.ts';
import type { StartChoices } from '../../runtime/config/start-options.ts';
import type { Trust } from '../../runtime/security/authorization.ts';
import { openDefinitions, type Definitions, type FolderReading } from './definitions.ts';
import { openMailboxes, type Mailboxes } from './mailboxes.ts';
import type { Reload } from '../actor-hosts/definition-reload.ts';
import { createOwnership, type Ownership } from './ownership.ts';
import { createTrusting } from './node-security.ts';
import { createWithdrawal } from './message-withdrawal.ts';

/** What a ground floor is made from. */
export interface GroundParts {
	readonly config: Config;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly methods: MethodRegistry;
	/** The declared actors of this node; each is a method too. Of the ground, those in force now. */
	readonly actors: readonly ActorDefinition[];
	/** The definitions folder, as it was read; undefined if there is none. */
	readonly reading?: FolderReading | undefined;
	/** Ends the node, because another process has taken over its folder, or another node its name. */
	readonly onEnd: (reason: ErrorCode) => void;
	/** The fingerprint of the machine. */
	readonly host: string;
	/** What the operator said at this start. */
	readonly choices: StartChoices;
	/** Where specs make a node die, see `fault.ts`. */
	readonly passPoint: PassPoint;
	/** What specs put between the journal and its file. */
	readonly disk?: Disk | undefined;
}

/** The parts that a node has one of. */
export interface Ground extends GroundParts, Mailboxes {
	readonly node: string;
	readonly journal: Journal;
	readonly books: Books;
	/** Outcomes that are published for whoever has no node. */
	readonly answers: Answers;
	readonly receipts: Receipts;
	readonly outbox: Outbox;
	readonly presence: Presence;
	readonly exchange: Exchange;
	readonly post: Post;
	readonly intake: Intake;
	/** Whoever wants acknowledgements, and the state of the link: the publishers. */
	readonly publishing: {
		ack(ack: Acknowledgement): void;
		link(isUp: boolean): void;
		/** Somebody takes back a message that has not left its lane. */
		cancel(lane: string, seq: number): void;
	};
	readonly definitions: Definitions;
	/** Reloads their files, once the tree stands. */
	readonly reloading: { reload: Reload };
	/** How many messages earlier processes left here: to be sent, or to be run. */
	readonly leftBehind: number;
	/** Where the node is in its life; messages are taken only while it is `open`. */
	readonly phase: { current: 'recovering' | 'open' | 'stopping' };
	/** Whether the node runs no messages, because its last processes died one after the other. */
	readonly isSafe: boolean;
	/** Whose name and store these are. */
	readonly ownership: Ownership;
	/** What the last process left in mid-run. */
	readonly suspects: Suspects;
	readonly retention: Retention;
	readonly cancellations: Cancellations;
	readonly received: Received;
	readonly timers: Timers;
	readonly asks: Asks;
	/** The work of the hosts of declared actors, by the name of the actor, once they run. */
	readonly hostings: Map<string, Hosting>;
	/** Keys and access rules; undefined if this node has no folder for them. */
	readonly trust: Trust | undefined;
}

/**
 * Opens the journal and puts everything on top of it. Nothing runs yet.
 *
 * @throws ReeveError `storage_failed`, `journal_version`, `cloned_store`, `bad_config`, `bad_key`,
 * `bad_acl`
 */
export function createGround(parts: GroundParts): Ground {
	const { config, clock, signals, methods } = parts;
	const { nodeName: node } = config;
	// First, because to open the journal is to throw out whoever lives there.
	const trusting = createTrusting(parts);
	const { trust, seal } = trusting;
	const journal = openOwnJournal(parts, () => exchange.silence());
	const { guard, checkAuthor } = trusting.on(journal);
	const isSafe = mustBeSafe(journal, parts);
	const { actors: given, reading } = parts;
	const definitions = openDefinitions({ given, reading, journal, methods });
	const ownership = createOwnership({ ...parts, journal, seal: trusting.claimSeal });
	const shared = { journal, clock, config, signals };
	const phase: Ground['phase'] = { current: 'recovering' };
	const publishing: Ground['publishing'] = { ack: () => {}, link: () => {}, cancel: () => {} };
	const boxes = openMailboxes({
		...parts,
		node,
		journal,
		isActor: definitions.isActor,
		onRemoval: (box) => inbox.relieved(box),
	});
	const { mailboxes } = boxes;
	const mailbox = (method: string) => mailboxes.get(methods.find(method)?.name ?? method);
	const hindrance = (): ErrorCode | undefined => {
		if (phase.current === 'stopping') return 'stopping';
		if (isSafe) return 'safe_mode';
		return phase.current === 'open' ? undefined : 'recovering';
	};

	const timers = createTimers(shared);
	const asks = createAsks({ ...shared, node, mailbox });
	const answers = createAnswers({
		...shared,
		publish: (publication) => exchange.publish(publication),
	});
	const books = createBooks({ ...shared, asks, answers });
	const receipts = createReceipts(shared);
	const outbox = createOutbox(shared);
	let leftBehind = outbox.waiting();
	for (const box of mailboxes.values()) leftBehind += box.size();
	const { mayRun } = ownership;
	// An actor's host has suspects of its own, and runs them alone too.
	const ours = [...mailboxes.values()].filter(({ method }) => !definitions.isActor(method));
	const suspects = createSuspects({ mailboxes: ours, wasUnclean: journal.wasUnclean, mayRun });
	const retention = createRetention(shared);
	const cancellations = createCancellations();
	const presence = createPresence(shared);
	const post = createPost({ ...shared, node, books, outbox, mailbox, exchange: () => exchange });
	const intake = createIntake({
		...shared,
		passPoint: parts.passPoint,
		node,
		books,
		answers,
		outbox,
		post,
		presence,
		methods,
		mailbox,
		access: trust?.access,
		checkAuthor,
		// A node takes messages from its own people while it still recovers: they only wait.
		hindrance: () => (phase.current === 'recovering' && !isSafe ? undefined : hindrance()),
	});
	const told = { books, answers, receipts, outbox, presence, post };
	const done = { node, journal, ...told, intake, ...boxes };
	const made = { ...done, publishing, ownership, retention, cancellations };
	const inbox = createInbox({
		...shared,
		receipts,
		passPoint: parts.passPoint,
		mailbox,
		permit: trusting.permit(books, methods),
		hindrance,
		onAccept: (message) => post.onAccept(message),
		onAccepted: (message, isTaken) => post.onAccepted(message, isTaken),
		answer: (to, ack) => exchange.answer(to, ack),
	});
	const exchange = createExchange({
		...shared,
		bytesMax: config.frameBytesMax,
		passPoint: parts.passPoint,
		seal,
		guard,
		self: selfOf(parts, { journal, isSafe, methods: () => [...mailboxes.keys()] }),
		arrivals: createArrivals({ ...made, inbox, exchange: () => exchange }),
	});
	const hostings = new Map<string, Hosting>();
	const received = createWithdrawal({ ...parts, ...made, hostings });
	return {
		...parts,
		...made,
		actors: definitions.actors,
		definitions,
		reloading: { reload: () => Promise.reject(new ReeveError('recovering')) },
		exchange,
		leftBehind,
		phase,
		isSafe,
		suspects,
		received,
		timers,
		asks,
		hostings,
		trust,
	};
}

/** Who this node is on the wire. */
function selfOf(
	{ config, host }: GroundParts,
	its: { journal: Journal; isSafe: boolean; methods: () => readonly string[] },
): Self {
	const { journal, isSafe, methods } = its;
	return {
		node: config.nodeName,
		// It may get another identity, see `renewal.ts`.
		get storeId() {
			return journal.storeId;
		},
		epoch: journal.epoch,
		prefix: config.topicPrefix,
		methods,
		host,
		mode: isSafe ? 'safe' : undefined,
		facts: ownFacts(config.facts),
	};
}

/** What the node does with what its wires bring. */
function createArrivals(
	ground: Pick<
		Ground,
		'retention' | 'publishing' | 'presence' | 'intake' | 'answers' | 'ownership' | 'journal'
	> & { readonly inbox: Inbox; readonly exchange: () => Exchange },
): Arrivals {
	const { inbox, retention, publishing, presence, intake, answers } = ground;
	return {
		frame(frame, destination) {
			if (frame.lane === undefined) {
				inbox.receiveOnce(frame, destination);
				return;
			}
			const refusal = retention.admit(frame);
			if (refusal) ground.exchange().answer(frame, refusal);
			// It rejects only when this process may not write any more; then nobody is answered.
			else inbox.receive(frame, destination).catch(() => undefined);
		},
		acknowledgement: (ack) => publishing.ack(ack),
		status: (status) => presence.learn(status),
		foreign: (payload, address, properties) => intake.acceptForeign(payload, address, properties),
		link(isUp) {
			publishing.link(isUp);
			if (isUp) answers.pump();
		},
		claim: (payload) => ground.ownership.claims.objection(payload),
		laterLife: () => void ground.journal.isOwner(),
	};
}

/** Opens the journal. A process that is fenced falls silent at once, and then ends. */
function openOwnJournal(parts: GroundParts, silence: () => void): Journal {
	const { config, clock, signals, host, choices, onEnd, disk = soundDisk, passPoint } = parts;
	const { databaseFolder: folder, durability, strictIdentity, uncleanPeriod } = config;
	return openJournal({
		folder,
		clock,
		signals,
		durability,
		host,
		identity: choices.identity ?? (strictIdentity ? 'strict' : undefined),
		uncleanPeriodMs: uncleanPeriod * 1000,
		disk: passingDisk(disk, passPoint),
		onFenced() {
			silence();
			onEnd('fenced');
		},
	});
}

function mustBeSafe(journal: Journal, { choices, config }: GroundParts): boolean {
	if (choices.mode) return choices.mode === 'safe';
	return journal.wasUnclean && journal.uncleanStarts >= config.uncleanStartsMax;
}
