/**
 * Principals: those on whose behalf a message is, beside the node that sends it. They are proven
 * where they come in, and travel with all that follows from what they have asked: replies, relayed
 * messages, copies, and what actors send, ask and set timers for. A message may do at its receiver
 * what every one of them may do there, see `runtime/security/authority.ts`.
 *
 * ```
 * client:alice    an MQTT client that has signed as alice
 * client          one that has not signed
 * node:ship1      the node ship1
 * unproven:ship1  a node that says it is ship1, and has not proven it
 * ```
 *
 * The people of a node (its socket and folders) are that node, and so no principal of their own. A
 * node that leaves principals out gains nothing by it: it is one itself wherever it sends.
 *
 * @module
 */
import { isName } from './topics.ts';

/** A principal, as it stands in messages and rows. */
export type Principal = string;

/** The most principals that a message may have and be run; nothing is made with many more. */
export const principalsMax = 16;
/** The most that are understood: a later version may allow more than this one. */
const principalsTakenMax = 64;

/** No principals: what the node does for itself and for its own people. */
export const noPrincipals: readonly Principal[] = Object.freeze([]);

/** What a principal is, and its name; `client` alone has none. */
const grammar = /^(?:client|(node|unproven|client):(.+))$/s;

/** Whether a value that came over a wire is a list of principals. */
export function arePrincipals(value: unknown): value is readonly Principal[] {
	if (!Array.isArray(value) || value.length > principalsTakenMax) return false;
	return value.every((each) => {
		if (typeof each !== 'string') return false;
		const [whole, , name] = grammar.exec(each) ?? [];
		return whole !== undefined && (name === undefined || isName(name));
	});
}

/** The kind of a principal and its name, which is empty for `client`. */
export function partsOf(principal: Principal): { readonly kind: string; readonly name: string } {
	const [, kind = 'client', name = ''] = grammar.exec(principal) ?? [];
	return { kind, name };
}

/**
 * The list with one more; the same list if that is in it, so that a message which is relayed in a
 * circle does not grow.
 */
export function withPrincipal(
	list: readonly Principal[],
	principal: Principal,
): readonly Principal[] {
	return list.includes(principal) ? list : [...list, principal];
}

/** The field of a message, or of a row, for a list; none if the list is empty. */
export function askedByOf(list: readonly Principal[]): { askedBy?: readonly Principal[] } {
	return list.length > 0 ? { askedBy: list } : {};
}

/** For people: `client:alice through central`; empty for an empty list. */
export function principalsText(list: readonly Principal[] = noPrincipals): string {
	return list.map((each) => each.replace(/^node:/, '')).join(' through ');
}
