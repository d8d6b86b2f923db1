/**
 * The ground floor of one node, put together: every part of `runtime/` that a node has one of, in the
 * order in which they need one another. What is supervised on top of it is the tree's business.
 *
 * @module
 */
import { createBooks, type Books } from '../runtime/books.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import { createExchange, type Exchange } from '../runtime/exchange.ts';
import { createInbox } from '../runtime/inbox.ts';
import { createIntake, type Intake } from '../runtime/intake.ts';
import type { Acknowledgement } from '../runtime/frame.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import type { PassPoint } from '../runtime/fault.ts';
import { openJournal, type Journal } from '../runtime/journal.ts';
import { createMailbox, type Mailbox } from '../runtime/mailbox.ts';
import { createOutbox, type Outbox } from '../runtime/outbox.ts';
import { createPost, type Post } from '../runtime/post.ts';
import { createReceipts, type Receipts } from '../runtime/receipts.ts';
import { createPresence, type Presence } from '../runtime/presence.ts';
import type { MethodRegistry } from '../runtime/registry.ts';
import type { Signals } from '../runtime/signal.ts';
import { createSuspects, type Suspects } from '../runtime/suspects.ts';
import type { MethodDefinition } from '../runtime/define.ts';

/** What a ground floor is made from. */
export interface GroundParts {
	readonly config: Config;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly methods: MethodRegistry;
	/** Called once when another process has taken over the database folder. */
	readonly onFenced: () => void;
	/** Where specs make a node die, see `fault.ts`. */
	readonly passPoint: PassPoint;
}

/** The parts that a node has one of. */
export interface Ground extends GroundParts {
	readonly node: string;
	readonly journal: Journal;
	readonly books: Books;
	readonly receipts: Receipts;
	/** What was running when the last process died. */
	readonly suspects: Suspects;
	readonly outbox: Outbox;
	readonly presence: Presence;
	readonly exchange: Exchange;
	readonly post: Post;
	readonly intake: Intake;
	/** The mailboxes of the methods that this node takes, by wire name. */
	readonly mailboxes: ReadonlyMap<string, Mailbox>;
	/** Whoever wants acknowledgements, and the state of the link: the publishers. */
	readonly publishing: { ack(ack: Acknowledgement): void; link(isUp: boolean): void };
	/** How many messages earlier processes left here: to be sent, or to be run. */
	readonly leftBehind: number;
	/** Where the node is in its life; messages are taken only while it is `open`. */
	readonly phase: { current: 'recovering' | 'open' | 'stopping' };
}

/**
 * Opens the journal and puts everything on top of it. Nothing runs yet.
 *
 * @throws ReeveError `storage_failed`
 */
export function createGround(parts: GroundParts): Ground {
	const { config, clock, signals, methods, onFenced } = parts;
	const { nodeName: node, databaseFolder: folder, durability } = config;
	const journal = openJournal({ folder, clock, signals, durability, onFenced });
	const shared = { journal, clock, config, signals };
	const phase: Ground['phase'] = { current: 'recovering' };
	const publishing: Ground['publishing'] = { ack: () => {}, link: () => {} };
	const mailboxes = openMailboxes(takenMethods(methods.list(), config), {
		journal,
		config,
		onRemoval: (box) => inbox.relieved(box),
	});
	const mailbox = (method: string) => mailboxes.get(methods.find(method)?.name ?? method);
	const hindrance = (): ErrorCode | undefined => {
		if (phase.current === 'open') return undefined;
		return phase.current === 'stopping' ? 'stopping' : 'recovering';
	};

	const books = createBooks(shared);
	const receipts = createReceipts(shared);
	const outbox = createOutbox(shared);
	let leftBehind = outbox.waiting();
	for (const box of mailboxes.values()) leftBehind += box.size();
	const presence = createPresence(shared);
	const post = createPost({ ...shared, node, books, outbox, mailbox, exchange: () => exchange });
	const intake = createIntake({
		...shared,
		node,
		books,
		outbox,
		post,
		presence,
		methods,
		mailbox,
		// A node takes messages from its own people while it still recovers: they only wait.
		hindrance: () => (phase.current === 'stopping' ? 'stopping' : undefined),
	});
	const inbox = createInbox({
		...shared,
		receipts,
		passPoint: parts.passPoint,
		mailbox,
		hindrance,
		onAccept: (message) => post.onAccept(message),
		onAccepted: (message, isTaken) => post.onAccepted(message, isTaken),
		answer: (to, ack) => exchange.answer(to, ack),
	});
	const exchange = createExchange({
		clock,
		signals,
		self: {
			node,
			get storeId() {
				return journal.storeId;
			},
			epoch: journal.epoch,
			prefix: config.topicPrefix,
			methods: () => [...mailboxes.keys()],
		},
		arrivals: {
			frame(frame, destination) {
				if (frame.lane === undefined) inbox.receiveOnce(frame, destination);
				// It rejects only when this process may not write any more; then nobody is answered.
				else inbox.receive(frame, destination).catch(() => undefined);
			},
			acknowledgement: (ack) => publishing.ack(ack),
			status: (status) => presence.learn(status),
			foreign: (payload, address) => intake.acceptForeign(payload, address),
			link: (isUp) => publishing.link(isUp),
		},
	});
	return {
		...parts,
		node,
		journal,
		books,
		receipts,
		suspects: createSuspects({ mailboxes: mailboxes.values(), wasUnclean: journal.wasUnclean }),
		outbox,
		presence,
		exchange,
		post,
		intake,
		mailboxes,
		publishing,
		leftBehind,
		phase,
	};
}

function openMailboxes(
	taken: readonly MethodDefinition[],
	parts: { journal: Journal; config: Config; onRemoval: (mailbox: Mailbox) => void },
): Map<string, Mailbox> {
	const { config, ...shared } = parts;
	return new Map(
		taken.map(({ name: method, ordering }) => {
			const concurrency = ordering === 'sequential' ? 1 : config.callsMax;
			return [method, createMailbox({ ...shared, method, concurrency })];
		}),
	);
}

/** A method whose `startSub...` switch is off is not taken; one without a switch always is. */
function takenMethods(methods: readonly MethodDefinition[], config: Config) {
	const switches: Readonly<Record<string, unknown>> = config;
	return methods.filter(({ name }) => switches[`startSub${name}`] !== false);
}
