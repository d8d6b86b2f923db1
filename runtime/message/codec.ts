/**
 * The binary form of messages, frames and acknowledgements: MessagePack (https://msgpack.org), so
 * that bytes stay bytes and a node written in another language could take part.
 *
 * This file is the door to msgpackr.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { addExtension, Packr } from 'msgpackr';
import { isMessage } from './message-check.ts';
import type { Message } from './message.ts';
import { ReeveError } from '../platform/errors.ts';

/** Plain maps, no shared records: every value can be read on its own, by any MessagePack reader. */
const packr = new Packr({ useRecords: false, variableMapSize: true, moreTypes: false });

/**
 * msgpackr's mark of something that was there before: what is read with it may contain itself, and
 * could never be packed again. No node writes it.
 */
addExtension({
	type: 0x70,
	unpack() {
		throw new Error('a reference');
	},
});

/** Packs any plain value. The bytes are a copy that the caller may keep. */
export function pack(value: unknown): Uint8Array {
	return packr.pack(value);
}

/**
 * Unpacks what {@link pack} made.
 *
 * @throws ReeveError `bad_frame` if the bytes are not MessagePack
 */
export function unpack(bytes: Uint8Array): unknown {
	try {
		return packr.unpack(bytes);
	} catch (cause) {
		throw new ReeveError('bad_frame', 'not MessagePack', { cause });
	}
}

/** A message as it lies in the journal and travels between nodes. */
export function packMessage(message: Message): Uint8Array {
	return packr.pack(message);
}

/**
 * The mark of what a message says: two of the same mark ask for the same, on behalf of the same.
 * Id, note and reply topic are no part of it.
 */
export function contentMark(message: Message): string {
	const { id: _id, note: _note, replyTo: _to, ...said } = message;
	const fields = Object.entries(said).filter(([, value]) => value !== undefined);
	const sorted = fields.toSorted(([one], [other]) => (one < other ? -1 : 1));
	return createHash('sha256').update(packr.pack(sorted)).digest('base64url');
}

/**
 * The inverse of {@link packMessage}, with a check of its fields.
 *
 * @throws ReeveError `bad_frame`
 */
export function unpackMessage(bytes: Uint8Array): Message {
	const value = unpack(bytes);
	if (isMessage(value)) return value;
	throw new ReeveError('bad_frame', 'not a message');
}
