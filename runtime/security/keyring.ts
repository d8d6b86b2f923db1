/**
 * The keyring: the Ed25519 key pair of this node, and the public keys of others that it trusts.
 * Everything is a small file in one folder, to be read, copied and edited by hand:
 *
 * ```
 * own.key, own.pub       the pair of this node; the private key is made at its first use, mode 0600
 * nodes/<name>.pub       keys of the node of this name; one in a line, to be exchanged some day
 * clients/<name>.pub     keys of people and programs that sign what they publish
 * pending/, rejected/    keys that nodes have announced, see `pending-keys.ts`
 * invited/<name>.pub     the key of central that an invitation brought, and that was trusted once
 * people/<name>.key      private keys of people and programs that were made here, mode 0600
 * ```
 *
 * A node that runs looks again when a folder or a file in it has changed, but not more than once in
 * a second. In a folder of more than a thousand files it looks at the folder alone: replace files
 * there, as `reeve keys` does.
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

/** A key that cannot be understood, or a file without one. */
export interface KeyProblem {
	/** The file, and the line in it. */
	readonly place: string;
	readonly why: string;
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
	/** What cannot be understood in the files of keys: such a key is not trusted. */
	problems(): readonly KeyProblem[];
	/** Calls `see` with each such problem, those that are known already as well. */
	onProblem(see: (problem: KeyProblem) => void): void;
	/**
	 * Trusts one more key of an owner.
	 *
	 * @throws ReeveError `bad_key`, `bad_name`
	 */
	trust(key: TrustedKey): void;
	/**
	 * Trusts a key no more, or none of the owner's; returns how many that were. Those of a node are
	 * not pending again, should it announce them.
	 */
	revoke(owner: KeyOwner, key?: string): number;
}

/** How long what was read of a folder is believed. */
const freshMs = 1000;
/** The most files of which each is looked at. */
const filesWatchedMax = 1000;
/** The most keys of one owner: two while one is exchanged, and some to spare. */
const keysOfOneMax = 16;

/** Opens the keyring in a folder. Nothing is written before something is trusted or signed. */
export function openKeyring(parts: { folder: string; node: string; clock: Clock }): Keyring {
	const { folder, node, clock } = parts;
	let own: KeyObject | undefined;
	let ownPublic: KeyObject | undefined;
	const ownPair = () => (own ??= readOrMakeKey(folder));
	const ownHalf = () => (ownPublic ??= createPublicKey(ownPair()));
	const ledger = {
		node: bookOf(join(folder, 'nodes'), clock),
		client: bookOf(join(folder, 'clients'), clock),
	};
	const rejected = bookOf(join(folder, 'rejected'), clock);
	const kinds = ['node', 'client'] as const;
	const isSelf = (owner: KeyOwner) => owner.kind === 'node' && owner.name === node;
	const keysOf = (owner: KeyOwner): readonly KeyObject[] => {
		const known = ledger[owner.kind].read().get(owner.name)?.keys ?? [];
		return isSelf(owner) ? [ownHalf(), ...known] : known;
	};

	return {
		ownKey: () => keyText(ownHalf()),
		sign: (bytes) => sign(null, bytes, ownPair()),
		// Who has a file must sign, also if no key in it can be understood.
		knows: (owner) => isSelf(owner) || ledger[owner.kind].read().has(owner.name),
		verify: (owner, bytes, signature) =>
			keysOf(owner).some((key) => isValid(key, bytes, signature)),
		list: () =>
			kinds.flatMap((kind) =>
				[...ledger[kind].read()].flatMap(([name, { keys }]) =>
					keys.map((key) => ({ kind, name, key: keyText(key) })),
				),
			),
		problems: () =>
			kinds.flatMap((kind) => [...ledger[kind].read().values()].flatMap((file) => file.problems)),
		onProblem(see) {
			for (const kind of kinds) ledger[kind].onProblem(see);
		},
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
			let revoked: readonly string[] = [];
			ledger[kind].change(name, (known) => {
				const left = key === undefined ? [] : known.filter((each) => each !== key);
				revoked = known.filter((each) => !left.includes(each));
				return left;
			});
			// Else the node that announces it would be offered for acceptance.
			if (kind === 'node' && revoked.length > 0) {
				rejected.change(name, (known) => [...new Set([...known, ...revoked])]);
			}
			return revoked.length;
		},
	};
}

/** The files of public keys in one folder, one file for each owner. */
export function bookOf(place: string, clock: Clock) {
	let keys: ReadonlyMap<string, KeyFile> = new Map();
	const monitors = new Set<(problem: KeyProblem) => void>();
	let mark = '';
	let notBefore = -Infinity;
	const markOf = (): string => {
		try {
			const files = keys.size > filesWatchedMax ? [] : keys.keys();
			const paths = [place, ...[...files].map((name) => join(place, `${name}.pub`))];
			const marks = paths.map((path) => {
				const { mtimeMs = 0, ino = 0, size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
				return `${mtimeMs} ${ino} ${size}`;
			});
			return existsSync(place) ? marks.join(' ') : 'absent';
		} catch {
			return 'absent';
		}
	};
	const tell = (see: (problem: KeyProblem) => void): void => {
		for (const { problems } of keys.values()) problems.forEach(see);
	};
	const read = (): ReadonlyMap<string, KeyFile> => {
		if (clock.monotonic() < notBefore) return keys;
		notBefore = clock.monotonic() + freshMs;
		const now = markOf();
		if (now === mark) return keys;
		keys = now === 'absent' ? new Map() : readFolder(place);
		// Again, since it is about the files that are there now.
		mark = markOf();
		for (const see of monitors) tell(see);
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
		else writeAtomically(path, texts.map((text) => `${text}\n`).join(''), { mode: 0o600 });
	};
	return {
		read,
		readAnew,
		onProblem(see: (problem: KeyProblem) => void): void {
			read();
			tell(see);
			monitors.add(see);
		},
		/** Replaces the keys of an owner; other processes change none of this kind meanwhile. */
		change(name: string, next: (known: readonly string[]) => readonly string[]): void {
			withFileLock(place, () => {
				const known = (readAnew().get(name)?.keys ?? []).map(keyText);
				const texts = next(known);
				if (texts.length !== known.length) write(name, texts);
			});
			readAnew();
		},
	};
}

/** The keys in the file of one owner, and what cannot be understood in it. */
interface KeyFile {
	readonly keys: readonly KeyObject[];
	readonly problems: readonly KeyProblem[];
}

function readFolder(place: string): Map<string, KeyFile> {
	const files = readdirSync(place).filter((each) => each.endsWith('.pub'));
	return new Map(
		files.map((file) => [file.slice(0, -'.pub'.length), readKeyFile(join(place, file))]),
	);
}

/** Reads one file; what is wrong in it costs no other key. */
function readKeyFile(path: string): KeyFile {
	const keys: KeyObject[] = [];
	const problems: KeyProblem[] = [];
	const attempt = (place: string, read: () => void): void => {
		try {
			read();
		} catch (thrown) {
			problems.push({ place, why: reasonOf(thrown) });
		}
	};
	attempt(path, () => {
		for (const [at, line] of utf8Text(readFileSync(path)).split('\n').entries()) {
			const [text = ''] = line.trim().split(/\s+/);
			if (text === '' || text.startsWith('#')) continue;
			attempt(`${path}:${at + 1}`, () => keys.push(readKey(text, 'this line')));
		}
	});
	const isEmpty = keys.length === 0 && problems.length === 0;
	return { keys, problems: isEmpty ? [{ place: path, why: 'it holds no key' }] : problems };
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
	writeAtomically(join(folder, 'own.pub'), `${keyText(createPublicKey(key))}\n`, { mode: 0o600 });
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

/** Whether this key made the signature. */
export function isValid(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
	return signature.byteLength === 64 && verify(null, bytes, key, signature);
}
