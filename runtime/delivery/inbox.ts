/**
 * The inbox: the receiving end of lanes. It decides of each row of a frame whether it is the next
 * one, a repetition or ahead of a gap; moves the lane's cursor in the transaction that files the
 * message in its mailbox; and answers after the flush, always with all that is accepted by then.
 *
 * @module
 */
import { decide, finalRefusal, laneStops, type Decision, type Readiness } from './acceptance.ts';
import type { Kind } from '../message/topics.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Message } from '../message/message.ts';
import { isErrorCode, type ErrorCode } from '../platform/errors.ts';
import type { PassPoint } from '../platform/crash-points.ts';
import type { Frame, FrameRow } from '../protocol/frame.ts';
import type { Journal } from '../journal/journal.ts';
import { createLaneCursors } from './lane-cursors.ts';
import type { MailboxRow } from '../mailbox/mailbox-row.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import { createMailboxCredit } from './mailbox-credit.ts';
import { openRows, type OpenedRows } from './frame-rows.ts';
import { isMereOutcome } from '../message/reply.ts';
import type { Receipts } from '../ledger/receipts.ts';
import type { Permit } from '../security/permit.ts';
import type { Signals } from '../observability/signals.ts';
import type { LaneAck } from '../protocol/acknowledgement.ts';
import type { Change } from '../journal/schema.ts';

/** Where a frame is for. */
export interface Destination {
	readonly method: string;
	readonly kind: Kind;
	/** Whether the frame was signed by the node that it names. */
	readonly isProven?: boolean;
	/** Whether it was signed with a key that is not known here. */
	readonly isStrange?: boolean;
}

/** What the inbox needs of its node. */
export interface InboxParts {
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly receipts: Receipts;
	readonly passPoint: PassPoint;
	/** The mailbox of a method; undefined if the node does not take it. */
	readonly mailbox: (method: string) => Mailbox | undefined;
	/** Whether messages are allowed here; without it, all are. */
	readonly permit?: Permit | undefined;
	/** Whether a method is taken while the disk is full, because it frees space. */
	readonly freesSpace?: (method: string) => boolean;
	/** Calls `see` whenever a message leaves a mailbox. */
	readonly onRemoval: (see: (mailbox: Mailbox) => void) => void;
	/** Why messages are not taken for now; undefined if they are. */
	readonly hindrance: () => ErrorCode | undefined;
	/**
	 * Changes that belong in the same transaction as the arrival of this message: what it settles. A
	 * reply that must be refused still tells how its request ended, so it is asked about those too.
	 */
	readonly onAccept: (message: Message) => readonly Change[];
	/** Called when they are flushed; `isTaken` is false for what was refused. */
	readonly onAccepted: (message: Message, isTaken: boolean) => void;
	/** Sends an acknowledgement to a store, soon. */
	readonly answer: (to: { readonly from: string; readonly storeId: string }, ack: LaneAck) => void;
}

/** The inbox that {@link createInbox} makes. */
export interface Inbox {
	/** Takes a frame of a lane. Its acknowledgement is sent through `answer`, after the flush. */
	receive(frame: Frame, destination: Destination): Promise<void>;
	/** Takes messages of the at-most-once kinds. */
	receiveOnce(frame: Frame, destination: Destination): void;
}

/** How long a sender is asked to wait when a mailbox is full, or the node is not ready. */
const busyRetryMs = 1000;
/** The same while its key is not accepted, for which a person is needed. */
const keyRetryMs = 15_000;
/** Creates the inbox. */
export function createInbox(parts: InboxParts): Inbox {
	const { journal, clock, config, signals, receipts } = parts;
	const cursors = createLaneCursors(journal);
	const startedAt = clock.monotonic();
	const mailboxCredit = createMailboxCredit(config);

	const isFull = (box: Mailbox | undefined, { rows }: Frame): boolean => {
		let bytes = 0;
		for (const { body = noBytes } of rows) bytes += body.byteLength;
		if (journal.isHealthy(bytes)) return false;
		return !journal.isWritable() || !box || parts.freesSpace?.(box.method) !== true;
	};
	const hindranceTo = (
		box: Mailbox | undefined,
		frame: Frame,
		opened: OpenedRows,
	): ErrorCode | undefined => {
		if (isFull(box, frame)) return 'storage_full';
		const hindrance = parts.hindrance();
		if (hindrance) return hindrance;
		// What a new node sends before a person has accepted its key must not be lost.
		if (opened.awaitsKey()) return 'unknown_key';
		// A method that is only just being deployed must not cost the messages that ask for it.
		const isYoung = clock.monotonic() - startedAt < config.unknownMethodGrace * 1000;
		return !box && isYoung ? 'unknown_method' : undefined;
	};
	const readiness = (box: Mailbox | undefined, frame: Frame, opened: OpenedRows): Readiness => {
		const hindrance = hindranceTo(box, frame, opened);
		return {
			storeId: journal.storeId,
			isSaved: cursors.mayBeLost(),
			now: journal.now(),
			epochSeen: cursors.epochOf(frame),
			messageBytesMax: config.messageBytesMax,
			credit: box && mailboxCredit.of(box),
			isKnown: (id) => receipts.isKnown(id),
			fault: (row) => opened.fault(row),
			...(hindrance ? { hindrance } : {}),
		};
	};
	const open = (frame: Frame, to: Destination): OpenedRows => {
		const { method: name, isProven = false, isStrange = false } = to;
		const method = parts.mailbox(name)?.method ?? name;
		return openRows({ frame, method, isProven, isStrange, permit: parts.permit });
	};
	const answer = (frame: Frame, box: Mailbox | undefined, nack?: string): void => {
		const { upTo, id } = cursors.told(frame);
		const { lane = '', epoch } = frame;
		const credit = Math.min(config.windowMessagesMax, Math.max(0, box ? mailboxCredit.of(box) : 1));
		const except = nack && laneStops.has(nack) ? [] : cursors.exceptions(frame);
		parts.answer(frame, {
			lane,
			epoch,
			upTo,
			id,
			credit,
			...(except.length > 0 ? { except } : {}),
			...(nack ? { nack } : {}),
			...(nack && nack !== 'gap'
				? { retryMs: nack === 'unknown_key' ? keyRetryMs : busyRetryMs }
				: {}),
		});
		if (box && credit === 0) mailboxCredit.turnAway(box, frame);
	};

	// Senders that were told to wait are told to go on.
	parts.onRemoval((box) => {
		for (const frame of mailboxCredit.relieve(box)) answer(frame, box);
	});
	return {
		async receive(frame, destination) {
			const { method } = destination;
			parts.passPoint('frame.received');
			const box = parts.mailbox(method);
			const opened = open(frame, destination);
			const decision = decide(frame, cursors.get(frame), readiness(box, frame, opened));
			const changes: Change[] = cursors.move(frame, decision);
			const filed: { mail: MailboxRow | undefined; message: Message }[] = [];
			for (const row of decision.accepted) {
				const message = opened.get(row);
				if (!box || !message) break;
				changes.push(...parts.onAccept(message));
				receipts.accepted(row.id);
				// The ledger holds all that such a reply has to say: nothing needs to run.
				if (isMereOutcome(message)) {
					filed.push({ mail: undefined, message });
					continue;
				}
				const { row: mail, changes: placed } = box.place({
					...mailOf(frame, row, journal),
					...(opened.isAsked(row) ? { asked: true } : {}),
					message,
				});
				changes.push(...placed);
				filed.push({ mail, message });
			}
			const heard = opened.heard(decision.refused.map(({ row }) => row));
			for (const message of heard) changes.push(...parts.onAccept(message));
			report(signals, { frame, decision, method, opened });
			// A mere repetition need not wait: it is told what is on disk, and no more.
			if (changes.length > 0) {
				await journal.commit(changes);
				cursors.flushed(frame, decision);
			}
			parts.passPoint('frame.accepted');
			for (const { mail, message } of filed) {
				if (mail) box?.push(mail);
				parts.onAccepted(message, true);
			}
			for (const message of heard) parts.onAccepted(message, false);
			answer(frame, box, decision.nack);
		},
		receiveOnce(frame, destination) {
			const box = parts.mailbox(destination.method);
			const opened = open(frame, destination);
			for (const row of frame.rows) {
				const now = readiness(box, frame, opened);
				const code = onceRefusal(row, now);
				const detail = opened.reason(row);
				if (detail) {
					const { method } = destination;
					const why = isErrorCode(code) ? code : 'not_allowed';
					signals.emit('message.refused', { code: why, detail, via: 'wire', method });
				}
				const message = opened.get(row);
				if (code || !box || !message) signals.emit('message.dropped', { id: row.id, code });
				else {
					const mail = { ...mailOf(frame, row, journal), message, volatile: true } as const;
					box.push(box.place(mail).row);
				}
			}
		},
	};
}

/** Why a message of the at-most-once kinds is not taken; empty if it is. */
function onceRefusal(row: FrameRow, readiness: Readiness): string {
	const { hindrance, credit } = readiness;
	if (hindrance === 'unknown_key') return hindrance;
	const isFull = credit !== undefined && credit <= 0;
	return finalRefusal(row, readiness) ?? hindrance ?? (isFull ? 'mailbox_full' : '');
}

function mailOf(frame: Frame, row: FrameRow, journal: Pick<Journal, 'now'>) {
	const { body = noBytes, ttlMs, repeat } = row;
	const at = journal.now();
	const { from, lane } = frame;
	const seq = frame.first + frame.rows.indexOf(row);
	const place = lane === undefined ? {} : { lane, seq };
	return { from, body, at, deadline: at + ttlMs, ...place, ...(repeat ? { repeat } : {}) };
}

const noBytes = new Uint8Array(0);

/** Tells of what a frame brought that was not taken. */
function report(
	signals: Signals,
	told: { frame: Frame; decision: Decision; method: string; opened: OpenedRows },
): void {
	const { frame, decision, method, opened } = told;
	for (const { id } of decision.duplicates) {
		signals.emit('message.duplicate', { id, method, from: frame.from });
	}
	for (const { code, row } of decision.refused) {
		if (row.skip || !isErrorCode(code)) continue;
		const detail = opened.reason(row) ?? `${method}, sent by ${frame.from}`;
		signals.emit('message.refused', { code, detail, via: 'wire', id: row.id, method });
	}
}
