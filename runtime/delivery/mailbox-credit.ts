/**
 * Mailbox credit: how many more messages each mailbox takes, and which lanes were turned away from
 * a full one and must be told when it takes messages again.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Frame } from '../protocol/frame.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';

/** The credit of the mailboxes of one node. */
export interface MailboxCredit {
	/** How many more messages this mailbox takes. */
	of(box: Mailbox): number;
	/** Notes that the lane of this frame was told that the mailbox is full. */
	turnAway(box: Mailbox, frame: Frame): void;
	/** The lanes to tell, once the mailbox has fallen below its low water; each is named once. */
	relieve(box: Mailbox): readonly Frame[];
}

/**
 * The share of its limits below which a mailbox that was full takes messages again. If it did so at
 * the first free place, every lane would be told for every message.
 */
const lowWater = 0.5;
/** Lanes of one mailbox that are told by themselves; further ones ask by themselves. */
const lanesMax = 10_000;

/** Creates the mailbox credit of one node. */
export function createMailboxCredit(config: Config): MailboxCredit {
	const waiting = new Map<Mailbox, Map<string, Frame>>();
	const isLow = (box: Mailbox): boolean =>
		box.size() <= config.mailboxMessagesMax * lowWater &&
		box.bytes() <= config.mailboxBytesMax * lowWater;

	return {
		of: (box) =>
			box.bytes() >= config.mailboxBytesMax ? 0 : config.mailboxMessagesMax - box.size(),
		turnAway(box, frame) {
			let lanes = waiting.get(box);
			if (!lanes) waiting.set(box, (lanes = new Map()));
			if (lanes.size >= lanesMax) return;
			// What was in the frame is not kept, only whom to tell.
			lanes.set(`${frame.storeId} ${frame.lane}`, { ...frame, rows: [] });
		},
		relieve(box) {
			const lanes = waiting.get(box);
			if (!lanes || !isLow(box)) return [];
			waiting.delete(box);
			return [...lanes.values()];
		},
	};
}
