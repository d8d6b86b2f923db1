/**
 * The binary form of messages, frames and acknowledgements: MessagePack (https://msgpack.org), so
 * that bytes stay bytes and a node written in another language could take part.
 *
 * This file is the door to msgpackr.
 *
 * @module
 */
import { addExtension, Packr } from 'msgpackr';
import { isKind, isName } from './topics.ts';
import { outcomes, type Message } from './message.ts';
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

/** The most messages that a reply may answer; nodes send far fewer. */
const answeredMax = 1000;

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
 * The inverse of {@link packMessage}. The node that packed it had checked it, so only the outline
 * is looked at again, by hand because this runs for every message: what a method does with its
 * fields is guarded by the method's own schema.
 *
 * @throws ReeveError `bad_frame`
 */
export function unpackMessage(bytes: Uint8Array): Message {
	const value = unpack(bytes);
	if (isMessage(value)) return value;
	throw new ReeveError('bad_frame', 'not a message');
}

function isMessage(value: unknown): value is Message {
	if (typeof value !== 'object' || value === null) return false;
	const { id, method, fromNode, toNode, kind, methodArgs, data } = value as Partial<Message>;
	return (
		isId(id) &&
		// The reply is sent to a topic made of these.
		[method, fromNode, toNode].every((name) => typeof name === 'string' && isName(name)) &&
		typeof kind === 'string' &&
		isKind(kind) &&
		isListOfTexts(methodArgs) &&
		(data === undefined || typeof data === 'string' || data instanceof Uint8Array) &&
		isAnswerable(value)
	);
}

/** Whether the ledger can be settled by it, and a reply be made to it. */
function isAnswerable(message: Partial<Message>): boolean {
	const { inReplyTo, alsoInReplyTo, result, replyMethod, replyMethodArgs } = message;
	return (
		(inReplyTo === undefined || isId(inReplyTo)) &&
		(alsoInReplyTo === undefined || isListOfIds(alsoInReplyTo)) &&
		(result === undefined || isResult(result)) &&
		(replyMethod === undefined || (typeof replyMethod === 'string' && isName(replyMethod))) &&
		(replyMethodArgs === undefined || isListOfTexts(replyMethodArgs))
	);
}

/** An id may have the name of a node behind it, see the intake. */
function isId(value: unknown): boolean {
	return typeof value === 'string' && value.length > 0 && value.length <= 300;
}

function isListOfIds(value: unknown): boolean {
	return Array.isArray(value) && value.length < answeredMax && value.every(isId);
}

function isListOfTexts(value: unknown): boolean {
	return Array.isArray(value) && value.every((word) => typeof word === 'string');
}

function isResult(value: unknown): boolean {
	if (typeof value !== 'object' || value === null || !('outcome' in value)) return false;
	return (outcomes as readonly unknown[]).includes(value.outcome);
}
