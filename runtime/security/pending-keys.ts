/**
 * Pending keys: those that nodes announce in their births and that a person has not accepted yet,
 * and those that a person has rejected. A key is listed only if the birth that announces it is
 * signed with it. A later key of a name is listed beside the earlier one, never in its place.
 *
 * They are files as those of trusted keys are, in `pending/` and `rejected/` beside them.
 *
 * @module
 */
import { join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { bookOf, fingerprint, keyText, type Keyring } from './keyring.ts';

/** A key that waits for a person. */
export interface PendingKey {
	readonly name: string;
	readonly key: string;
	/** Whether another key of this node is trusted: it was installed anew, or another one says so. */
	readonly isOther: boolean;
}

/** The pending keys that {@link openPendingKeys} opens. */
export interface PendingKeys {
	list(): readonly PendingKey[];
	/**
	 * Notes a key that a node has proven to have; false if it is known already, or there is no room
	 * for it.
	 */
	note(name: string, key: string): boolean;
	/**
	 * Trusts a pending key of a node, the only one or that of this fingerprint, and returns it.
	 *
	 * @throws ReeveError `not_found`, `unconfirmed` if the fingerprint is needed, and not given
	 */
	accept(name: string, print: string | undefined, isConfirmed: boolean): PendingKey;
	/**
	 * Lists the pending keys of a node no more, or that of this fingerprint; returns how many.
	 */
	reject(name: string, print?: string): number;
	/** Lists this key no more, should the node announce it again. */
	refuse(name: string, key: string): void;
}

/** The most pending keys of one name. */
const keysOfOneMax = 4;

/** Opens the pending keys beside the trusted ones in `folder`. */
export function openPendingKeys(parts: {
	readonly folder: string;
	readonly clock: Clock;
	readonly keyring: Pick<Keyring, 'list' | 'trust'>;
	/** The most names with pending keys, and with rejected ones. */
	readonly namesMax: number;
}): PendingKeys {
	const { folder, clock, keyring, namesMax } = parts;
	const pending = bookOf(join(folder, 'pending'), clock);
	const rejected = bookOf(join(folder, 'rejected'), clock);
	const textsOf = (book: typeof pending, name: string): readonly string[] =>
		(book.read().get(name)?.keys ?? []).map(keyText);
	const trustedOf = (name: string) =>
		keyring.list().flatMap((owner) => (isNode(owner, name) ? [owner.key] : []));
	const withoutTrusted = (name: string): readonly PendingKey[] => {
		const trusted = trustedOf(name);
		return textsOf(pending, name)
			.filter((key) => !trusted.includes(key))
			.map((key) => ({ name, key, isOther: trusted.length > 0 }));
	};
	const remove = (name: string, key: string): void =>
		pending.change(name, (known) => known.filter((each) => each !== key));
	const add = (book: typeof pending, name: string, key: string): boolean => {
		const isFull = !book.read().has(name) && book.read().size >= namesMax;
		if (isFull || textsOf(book, name).length >= keysOfOneMax) return false;
		book.change(name, (known) => (known.includes(key) ? known : [...known, key]));
		return true;
	};
	const chosen = (name: string, print: string | undefined): readonly PendingKey[] =>
		withoutTrusted(name).filter(({ key }) => print === undefined || fingerprint(key) === print);
	const some = (name: string, print: string | undefined): readonly PendingKey[] => {
		const keys = chosen(name, print);
		if (keys.length > 0) return keys;
		const which = print === undefined ? '' : ` with the fingerprint ${print}`;
		throw new ReeveError('not_found', `no key of ${name}${which} is pending`);
	};

	return {
		list: () => [...pending.read().keys()].flatMap(withoutTrusted),
		note(name, key) {
			const isKnown = [textsOf(pending, name), textsOf(rejected, name), trustedOf(name)];
			return !isKnown.flat().includes(key) && add(pending, name, key);
		},
		accept(name, print, isConfirmed) {
			const keys = some(name, print);
			const [first] = keys;
			if (!first || keys.length > 1 || (print === undefined && !isConfirmed)) {
				throw new ReeveError('unconfirmed', whichText(keys));
			}
			keyring.trust({ kind: 'node', name, key: first.key });
			remove(name, first.key);
			return first;
		},
		reject(name, print) {
			const keys = some(name, print);
			for (const { key } of keys) {
				add(rejected, name, key);
				remove(name, key);
			}
			return keys.length;
		},
		refuse: (name, key) => void add(rejected, name, key),
	};
}

/** What a person compares, and does then. */
function whichText(keys: readonly PendingKey[]): string {
	const name = keys[0]?.name ?? '';
	const prints = keys.map(({ key }) => fingerprint(key)).join(', ');
	const isOther = keys.some((each) => each.isOther);
	const other = isOther ? `; another key of ${name} is trusted already` : '';
	return (
		`${name} announces ${prints}${other}: compare with reeve keys show there, ` +
		`then: reeve keys accept ${name} FINGERPRINT`
	);
}

function isNode(owner: { readonly kind: string; readonly name: string }, name: string): boolean {
	return owner.kind === 'node' && owner.name === name;
}
