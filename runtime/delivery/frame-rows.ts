/**
 * The rows of a frame: each message is unpacked once and checked, for its form and for whether its
 * sender may call the method.
 *
 * @module
 */
import { answeredBy, isReply, type Message } from '../message/message.ts';
import { asReeveError, ReeveError } from '../platform/errors.ts';
import type { Frame, FrameRow } from '../protocol/frame.ts';
import { unpackMessage } from '../message/codec.ts';
import type { Permit, Ruling } from '../security/permit.ts';

/** The messages of a frame. */
export interface OpenedRows {
	/** Why a row holds no message that is taken here; undefined if it does. */
	fault(row: FrameRow): string | undefined;
	/** For people: why its message is not allowed. */
	reason(row: FrameRow): string | undefined;
	get(row: FrameRow): Message | undefined;
	/** Whether its message is a reply that this node has asked for; known once it has no fault. */
	isAsked(row: FrameRow): boolean;
	/** Whether a message would be taken if the key of its sender were accepted here. */
	awaitsKey(): boolean;
	/** The replies in rows that are refused: they still tell how their requests ended. */
	heard(rows: readonly FrameRow[]): readonly Message[];
}

/** What rows are opened with. */
export interface OpeningParts {
	readonly frame: Frame;
	/** The wire name of the method that the frame is for. */
	readonly method: string;
	/** Whether the frame was signed by the node that it names. */
	readonly isProven: boolean;
	/** Whether it was signed with a key that is not known here. */
	readonly isStrange?: boolean;
	/** Without it, everything is allowed. */
	readonly permit: Permit | undefined;
}

/** Opens the rows of a frame, when they are asked for. */
export function openRows(parts: OpeningParts): OpenedRows {
	const { frame, method, isProven, isStrange = false, permit } = parts;
	const { from } = frame;
	const messages = new Map<FrameRow, Message>();
	const reasons = new Map<FrameRow, string>();
	const asked = new Set<FrameRow>();
	const unpack = (row: FrameRow): string | undefined => {
		try {
			const message = unpackMessage(row.body ?? noBytes);
			if (message.id !== row.id) return 'bad_frame';
			messages.set(row, message);
			return undefined;
		} catch (thrown) {
			return asReeveError(thrown, 'bad_frame').code;
		}
	};
	const opened = (row: FrameRow): Message | undefined => {
		if (!row.skip && !messages.has(row)) unpack(row);
		return messages.get(row);
	};
	/** A reply with those messages only that it may settle. */
	const limited = (reply: Message): Message => {
		const { inReplyTo: _, alsoInReplyTo: __, ...rest } = reply;
		const [inReplyTo, ...others] = permit?.told(reply, from) ?? answeredBy(reply);
		if (inReplyTo === undefined) return rest;
		return { ...rest, inReplyTo, ...(others.length > 0 ? { alsoInReplyTo: others } : {}) };
	};
	const ruleOn = (message: Message): Ruling =>
		permit?.rule({ message, method, from, isProven, isStrange }) ?? open;
	return {
		awaitsKey() {
			if (!isStrange || !permit) return false;
			return frame.rows.some((row) => {
				const message = opened(row);
				return message !== undefined && ruleOn(message).awaitsKey === true;
			});
		},
		fault(row) {
			const code = unpack(row);
			const message = messages.get(row);
			if (code || !message) return code;
			try {
				const { refusal, isAsked } = ruleOn(message);
				if (refusal !== undefined) throw new ReeveError('not_allowed', refusal);
				if (isAsked) asked.add(row);
			} catch (thrown) {
				// Also what has failed is refused and told: a message without an answer is sent again.
				const { code: why, detail } = asReeveError(thrown);
				reasons.set(row, detail);
				return why;
			}
			if (message.alsoInReplyTo) messages.set(row, limited(message));
			return undefined;
		},
		reason: (row) => reasons.get(row),
		get: (row) => messages.get(row),
		isAsked: (row) => asked.has(row),
		heard: (rows) =>
			rows
				.flatMap((row) => opened(row) ?? [])
				.map(limited)
				.filter(isReply),
	};
}

const noBytes = new Uint8Array(0);
/** What is decided where everything is allowed. */
const open: Ruling = { refusal: undefined, isAsked: false };
