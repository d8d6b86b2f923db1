/**
 * Presence: which nodes are there, as their retained births and their deaths tell.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import type { Facts } from '../message/facts.ts';
import type { Signals } from '../observability/signals.ts';
import type { Status } from '../protocol/status.ts';

/** What is known of another node. */
export interface Neighbour {
	readonly name: string;
	readonly state: 'online' | 'offline';
	/** Since when, in the milliseconds of the clock that the table was created with. */
	readonly since: number;
	readonly storeId: string;
	readonly epoch: number;
	readonly methods: readonly string[];
	/** Set while it is in safe mode: it is there, and runs no messages. */
	readonly mode?: 'safe';
	/** What its last birth said of it. */
	readonly facts?: Facts;
}

/** The presence table that {@link createPresence} makes. */
export interface Presence {
	/** Takes a birth or a death. A death of an older epoch than the last birth is stale. */
	learn(status: Status): void;
	get(name: string): Neighbour | undefined;
	list(): readonly Neighbour[];
	/** Calls `see` at each change. */
	onChange(see: (neighbour: Neighbour) => void): () => void;
}

/** Creates an empty table. */
export function createPresence(parts: {
	/** Store time, so that a clock that is set changes no age. */
	clock: Pick<Clock, 'now'>;
	signals: Signals;
}): Presence {
	const { clock, signals } = parts;
	const neighbours = new Map<string, Neighbour>();
	const subscribers = new Set<(neighbour: Neighbour) => void>();
	const tell = ({ name, state, storeId, epoch }: Neighbour): void => {
		if (state === 'online') signals.emit('node.seen', { name, storeId, epoch });
		else signals.emit('node.gone', { name, reason: 'its link is down, or it was stopped' });
	};

	return {
		learn(status) {
			const { node: name } = status;
			const before = neighbours.get(name);
			if (isOldNews(before, status)) return;
			const neighbour = learned(before, status, clock.now());
			neighbours.set(name, neighbour);
			if (!before || !isSameEpoch(before, status)) tell(neighbour);
			for (const see of subscribers) see(neighbour);
		},
		get: (name) => neighbours.get(name),
		list: () => [...neighbours.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
		onChange(see) {
			subscribers.add(see);
			return () => void subscribers.delete(see);
		},
	};
}

/** What is known of a node once it has said something new. */
function learned(before: Neighbour | undefined, status: Status, now: number): Neighbour {
	const { node: name, state, storeId, epoch, mode } = status;
	// A death tells nothing of what the node was, and will be again.
	const { facts = before?.facts, methods = before?.methods ?? [] } = status;
	// A repeated birth may tell of other methods: it is still the same start.
	const since = before && isSameEpoch(before, status) ? before.since : now;
	const known = { name, state, since, storeId, epoch, methods };
	return { ...known, ...(mode ? { mode } : {}), ...(facts ? { facts } : {}) };
}

/** A death of an earlier start says nothing of the present one, and a repetition nothing new. */
function isOldNews(
	known: Neighbour | undefined,
	{ storeId, epoch, state, methods = known?.methods ?? [] }: Status,
): boolean {
	if (!known) return false;
	if (known.storeId !== storeId) return state === 'offline';
	const isSame = known.methods.join(' ') === methods.join(' ');
	return epoch < known.epoch || (isSameEpoch(known, { storeId, epoch, state }) && isSame);
}

function isSameEpoch(
	known: Neighbour,
	{ storeId, epoch, state }: Pick<Status, 'storeId' | 'epoch' | 'state'>,
): boolean {
	return storeId === known.storeId && epoch === known.epoch && state === known.state;
}
