/**
 * The inbox: the receiving end of lanes. It decides of each row of a frame whether it is the next one,
 * a repetition or ahead of a gap; moves the lane's cursor in the transaction that files the message in
 * its mailbox; and answers after the flush, always with everything that the sender may believe.
 *
 * @module
 */
import { decide, finalRefusal, newCursor } from './acceptance.ts';
import type { Cursor, Decision, Readiness } from './acceptance.ts';
import type { Kind } from './address.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { isErrorCode } from './errors.ts';
import type { Frame, FrameRow, LaneAck } from './frame.ts';
import type { Change, Journal } from './journal.ts';
import type { Mailbox, MailRow } from './mailbox.ts';
import type { Signals } from './signal.ts';

/** Where a frame is for. */
export interface Destination {
	readonly method: string;
	readonly kind: Kind;
}

/** What the inbox needs of its node. */
export interface InboxParts {
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	/** The mailbox of a method; undefined if the node does not take it. */
	readonly mailbox: (method: string) => Mailbox | undefined;
	/** Why messages are not taken for now; undefined if they are. */
	readonly hindrance: () => string | undefined;
	/** Changes that belong in the same transaction as the acceptance of this row. */
	readonly onAccept: (row: MailRow) => readonly Change[];
	/** Called when they are flushed. */
	readonly onAccepted: (row: MailRow) => void;
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

/** Creates the inbox. */
export function createInbox(parts: InboxParts): Inbox {
	const { journal, clock, config, signals } = parts;
	const cursors = createCursors(journal);

	const readiness = (box: Mailbox | undefined): Readiness => {
		const hindrance = journal.isHealthy() ? parts.hindrance() : 'storage_full';
		return {
			storeId: journal.storeId,
			messageBytesMax: config.messageBytesMax,
			room: box && config.mailboxMessagesMax - box.size(),
			...(hindrance ? { hindrance } : {}),
		};
	};
	const mailOf = (from: string, { id, body = new Uint8Array(), ttlMs }: FrameRow) => ({
		id,
		from,
		body,
		deadline: clock.now() + ttlMs,
	});
	const report = (frame: Frame, { refused, duplicates }: Decision, method: string): void => {
		for (const { id } of duplicates) {
			signals.emit('message.duplicate', { id, method, from: frame.from });
		}
		for (const { code, row } of refused) {
			if (row.skip || !isErrorCode(code)) continue;
			const detail = `${method}, sent by ${frame.from}`;
			signals.emit('message.refused', { code, detail, via: 'wire', id: row.id });
		}
	};

	return {
		async receive(frame, { method }) {
			const box = parts.mailbox(method);
			const decision = decide(frame, cursors.get(frame), readiness(box));
			const changes: Change[] = cursors.move(frame, decision);
			const filed: MailRow[] = [];
			for (const row of decision.accepted) {
				if (!box) break;
				const { row: mail, change } = box.place(mailOf(frame.from, row));
				changes.push(change, ...parts.onAccept(mail));
				filed.push(mail);
			}
			report(frame, decision, method);
			// A mere repetition waits too: what it repeats may be accepted but not flushed yet.
			await journal.commit(changes);
			for (const mail of filed) {
				box?.push(mail);
				parts.onAccepted(mail);
			}
			const { upTo, id } = decision.cursor;
			const except = cursors.exceptions(frame);
			parts.answer(frame, {
				lane: frame.lane ?? '',
				upTo,
				id,
				credit: Math.min(config.windowMessagesMax, Math.max(0, readiness(box).room ?? 1)),
				...(except.length > 0 ? { except } : {}),
				...(decision.nack ? { nack: decision.nack } : {}),
				...(decision.nack && decision.nack !== 'gap' ? { retryMs: busyRetryMs } : {}),
			});
		},
		receiveOnce(frame, { method }) {
			const box = parts.mailbox(method);
			for (const row of frame.rows) {
				const now = readiness(box);
				const isFull = now.room !== undefined && now.room <= 0;
				const code = finalRefusal(row, now) ?? now.hindrance ?? (isFull ? 'mailbox_full' : '');
				if (!code && box) box.push(box.place({ ...mailOf(frame.from, row), volatile: true }).row);
				else signals.emit('message.dropped', { id: row.id, code });
			}
		},
	};
}

/** The cursors, and what was refused on the way; in memory once they have been used. */
function createCursors(journal: Journal) {
	const cursors = new Map<string, Cursor>();
	const keyOf = ({ storeId, lane = '' }: Frame): [string, string] => [storeId, lane];
	const refusals = (frame: Frame, from: number, to: number) =>
		journal.scan<string>('refusals', {
			from: [...keyOf(frame), from],
			to: [...keyOf(frame), to],
			limit: 1000,
		});

	return {
		get(frame: Frame): Cursor {
			const name = keyOf(frame).join(' ');
			const known = cursors.get(name) ?? journal.get<Cursor>('cursors', keyOf(frame)) ?? newCursor;
			cursors.set(name, known);
			return known;
		},
		/** Records a decision, and drops the refusals that the sender has heard of: those below `lo`. */
		move(frame: Frame, { cursor, refused }: Decision): Change[] {
			if (cursor === this.get(frame)) return [];
			const key = keyOf(frame);
			cursors.set(key.join(' '), cursor);
			return [
				{ table: 'cursors', key, value: cursor },
				...refused.map(({ seq, code }): Change => {
					return { table: 'refusals', key: [...key, seq], value: code };
				}),
				...refusals(frame, 0, frame.lo).map((known): Change => {
					return { table: 'refusals', key: known.key };
				}),
			];
		},
		/** What the sender may not know yet: each answer repeats it until `lo` has passed it. */
		exceptions: (frame: Frame): readonly (readonly [number, string])[] =>
			refusals(frame, frame.lo, Number.MAX_SAFE_INTEGER).map(({ key, value }) => [
				Number(key[2]),
				value,
			]),
	};
}
