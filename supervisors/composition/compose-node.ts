/**
 * The composition root: opens the journal and makes every service of a node, in the order in which
 * they need one another. Nothing runs yet.
 *
 * @module
 */
import type { ComposeOptions, NodeServices } from './node-services.ts';
import { createNodeSecurity } from './node-security.ts';
import { openDefinitions } from './definitions.ts';
import { createOwnership } from './ownership.ts';
import { openMailboxes } from './mailboxes.ts';
import { createTimers } from '../../runtime/pending/timers.ts';
import { createAsks } from '../../runtime/pending/asks.ts';
import { createOutcomePublisher } from '../../runtime/intake/outcome-publisher.ts';
import { createLedger } from '../../runtime/ledger/ledger.ts';
import { createReceipts } from '../../runtime/ledger/receipts.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { createCrashRecovery } from '../../runtime/mailbox/crash-recovery.ts';
import { createLaneRetention } from '../../runtime/delivery/lane-retention.ts';
import { createCancellations } from '../../runtime/mailbox/cancellations.ts';
import { createPresence } from '../../runtime/network/presence.ts';
import { createMessageRouter } from '../../runtime/intake/message-router.ts';
import { createIntake } from '../../runtime/intake/intake.ts';
import { createInbox } from '../../runtime/delivery/inbox.ts';
import { createNetwork } from '../../runtime/network/network.ts';
import type { HostRuntime } from '../../actors/durable/host-runtime.ts';
import { createWithdrawal } from './message-withdrawal.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';
import { type Journal, openJournal } from '../../runtime/journal/journal.ts';
import type { Self } from '../../runtime/network/status-publisher.ts';
import { ownFacts } from '../../runtime/message/facts.ts';
import { soundDisk, passingDisk } from '../../runtime/journal/disk.ts';
import { createInboundHandlers } from '../../runtime/intake/inbound-handlers.ts';
import { createInboundRouter } from '../../runtime/network/inbound-router.ts';
import { createPublisherRegistry } from '../../actors/outbound/publisher-registry.ts';
import { createNames } from '../otp/names.ts';
import { createNodePhase } from './node-phase.ts';

/**
 * Opens the journal and makes every service of the node on top of it, each after those that it
 * needs. Nothing runs yet.
 *
 * @throws ReeveError `storage_failed`, `journal_version`, `cloned_store`, `bad_config`, `bad_key`,
 * `bad_acl`
 */
export function composeNode(options: ComposeOptions): NodeServices {
	const { config, clock, signals, methods, passPoint } = options;
	const { nodeName: node } = config;
	// First, because opening the journal fences the process that has it open.
	const nodes = () => presence.list().map(({ name }) => name);
	const security = createNodeSecurity({ ...options, nodes });
	const { authorization, signer } = security;
	const fencing = new AbortController();
	const fenced = fencing.signal;
	const journal = openOwnJournal(options, () => fencing.abort());
	const { guard, clientCheck } = security.on(journal);
	const isSafe = mustBeSafe(journal, options);
	const phase = createNodePhase({ isSafe });
	const shared = { journal, clock, config, signals };

	const { actors: given, reading } = options;
	const definitions = openDefinitions({ given, reading, journal, methods });
	const boxes = openMailboxes({ methods, journal, config, node, isActor: definitions.isActor });
	const { mailboxes } = boxes;
	const mailbox = (method: string) => mailboxes.get(methods.find(method)?.name ?? method);
	const { onEnd, host } = options;
	const ownership = createOwnership({ ...shared, host, onEnd, signer: security.claimSigner });
	const ours = [...mailboxes.values()].filter(({ method }) => !definitions.isActor(method));
	// An actor's host recovers its own messages.
	const crashRecovery = createCrashRecovery({
		mailboxes: ours,
		wasUnclean: journal.wasUnclean,
		mayRun: ownership.mayRun,
	});

	const self = selfOf(options, {
		journal,
		isSafe,
		methods: () => [...mailboxes.keys()],
		key: signer.isOn ? authorization?.keyring.ownKey() : undefined,
	});
	const network = createNetwork({ ...shared, self, passPoint, signer, fenced });
	const presence = createPresence({ clock: journal, signals });
	const timers = createTimers(shared);
	const asks = createAsks({ ...shared, node, mailbox });
	const authority = security.authority(methods);
	const outcomePublisher = createOutcomePublisher({ ...shared, network, authority });
	const ledger = createLedger({ ...shared, asks, outcomePublisher });
	const receipts = createReceipts(shared);
	const outbox = createOutbox({ ...shared, ledger });
	// What was saved of a damaged store may have been accepted under its identity.
	if (journal.quarantined) journal.commit(outbox.renew()).catch(ignoreIfFenced);
	let leftBehind = outbox.waiting();
	for (const box of mailboxes.values()) leftBehind += box.size();
	const publishers = createPublisherRegistry({ outbox, presence, network });
	const router = createMessageRouter({ ...shared, node, ledger, outbox, mailbox, network });
	const intake = createIntake({
		...shared,
		passPoint,
		node,
		ledger,
		outcomePublisher,
		outbox,
		router,
		presence,
		methods,
		mailbox,
		authority,
		clientCheck,
		hindrance: () => phase.ownHindrance(),
	});
	const inbox = createInbox({
		...shared,
		receipts,
		passPoint,
		mailbox,
		permit: security.permit(ledger, authority),
		freesSpace: (method) => methods.find(method)?.freesSpace === true,
		hindrance: () => phase.hindrance(),
		onRemoval: boxes.onRemoval,
		onAccept: (message) => router.onAccept(message),
		onAccepted: (message, isTaken) => router.onAccepted(message, isTaken),
		answer: (to, ack) => network.answer(to, ack),
	});
	const retention = createLaneRetention(shared);
	const { claims } = ownership;
	const handlers = createInboundHandlers({
		inbox,
		retention,
		presence,
		intake,
		network,
		claims,
		journal,
		acknowledged: (ack) => publishers.acknowledged(ack),
	});
	const listener = createInboundRouter({
		self,
		network,
		handlers,
		signals,
		signer,
		guard,
		onAnnouncedKey: security.noteKey,
	});
	const cancellations = createCancellations();
	const hostRuntimes = new Map<string, HostRuntime>();
	const { actors } = definitions;
	const received = createWithdrawal({
		...shared,
		node,
		methods,
		passPoint,
		mailboxes,
		actors,
		receipts,
		router,
		cancellations,
		hostRuntimes,
	});
	return {
		config,
		clock,
		signals,
		methods,
		print: options.print,
		passPoint,
		...boxes,
		node,
		journal,
		ledger,
		outcomePublisher,
		receipts,
		outbox,
		presence,
		network,
		listener,
		router,
		intake,
		publishers,
		names: createNames(),
		actors,
		definitions,
		leftBehind,
		phase,
		isSafe,
		ownership,
		crashRecovery,
		retention,
		cancellations,
		received,
		timers,
		asks,
		hostRuntimes,
		authority,
		authorization,
	};
}

/** Who this node is on the wire. */
function selfOf(
	{ config, host }: ComposeOptions,
	its: {
		readonly journal: Journal;
		readonly isSafe: boolean;
		readonly methods: () => readonly string[];
		readonly key: string | undefined;
	},
): Self {
	const { journal, isSafe, methods, key } = its;
	return {
		node: config.nodeName,
		// It may get another identity: see `store-renewal.ts`.
		get storeId() {
			return journal.storeId;
		},
		epoch: journal.epoch,
		prefix: config.topicPrefix,
		methods,
		host,
		mode: isSafe ? 'safe' : undefined,
		facts: ownFacts(config.facts),
		key,
	};
}

/** Opens the journal. A process that is fenced sends nothing more, and then ends. */
function openOwnJournal(parts: ComposeOptions, fence: () => void): Journal {
	const { config, clock, signals, host, choices, onEnd, disk = soundDisk, passPoint } = parts;
	const { databaseFolder: folder, durability, strictIdentity, uncleanPeriod } = config;
	// The disk of a specification has its own ways of being full.
	const reserveBytes = disk === soundDisk ? config.diskReserveBytes : 0;
	return openJournal({
		folder,
		clock,
		signals,
		durability,
		reserveBytes,
		hasLongStart: true,
		host,
		identity: choices.identity ?? (strictIdentity ? 'strict' : undefined),
		uncleanPeriodMs: uncleanPeriod * 1000,
		disk: passingDisk(disk, passPoint),
		onFenced() {
			fence();
			onEnd('fenced');
		},
	});
}

function mustBeSafe(journal: Journal, { choices, config }: ComposeOptions): boolean {
	if (choices.mode) return choices.mode === 'safe';
	return journal.wasUnclean && journal.uncleanStarts >= config.uncleanStartsMax;
}
