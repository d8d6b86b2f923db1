/**
 * Signatures of public messages: what a person or a program without a node has signed and published
 * on a public topic. They stand outside of the body, so that a node knows who has published it, and
 * whether it takes anything from there at all, before it parses a byte.
 *
 * With MQTT 5 they are three user properties, `reeve-by`, `reeve-count` and `reeve-signature`. With
 * MQTT 3.1.1 they are a line before the body:
 *
 * ```
 * reeve-signature: 1 alice 1764500000000 LETTERS
 * {"method": "REQPing", "id": "job-1"}
 * ```
 *
 * The letters are an Ed25519 signature in base64url over these parts, with a zero byte between
 * them: `reeve public 1`, the topic, the name, the number, the response topic, the SHA-256 of the
 * correlation data and that of the body, both in hexadecimal. A part that is not there is empty.
 *
 * The number is one that the client raises with every publication: the greater of its millisecond
 * clock and its last number plus one, because a clock may be set back. Each message in the body
 * needs an `id`: a broker may deliver a publication twice, and the id tells that from a replay.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto';
import { createHash, sign as signBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import type { Caller } from './access-rules.ts';
import type { Called } from '../message/message.ts';
import type { Config } from '../config/config.ts';
import { ReeveError } from '../platform/errors.ts';
import type { ReplayGuard } from './replay-guard.ts';
import type { Authorization } from './authorization.ts';
import type { Change } from '../journal/schema.ts';

/** What is said of a signature beside a body, as text. */
export interface Proof {
	readonly by: string;
	readonly count: string;
	/** In base64url. */
	readonly signature: string;
}

/** What is signed beside the body. */
export interface SignedSurroundings {
	readonly topic: string;
	readonly responseTopic?: string | undefined;
	readonly correlationData?: Uint8Array | undefined;
}

/** A publication on a public topic, as a wire has brought it. */
export interface PublicPacket extends SignedSurroundings {
	readonly payload: Uint8Array;
	/** The method of its topic, by its wire name. */
	readonly method: string;
	/** What its user properties say of a signature. */
	readonly proof?: Partial<Proof> | undefined;
}

/** What is known of the author of a publication. */
export interface Author {
	readonly caller: Caller;
	/** What was published, without the line of the signature. */
	readonly body: Uint8Array;
	/** To be called when a message of it is accepted: from then on its number is used up. */
	used(): readonly Change[];
	/** Whether its number is used up already: then its messages must be repetitions. */
	readonly isUsed: boolean;
}

/** Checks who publishes. */
export interface ClientCheck {
	/**
	 * Finds the author of a publication without parsing it. That takes a time that does not depend
	 * on it, and one hash of it if it names a key that is trusted.
	 *
	 * @throws ReeveError `unsigned`, `unknown_key`, `bad_signature`
	 */
	readonly author: (packet: PublicPacket) => Author;
	/**
	 * Checks that a message may come from its author at all.
	 *
	 * @throws ReeveError `unsigned`; `bad_message` if it is signed and has no id
	 */
	readonly message: (author: Author, message: object, called: Called) => void;
	/** Whether an author who is not known is told nothing: an answer costs a write on the disk. */
	readonly isSilent: boolean;
}

const lineStart = Buffer.from('reeve-signature: ');
/** The longest line of a signature, in bytes: a name, a number and 86 letters are no longer. */
export const signatureLineMax = 300;
const name = /^[\w.-]{1,128}$/;
const number = /^\d{1,15}$/;
/** 64 bytes in base64url. */
const signatureForm = /^[\w-]{86}$/;

/** Signs a body of a client. */
export function signAsClient(
	body: Uint8Array,
	around: SignedSurroundings,
	signer: { readonly by: string; readonly count: number; readonly key: KeyObject },
): Proof {
	const said = { by: signer.by, count: String(signer.count) };
	const bytes = signedBytes(body, around, said);
	return { ...said, signature: signBytes(null, bytes, signer.key).toString('base64url') };
}

/** A signed body with the line of its signature. */
export function withSignatureLine(body: Uint8Array, { by, count, signature }: Proof): Uint8Array {
	return Buffer.concat([lineStart, Buffer.from(`1 ${by} ${count} ${signature}\n`), body]);
}

/**
 * The number of a client's next message, kept in a file: nodes refuse one that is not higher than
 * all before, and the clock may have been set back since the last.
 */
export function nextClientCount(file: string, now: number): number {
	return withFileLock(file, () => {
		const last = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
		const count = Math.max(now, Number.isSafeInteger(last) ? last + 1 : 0);
		writeAtomically(file, `${count}\n`, { mode: 0o600 });
		return count;
	});
}

/** Creates the check of a node. */
export function createClientCheck(parts: {
	/** Undefined where no key could be known. */
	authorization: Pick<Authorization, 'access' | 'keyring'> | undefined;
	signing: Config['signing'];
	guard: Pick<ReplayGuard, 'admit' | 'isNew'>;
}): ClientCheck {
	const { signing, guard } = parts;
	const authorization = signing === 'off' ? undefined : parts.authorization;
	const isSilent = authorization !== undefined && signing === 'required';

	return {
		isSilent,
		author(packet) {
			const { body, proof } = taken(packet);
			if (authorization && proof) return proven(body, proof, { packet, authorization, guard });
			const isTaken = !isSilent || authorization.access.mayTakePublic(packet.method);
			if (!isTaken) throw new ReeveError('unsigned', `${packet.method} on ${packet.topic}`);
			return { caller: { kind: 'client' }, body, used: () => [], isUsed: false };
		},
		message({ caller }, message, called) {
			if (caller.kind !== 'client') return;
			if (caller.name !== undefined) {
				if ('id' in message) return;
				throw new ReeveError('bad_message', 'id: a signed message needs one');
			}
			if (!isSilent || authorization.access.takesPublic(called)) return;
			throw new ReeveError('unsigned', `${called.method} with these arguments`);
		},
	};
}

interface Proving {
	readonly packet: PublicPacket;
	readonly authorization: Pick<Authorization, 'keyring'>;
	readonly guard: Pick<ReplayGuard, 'admit' | 'isNew'>;
}

/** The author of a signed body. */
function proven(body: Uint8Array, proof: Proof, { packet, authorization, guard }: Proving): Author {
	const { by, signature } = proof;
	const owner = { kind: 'client', name: by } as const;
	if (!authorization.keyring.knows(owner)) throw new ReeveError('unknown_key', by);
	const value = Buffer.from(signature, 'base64url');
	if (!authorization.keyring.verify(owner, signedBytes(body, packet, proof), value)) {
		throw new ReeveError('bad_signature', by);
	}
	const stream = ['client', by] as const;
	const numbered = { epoch: 0, count: Number(proof.count) };
	return {
		caller: owner,
		body,
		used: () => guard.admit(stream, numbered) ?? [],
		isUsed: !guard.isNew(stream, numbered),
	};
}

/** Takes the signature, if there is one, from a publication. */
function taken({ payload, proof: beside }: PublicPacket): {
	readonly body: Uint8Array;
	readonly proof: Proof | undefined;
} {
	const hasLine = lineStart.equals(payload.subarray(0, lineStart.length));
	if (!hasLine) return { body: payload, proof: beside && checked(beside) };
	if (beside) throw new ReeveError('bad_signature', 'one signature before the body, one beside it');
	const head = Buffer.from(payload.subarray(lineStart.length, signatureLineMax)).toString('latin1');
	const end = head.indexOf('\n');
	const [version, by = '', count = '', signature = '', ...rest] = head
		.slice(0, Math.max(0, end))
		.replace(/\r$/, '')
		.split(' ');
	if (version !== '1' || rest.length > 0) throw malformed();
	const body = payload.subarray(lineStart.length + end + 1);
	return { body, proof: checked({ by, count, signature }) };
}

function checked({ by = '', count = '', signature = '' }: Partial<Proof>): Proof {
	if (name.test(by) && number.test(count) && signatureForm.test(signature)) {
		return { by, count, signature };
	}
	throw malformed();
}

function malformed(): ReeveError {
	return new ReeveError('bad_signature', 'a signature is a name, a number and 86 letters');
}

/** What is signed. */
function signedBytes(
	body: Uint8Array,
	{ topic, responseTopic = '', correlationData }: SignedSurroundings,
	{ by, count }: Pick<Proof, 'by' | 'count'>,
): Uint8Array {
	const correlation = correlationData ? hashOf(correlationData) : '';
	const parts = ['reeve public 1', topic, by, count, responseTopic, correlation, hashOf(body)];
	return Buffer.from(parts.join('\0'));
}

function hashOf(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('hex');
}
