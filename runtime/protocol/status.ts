/**
 * What a node says of its presence: the retained birth, and the death that its will brings.
 *
 * @module
 */
import { type frameVersion, checkOutline, isShort, isShortOrAbsent } from './frame.ts';
import { type Facts, isFacts } from '../message/facts.ts';
import { ReeveError } from '../platform/errors.ts';
import { isName } from '../message/topics.ts';

/** Presence: a birth is retained while the node lives; its death is its will, or its goodbye. */
export interface Status {
	readonly v: typeof frameVersion;
	readonly state: 'online' | 'offline';
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	/** The fingerprint of the machine; in a birth. */
	readonly host?: string;
	/** Set in the birth of a node that runs no messages. */
	readonly mode?: 'safe';
	/** The methods that the node takes; in a birth. */
	readonly methods?: readonly string[];
	/** What is true of the node; in a birth. */
	readonly facts?: Facts;
	/** The public key that the node signs with; in a birth. Nothing is proven by it. */
	readonly key?: string;
}

/** Reads a birth or a death; undefined for an empty payload, which clears a retained birth. */
export function readStatus(payload: Uint8Array): Status | undefined {
	if (payload.byteLength === 0) return undefined;
	let value: unknown;
	try {
		value = JSON.parse(Buffer.from(payload).toString('utf8'));
	} catch (cause) {
		throw new ReeveError('bad_frame', 'a status is JSON', { cause });
	}
	const { node = '' } = Object(value) as Partial<Status>;
	const { from: _, ...outline } = checkOutline({ ...Object(value), from: node });
	const status = outline as Omit<typeof outline, 'from'> & Status;
	if (status.state !== 'online' && status.state !== 'offline') {
		throw new ReeveError('bad_frame', 'a status is online or offline');
	}
	const { methods = [] } = status;
	if (!Array.isArray(methods) || !methods.every((name) => isShort(name) && isName(name))) {
		throw new ReeveError('bad_frame', 'methods are a list of names');
	}
	if (status.facts !== undefined && !isFacts(status.facts)) {
		throw new ReeveError('bad_frame', 'facts are short texts by name');
	}
	if (!isShortOrAbsent(status.key)) throw new ReeveError('bad_frame', 'a key is a short text');
	return status;
}

/** A status as the retained payload. JSON, because people look at it with ordinary MQTT tools. */
export function writeStatus(status: Status): Uint8Array {
	return Buffer.from(JSON.stringify(status));
}
