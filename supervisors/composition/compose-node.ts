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
import { type ErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
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
import { type Journal, openJournal } from '../../runtime/journal/journal.ts';
import type { Self } from '../../runtime/network/status-publisher.ts';
import { ownFacts } from '../../runtime/message/facts.ts';
import { soundDisk, passingDisk } from '../../runtime/journal/disk.ts';
import { createInboundHandlers } from './inbound-handlers.ts';

/**
 * Opens the journal and puts everything on top of it. Nothing runs yet.
 *
 * @throws ReeveError `storage_failed`, `journal_version`, `cloned_store`, `bad_config`, `bad_key`,
 * `bad_acl`
 */
export function composeNode(parts: ComposeOptions): NodeServices {
	const { config, clock, signals, methods } = parts;
	const { nodeName: node } = config;
	// First, because to open the journal is to throw out whoever lives there.
	const security = createNodeSecurity(parts);
	const { authorization, signer } = security;
	const journal = openOwnJournal(parts, () => network.silence());
	const { guard, checkAuthor } = security.on(journal);
	const isSafe = mustBeSafe(journal, parts);
	const { actors: given, reading } = parts;
	const definitions = openDefinitions({ given, reading, journal, methods });
	const ownership = createOwnership({ ...parts, journal, signer: security.claimSigner });
	const shared = { journal, clock, config, signals };
	const phase: NodeServices['phase'] = { current: 'recovering' };
	const publishing: NodeServices['publishing'] = {
		ack: () => {},
		link: () => {},
		cancel: () => {},
	};
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
	const outcomePublisher = createOutcomePublisher({
		...shared,
		publish: (publication) => network.publish(publication),
	});
	const ledger = createLedger({ ...shared, asks, outcomePublisher });
	const receipts = createReceipts(shared);
	const outbox = createOutbox(shared);
	let leftBehind = outbox.waiting();
	for (const box of mailboxes.values()) leftBehind += box.size();
	const { mayRun } = ownership;
	// An actor's host has suspects of its own, and runs them alone too.
	const ours = [...mailboxes.values()].filter(({ method }) => !definitions.isActor(method));
	const crashRecovery = createCrashRecovery({
		mailboxes: ours,
		wasUnclean: journal.wasUnclean,
		mayRun,
	});
	const retention = createLaneRetention(shared);
	const cancellations = createCancellations();
	const presence = createPresence(shared);
	const router = createMessageRouter({
		...shared,
		node,
		ledger,
		outbox,
		mailbox,
		network: () => network,
	});
	const intake = createIntake({
		...shared,
		passPoint: parts.passPoint,
		node,
		ledger,
		outcomePublisher,
		outbox,
		router,
		presence,
		methods,
		mailbox,
		access: authorization?.access,
		checkAuthor,
		// A node takes messages from its own people while it still recovers: they only wait.
		hindrance: () => (phase.current === 'recovering' && !isSafe ? undefined : hindrance()),
	});
	const told = { ledger, outcomePublisher, receipts, outbox, presence, router };
	const done = { node, journal, ...told, intake, ...boxes };
	const made = { ...done, publishing, ownership, retention, cancellations };
	const inbox = createInbox({
		...shared,
		receipts,
		passPoint: parts.passPoint,
		mailbox,
		permit: security.permit(ledger, methods),
		hindrance,
		onAccept: (message) => router.onAccept(message),
		onAccepted: (message, isTaken) => router.onAccepted(message, isTaken),
		answer: (to, ack) => network.answer(to, ack),
	});
	const network = createNetwork({
		...shared,
		bytesMax: config.frameBytesMax,
		passPoint: parts.passPoint,
		signer,
		guard,
		self: selfOf(parts, { journal, isSafe, methods: () => [...mailboxes.keys()] }),
		handlers: createInboundHandlers({ ...made, inbox, network: () => network }),
	});
	const hostRuntimes = new Map<string, HostRuntime>();
	const received = createWithdrawal({ ...parts, ...made, hostRuntimes });
	return {
		...parts,
		...made,
		actors: definitions.actors,
		definitions,
		reloading: { reload: () => Promise.reject(new ReeveError('recovering')) },
		network,
		leftBehind,
		phase,
		isSafe,
		crashRecovery,
		received,
		timers,
		asks,
		hostRuntimes,
		authorization: authorization,
	};
}

/** Who this node is on the wire. */
function selfOf(
	{ config, host }: ComposeOptions,
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

/** Opens the journal. A process that is fenced falls silent at once, and then ends. */
function openOwnJournal(parts: ComposeOptions, silence: () => void): Journal {
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

function mustBeSafe(journal: Journal, { choices, config }: ComposeOptions): boolean {
	if (choices.mode) return choices.mode === 'safe';
	return journal.wasUnclean && journal.uncleanStarts >= config.uncleanStartsMax;
}
