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

/** A key that a person has accepted. */
export interface AcceptedKey extends PendingKey {
	/** Set if it was trusted before. */
	readonly isAccepted?: true;
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
	 * Trusts a pending key of a node, the only one or that of this fingerprint, and returns it. One
	 * of this fingerprint that is trusted already stays so.
	 *
	 * @throws ReeveError `not_found`, `unconfirmed` if the fingerprint is needed, and not given
	 */
	accept(name: string, print: string | undefined, isConfirmed: boolean): AcceptedKey;
	/**
	 * Lists the pending keys of a node no more, or that of this fingerprint; returns how many.
	 */
	reject(name: string, print?: string): number;
	/** Nodes whose list is full: further keys that they announce are not listed. */
	full(): readonly string[];
}

/** The most pending keys of one name. */
const keysOfOneMax = 4;

/** Opens the pending keys beside the trusted ones in `folder`. */
export function openPendingKeys(parts: {
	readonly folder: string;
	readonly clock: Clock;
	readonly keyring: Pick<Keyring, 'list' | 'trust'>;
	/** The most names with pending keys. */
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
	const add = (book: typeof pending, name: string, key: string): void =>
		book.change(name, (known) => (known.includes(key) ? known : [...known, key]));
	const isFull = (name: string): boolean => {
		const names = pending.read();
		if (!names.has(name) && names.size >= namesMax) return true;
		return textsOf(pending, name).length >= keysOfOneMax;
	};
	const chosen = (name: string, print: string | undefined): readonly PendingKey[] =>
		withoutTrusted(name).filter(({ key }) => print === undefined || fingerprint(key) === print);
	const some = (name: string, print: string | undefined): readonly PendingKey[] => {
		const keys = chosen(name, print);
		if (keys.length > 0) return keys;
		const which = print === undefined ? '' : ` with the fingerprint ${print}`;
		// Who may publish births in its name can fill the list before it does.
		const other = `; reeve keys trust ${name} KEY takes the key that reeve keys show prints there`;
		throw new ReeveError('not_found', `no key of ${name}${which} is pending${other}`);
	};

	return {
		list: () => [...pending.read().keys()].flatMap(withoutTrusted),
		note(name, key) {
			const isKnown = [textsOf(pending, name), textsOf(rejected, name), trustedOf(name)];
			if (isKnown.flat().includes(key) || isFull(name)) return false;
			add(pending, name, key);
			return true;
		},
		accept(name, print, isConfirmed) {
			const known = trustedOf(name).find((key) => fingerprint(key) === print);
			if (known !== undefined) return { name, key: known, isOther: false, isAccepted: true };
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
				// Each of them was rejected by a person: so they are not limited in number.
				add(rejected, name, key);
				remove(name, key);
			}
			return keys.length;
		},
		full: () => [...pending.read().keys()].filter(isFull),
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
