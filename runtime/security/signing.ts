/**
 * Signing: what proves that a frame, an acknowledgement, a birth, a death or a claim comes from
 * the node that it names. One signature is for a whole publication, however many messages are in
 * it, and for its topic: so it is worth nothing at another node, for another method or under
 * another prefix.
 *
 * Binary publications get a signature in front, JSON ones two fields more, because people look at
 * those with ordinary MQTT tools:
 *
 * ```
 * 0xC1  version  number (8 bytes)  signature (64 bytes)  content   0xC1 begins nothing else
 * {..., "count": number, "signature": "..."}          over the canonical JSON of the rest
 * ```
 *
 * Every node understands signed publications. Whether it makes them, looks at them and wants them
 * is what `signing` says: so a fleet can be moved from `off` over `on` to `required`, a node at a
 * time.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../text/canonical-json.ts';
import type { Config } from '../config/config.ts';
import { ReeveError } from '../platform/errors.ts';
import { isValid, readKey, type Keyring } from './keyring.ts';

/** A publication without its signature. Nothing is proven yet. */
export interface SignedContent {
	readonly content: Uint8Array;
	readonly proof?: { readonly count: number; readonly signature: Uint8Array };
}

/** The signer that {@link createSigner} makes. */
export interface Signer {
	/** Whether this node signs. */
	readonly isOn: boolean;
	/** The publication as it leaves. */
	sign(topic: string, content: Uint8Array): Uint8Array;
	/** A birth, a death or a claim as it leaves; `count` orders those of one start. */
	signJson(topic: string, said: object, count: number): Uint8Array;
	/**
	 * Whether the publication is proven to come from this node.
	 *
	 * @throws ReeveError `unsigned`, `unknown_key`, `bad_signature`
	 */
	check(topic: string, signed: SignedContent, from: string): boolean;
	/** The same of JSON that was read before; its number, if it is proven. */
	checkJson(topic: string, payload: Uint8Array, from: string): number | undefined;
}

/** No MessagePack and no JSON begins with it. */
const mark = 0xc1;
const version = 1;
const signatureBytes = 64;
const headBytes = 2 + 8 + signatureBytes;

/** Separates a publication from its signature, if any. Throws `bad_frame` for a broken one. */
export function readSigned(payload: Uint8Array): SignedContent {
	if (payload[0] !== mark) return { content: payload };
	if (payload[1] !== version || payload.byteLength < headBytes) {
		throw new ReeveError('bad_frame', 'no form of signature that is known here');
	}
	const { buffer, byteOffset } = payload;
	const count = Number(new DataView(buffer, byteOffset).getBigUint64(2));
	const signature = payload.subarray(10, headBytes);
	return { content: payload.subarray(headBytes), proof: { count, signature } };
}

/** A signer that signs nothing and believes everything: for `signing: off`. */
export const passingSigner: Signer = {
	isOn: false,
	sign: (_topic, content) => content,
	signJson: (_topic, said) => Buffer.from(JSON.stringify(said)),
	check: () => false,
	checkJson: () => undefined,
};

/** Creates the signer of a node. */
export function createSigner(parts: { keyring: Keyring; signing: Config['signing'] }): Signer {
	const { keyring, signing } = parts;
	if (signing === 'off') return passingSigner;
	let last = 0;

	/** Whether bytes were signed by a node, and what must become of them if not. */
	const prove = (from: string, bytes: Uint8Array, signature: Uint8Array | undefined): boolean => {
		const owner = { kind: 'node', name: from } as const;
		const isKnown = keyring.knows(owner);
		if (!signature) {
			if (isKnown || signing === 'required') throw new ReeveError('unsigned', from);
			return false;
		}
		if (isKnown && keyring.verify(owner, bytes, signature)) return true;
		if (isKnown) throw new ReeveError('bad_signature', from);
		if (signing === 'required') throw new ReeveError('unknown_key', from);
		return false;
	};

	return {
		isOn: true,
		sign(topic, content) {
			last += 1;
			const signature = keyring.sign(bytesOf(topic, last, content));
			const payload = new Uint8Array(headBytes + content.byteLength);
			payload.set([mark, version]);
			new DataView(payload.buffer).setBigUint64(2, BigInt(last));
			payload.set(signature, 10);
			payload.set(content, headBytes);
			return payload;
		},
		signJson(topic, bare, count) {
			const said = { ...bare, count };
			const signature = keyring.sign(textOf(topic, said));
			const whole = { ...said, signature: Buffer.from(signature).toString('base64url') };
			return Buffer.from(JSON.stringify(whole));
		},
		check(topic, { content, proof }, from) {
			const bytes = proof ? bytesOf(topic, proof.count, content) : content;
			return prove(from, bytes, proof?.signature);
		},
		checkJson(topic, payload, from) {
			const { signature, ...said } = Object(JSON.parse(Buffer.from(payload).toString())) as Record<
				string,
				unknown
			>;
			const text = typeof signature === 'string' ? signature : undefined;
			const proof = text === undefined ? undefined : Buffer.from(text, 'base64url');
			const count = said['count'];
			if (!prove(from, textOf(topic, said), proof)) return undefined;
			return typeof count === 'number' && Number.isSafeInteger(count) ? count : 0;
		},
	};
}

/**
 * The key that a birth announces; undefined unless the birth is signed with it. It proves that its
 * publisher has the key, and not that it is the node of that name.
 */
export function announcedKey(topic: string, payload: Uint8Array): string | undefined {
	try {
		const { signature, ...said } = Object(JSON.parse(Buffer.from(payload).toString())) as Record<
			string,
			unknown
		>;
		const { key } = said;
		if (typeof key !== 'string' || typeof signature !== 'string') return undefined;
		const proof = Buffer.from(signature, 'base64url');
		return isValid(readKey(key), textOf(topic, said), proof) ? key : undefined;
	} catch {
		// It announces nothing that could be accepted.
		return undefined;
	}
}

/**
 * What is signed of a binary publication. Ed25519 would read a large content twice, and more slowly
 * than this does.
 */
function bytesOf(topic: string, count: number, content: Uint8Array): Uint8Array {
	const digest = createHash('sha256').update(content).digest('hex');
	return Buffer.from(`reeve frame 1\0${topic}\0${count}\0${digest}`);
}

/** What is signed of a value: its canonical JSON. */
function textOf(topic: string, said: object): Uint8Array {
	return Buffer.from(`reeve json 1\0${topic}\0${canonicalJson(said)}`);
}
