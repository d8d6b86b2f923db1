/**
 * The composition root: opens the journal and makes every service of a node, in the order in which
 * they need one another. Nothing runs yet.
 *
 * @module
 */
import type { GroundParts, Ground } from './node-services.ts';
import { createTrusting } from './node-security.ts';
import { openDefinitions } from './definitions.ts';
import { createOwnership } from './ownership.ts';
import { openMailboxes } from './mailboxes.ts';
import { type ErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import { createTimers } from '../../runtime/pending/timers.ts';
import { createAsks } from '../../runtime/pending/asks.ts';
import { createAnswers } from '../../runtime/intake/outcome-publisher.ts';
import { createBooks } from '../../runtime/ledger/ledger.ts';
import { createReceipts } from '../../runtime/ledger/receipts.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { createSuspects } from '../../runtime/mailbox/crash-recovery.ts';
import { createRetention } from '../../runtime/delivery/lane-retention.ts';
import { createCancellations } from '../../runtime/mailbox/cancellations.ts';
import { createPresence } from '../../runtime/network/presence.ts';
import { createPost } from '../../runtime/intake/message-router.ts';
import { createIntake } from '../../runtime/intake/intake.ts';
import { createInbox } from '../../runtime/delivery/inbox.ts';
import { createExchange } from '../../runtime/network/network.ts';
import type { Hosting } from '../../actors/durable/host-runtime.ts';
import { createWithdrawal } from './message-withdrawal.ts';
import { type Journal, openJournal } from '../../runtime/journal/journal.ts';
import type { Self } from '../../runtime/network/status-publisher.ts';
import { ownFacts } from '../../runtime/message/facts.ts';
import { soundDisk, passingDisk } from '../../runtime/journal/disk.ts';
import { createArrivals } from './inbound-handlers.ts';

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
