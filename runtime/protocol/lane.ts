/**
 * The names of lanes: which messages of a sender share one ordered stream.
 *
 * @module
 */
import type { Kind } from '../message/topics.ts';
import { fingerprint } from '../platform/hash.ts';

/**
 * In how many lanes messages with an ordering key go to one node, for one method and kind. A lane
 * costs memory and a row at both ends for as long as its receiver remembers it, so there cannot be
 * one for each of a hundred thousand keys. It is not for configuration: a key must stay in its
 * lane, or its messages could overtake each other.
 */
export const keyedLanes = 256;

/** The name of a lane, unique within its sender. Messages of one key are always in the same. */
export function laneName({
	toNode,
	method,
	kind,
	key = '',
}: {
	readonly toNode: string;
	readonly method: string;
	readonly kind: Kind;
	readonly key?: string;
}): string {
	const place = key === '' ? '' : fingerprint(key) % keyedLanes;
	return `${toNode}/${method}/${kind}/${place}`;
}
