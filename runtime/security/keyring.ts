/**
 * The keyring: the Ed25519 key pair of this node, and the public keys of others that it trusts.
 * Everything is a small file in one folder, to be read, copied and edited by hand:
 *
 * ```
 * own.key, own.pub       the pair of this node; the private key is made at its first use, mode 0600
 * nodes/<name>.pub       keys of the node of this name; one in a line, to be exchanged some day
 * clients/<name>.pub     keys of people and programs that sign what they publish
 * people/<name>.key      private keys of people and programs that were made here, mode 0600
 * ```
 *
 * A node that runs looks again when a folder has changed, but not more than once in a second.
 *
 * @module
 */
import {
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	sign,
	verify,
	type KeyObject,
} from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkName } from '../message/topics.ts';
import type { Clock } from '../platform/clock.ts';
import { ReeveError, reasonOf } from '../platform/errors.ts';
import { writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { pemBytes } from '../text/secret-file.ts';
import { utf8Text } from '../text/utf8.ts';

/** Whose key it is: that of a node, or of a client without a node. */
export interface KeyOwner {
	readonly kind: 'node' | 'client';
	readonly name: string;
}

/** A public key, and its owner. */
export interface TrustedKey extends KeyOwner {
	/** `ed25519:` and the key in base64url. */
	readonly key: string;
}

/**
 * An owner as people write it: `ship1` or `node:ship1` is a node, `client:alice` a client without
 * one.
 *
 * @throws ReeveError `bad_arguments`
 */
export function ownerOf(text = ''): KeyOwner {
	const [, kind = 'node', name = ''] = /^(?:(node|client):)?([^:]+)$/.exec(text) ?? [];
	if (name !== '') return { kind: kind === 'client' ? 'client' : 'node', name };
	throw new ReeveError('bad_arguments', 'whose key: NODE, node:NAME or client:NAME');
}

/** The keyring that {@link openKeyring} opens. */
export interface Keyring {
	/** The public key of this node; the pair is made if there is none. */
	ownKey(): string;
	/** Signs with the key of this node. */
	sign(bytes: Uint8Array): Uint8Array;
	/** Whether any key of this owner is trusted here. This node trusts itself. */
	knows(owner: KeyOwner): boolean;
	/** Whether a trusted key of this owner made the signature. */
	verify(owner: KeyOwner, bytes: Uint8Array, signature: Uint8Array): boolean;
	list(): readonly TrustedKey[];
	/**
	 * Trusts one more key of an owner.
	 *
	 * @throws ReeveError `bad_key`, `bad_name`
	 */
	trust(key: TrustedKey): void;
	/** Trusts a key no more, or none of the owner's; returns how many that were. */
	revoke(owner: KeyOwner, key?: string): number;
}

/** How long what was read of a folder is believed. */
const freshMs = 1000;
/** The most keys of one owner: two while one is exchanged, and some to spare. */
const keysOfOneMax = 16;

/** Opens the keyring in a folder. Nothing is written before something is trusted or signed. */
export function openKeyring(parts: { folder: string; node: string; clock: Clock }): Keyring {
	const { folder, node, clock } = parts;
	let own: KeyObject | undefined;
	let ownPublic: KeyObject | undefined;
	const ownPair = () => (own ??= readOrMakeKey(folder));
	const ownHalf = () => (ownPublic ??= createPublicKey(ownPair()));
	const ledger = { node: bookOf(folder, 'node', clock), client: bookOf(folder, 'client', clock) };
	const isSelf = (owner: KeyOwner) => owner.kind === 'node' && owner.name === node;
	const keysOf = (owner: KeyOwner): readonly KeyObject[] => {
		const known = ledger[owner.kind].read().get(owner.name) ?? [];
		return isSelf(owner) ? [ownHalf(), ...known] : known;
	};

	return {
		ownKey: () => keyText(ownHalf()),
		sign: (bytes) => sign(null, bytes, ownPair()),
		knows: (owner) => keysOf(owner).length > 0,
		verify: (owner, bytes, signature) =>
			keysOf(owner).some((key) => isValid(key, bytes, signature)),
		list: () =>
			(['node', 'client'] as const).flatMap((kind) =>
				[...ledger[kind].read()].flatMap(([name, keys]) =>
					keys.map((key) => ({ kind, name, key: keyText(key) })),
				),
			),
		trust({ kind, name, key }) {
			checkName(kind, name);
			const text = keyText(readKey(key));
			ledger[kind].change(name, (known) => {
				if (known.includes(text)) return known;
				if (known.length < keysOfOneMax) return [...known, text];
				throw new ReeveError('bad_key', `${name} has ${keysOfOneMax} keys: revoke one first`);
			});
		},
		revoke({ kind, name }, key) {
			// What no key is trusted of may be no name of a file.
			if (!ledger[kind].readAnew().has(name)) return 0;
			let count = 0;
			ledger[kind].change(name, (known) => {
				const left = key === undefined ? [] : known.filter((each) => each !== key);
				count = known.length - left.length;
				return left;
			});
			return count;
		},
	};
}

/** The files of one kind of owner. */
function bookOf(folder: string, kind: KeyOwner['kind'], clock: Clock) {
	const place = join(folder, `${kind}s`);
	let keys = new Map<string, KeyObject[]>();
	let mark = '';
	let notBefore = -Infinity;
	const markOf = (): string => {
		try {
			const { mtimeMs, ino } = statSync(place);
			return `${mtimeMs} ${ino}`;
		} catch {
			return 'absent';
		}
	};
	const read = (): ReadonlyMap<string, KeyObject[]> => {
		if (clock.monotonic() < notBefore) return keys;
		notBefore = clock.monotonic() + freshMs;
		const now = markOf();
		if (now === mark) return keys;
		keys = now === 'absent' ? new Map() : readFolder(place);
		mark = now;
		return keys;
	};
	const readAnew = () => {
		mark = '';
		notBefore = -Infinity;
		return read();
	};
	const write = (name: string, texts: readonly string[]): void => {
		const path = join(place, `${name}.pub`);
		if (texts.length === 0) rmSync(path, { force: true });
		else writeAtomically(path, texts.map((text) => `${text}\n`).join(''), { mode: 0o644 });
	};
	return {
		read,
		readAnew,
		/** Replaces the keys of an owner; other processes change none of this kind meanwhile. */
		change(name: string, next: (known: readonly string[]) => readonly string[]): void {
			withFileLock(place, () => {
				const known = (readAnew().get(name) ?? []).map(keyText);
				const texts = next(known);
				if (texts.length !== known.length) write(name, texts);
			});
			readAnew();
		},
	};
}

function readFolder(place: string): Map<string, KeyObject[]> {
	const keys = new Map<string, KeyObject[]>();
	for (const file of readdirSync(place).filter((each) => each.endsWith('.pub'))) {
		const path = join(place, file);
		const lines = utf8Text(readFileSync(path)).split('\n');
		const ofOne = lines.flatMap((line, at) => {
			const [text = ''] = line.trim().split(/\s+/);
			if (text === '' || text.startsWith('#')) return [];
			return [readKey(text, `${path}:${at + 1}`)];
		});
		keys.set(file.slice(0, -'.pub'.length), ofOne);
	}
	return keys;
}

function readOrMakeKey(folder: string): KeyObject {
	const path = join(folder, 'own.key');
	if (existsSync(path)) return readPrivateKey(path);
	return withFileLock(path, () => {
		// Another process may have made it meanwhile.
		if (existsSync(path)) return readPrivateKey(path);
		const key = writeKey(path);
		writeOwnHalf(folder, key);
		return key;
	});
}

function writeOwnHalf(folder: string, key: KeyObject): void {
	writeAtomically(join(folder, 'own.pub'), `${keyText(createPublicKey(key))}\n`, { mode: 0o644 });
}

/**
 * Makes a key pair and writes its private half, for its owner only.
 *
 * @throws ReeveError `bad_key` if the file is there, or cannot be written
 */
export function makeKey(path: string): KeyObject {
	return withFileLock(path, () => writeKey(path));
}

function writeKey(path: string): KeyObject {
	if (existsSync(path)) throw new ReeveError('bad_key', `${path} is there already`);
	const { privateKey } = generateKeyPairSync('ed25519');
	const text = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
	writeAtomically(path, text, { mode: 0o600 });
	return privateKey;
}

/**
 * Reads a private key.
 *
 * @throws ReeveError `bad_key`, also if others than its owner may read the file
 */
export function readPrivateKey(path: string): KeyObject {
	try {
		if ((statSync(path).mode & 0o077) !== 0) {
			throw new ReeveError('bad_key', `${path} may be read by others: chmod 600 ${path}`);
		}
		const key = createPrivateKey(pemBytes(readFileSync(path)));
		if (key.asymmetricKeyType === 'ed25519') return key;
	} catch (cause) {
		if (cause instanceof ReeveError) throw cause;
		const why = reasonOf(cause);
		throw new ReeveError('bad_key', `${path}: ${why}`, { cause });
	}
	throw new ReeveError('bad_key', `${path}: not an Ed25519 key`);
}

const prefix = 'ed25519:';

/** The public half of a key as text. */
export function keyText(key: KeyObject): string {
	const half = key.type === 'private' ? createPublicKey(key) : key;
	return `${prefix}${half.export({ format: 'jwk' }).x ?? ''}`;
}

/**
 * Reads the text of a public key.
 *
 * @throws ReeveError `bad_key`
 */
export function readKey(text: string, place = text): KeyObject {
	try {
		const x = text.startsWith(prefix) ? text.slice(prefix.length) : '';
		if (/^[\w-]{43}$/.test(x)) {
			return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
		}
	} catch (cause) {
		throw new ReeveError('bad_key', place, { cause });
	}
	throw new ReeveError('bad_key', `${place}: a key is ${prefix} and 43 letters of base64url`);
}

/** The first letters of the hash of a key, for people to compare. */
export function fingerprint(key: string): string {
	return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

function isValid(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
	return signature.byteLength === 64 && verify(null, bytes, key, signature);
}
