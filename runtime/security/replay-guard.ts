/**
 * The replay guard: recognises publications of other nodes and clients that come a second time,
 * from anyone who may use the broker. Lanes need none, their numbers do that; it is for messages
 * that are sent at most once, for births and deaths, and for what clients without a node signed.
 *
 * What it has seen is in the journal, so that it also recognises what was seen before a restart.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { metaChange, readMeta } from '../journal/meta-rows.ts';
import type { Status } from '../protocol/status.ts';
import type { Change } from '../journal/schema.ts';

/** The number of one publication of one sender. */
export interface Numbered {
	readonly epoch: number;
	readonly count: number;
}

/** The guard that {@link createReplayGuard} makes. */
export interface ReplayGuard {
	/**
	 * Admits a number of a stream once. What is returned must be on disk before the message is run;
	 * undefined: it is a repetition.
	 */
	admit(stream: readonly [string, string], numbered: Numbered): readonly Change[] | undefined;
	/** Whether a number would be admitted. */
	isNew(stream: readonly [string, string], numbered: Numbered): boolean;
	/**
	 * The last birth or death of a node may come again, as brokers keep it; an earlier one may not.
	 */
	admitStatus(status: Status & Numbered): readonly Change[] | undefined;
	/**
	 * A store belongs to the first node that proves to speak for it, because lanes are known by
	 * their store: undefined if it is another's.
	 */
	bind(storeId: string, node: string): readonly Change[] | undefined;
	/** Whether a node has proven to speak for this store. */
	isBound(storeId: string): boolean;
}

/** What is kept of the births and deaths of a node. */
interface StatusMark extends Numbered {
	/** Which store it named last. */
	readonly storeId: string;
	/** The highest start of each store that it had before. */
	readonly former: Readonly<Record<string, number>>;
}

/** Rows that are kept in memory. */
const knownMax = 10_000;
/** Stores of one node that are remembered. */
const formerMax = 16;

/** Creates the guard of a node. */
export function createReplayGuard(journal: Journal): ReplayGuard {
	/** What is not yet visible in the journal, or is needed often. */
	const known = new Map<string, unknown>();
	const read = <Value>(key: readonly string[]): Value | undefined =>
		(known.get(key.join(' ')) as Value | undefined) ?? load<Value>(key);
	const load = <Value>(key: readonly string[]): Value | undefined => {
		const value = readMeta<Value>(journal, key);
		if (value !== undefined) keep(key, value);
		return value;
	};
	const keep = (key: readonly string[], value: unknown): void => {
		// What is forgotten here is on disk by then.
		if (known.size >= knownMax) known.delete(known.keys().next().value ?? '');
		known.set(key.join(' '), value);
	};
	const write = (key: readonly string[], value: unknown): readonly Change[] => {
		keep(key, value);
		return [metaChange(key, value)];
	};
	const keyOf = (stream: readonly [string, string]) => ['replay', ...stream];

	return {
		bind(storeId, node) {
			const key = ['store', storeId];
			const owner = read<string>(key);
			if (owner === undefined) return write(key, node);
			return owner === node ? [] : undefined;
		},
		isBound: (storeId) => read<string>(['store', storeId]) !== undefined,
		admit(stream, numbered) {
			const key = keyOf(stream);
			const next = admitted(read<ReplayWindow>(key), numbered);
			return next && write(key, next);
		},
		isNew: (stream, numbered) =>
			admitted(read<ReplayWindow>(keyOf(stream)), numbered) !== undefined,
		admitStatus(status) {
			const key = ['replay', 'status', status.node];
			const before = read<StatusMark>(key);
			if (before && isOld(before, status)) return undefined;
			const { storeId, epoch, count } = status;
			if (before?.storeId === storeId && before.epoch === epoch && before.count === count)
				return [];
			return write(key, { storeId, epoch, count, former: formerOf(before, storeId) });
		},
	};
}

/** Whether it was said before something that is known. */
function isOld(before: StatusMark, { storeId, epoch, count }: Status & Numbered): boolean {
	if (storeId !== before.storeId) return epoch <= (before.former[storeId] ?? -1);
	return epoch < before.epoch || (epoch === before.epoch && count < before.count);
}

function formerOf(before: StatusMark | undefined, storeId: string): StatusMark['former'] {
	if (!before) return {};
	const { [storeId]: _, ...others } = before.former;
	if (before.storeId === storeId) return others;
	const all = [...Object.entries(others), [before.storeId, before.epoch] as const];
	return Object.fromEntries(all.slice(-formerMax));
}

/** What has been seen. */
export interface ReplayWindow {
	/** The start of the sender that the numbers belong to; they begin anew with each. */
	readonly epoch: number;
	/** The highest number. */
	readonly high: number;
	/** One bit for each of the numbers up to the highest, which is the lowest bit. */
	readonly seen: number;
}

/** How far a number may be behind the highest. */
const width = 31;

/** The window with this number in it; undefined if the number was there, or may have been. */
export function admitted(
	window: ReplayWindow | undefined,
	{ epoch, count }: { readonly epoch: number; readonly count: number },
): ReplayWindow | undefined {
	if (!window || epoch > window.epoch) return { epoch, high: count, seen: 1 };
	if (epoch < window.epoch) return undefined;
	const ahead = count - window.high;
	if (ahead > 0) {
		const seen = ahead >= width ? 1 : ((window.seen << ahead) | 1) & 0x7fffffff;
		return { epoch, high: count, seen };
	}
	const bit = -ahead < width ? 1 << -ahead : 0;
	if (bit === 0 || (window.seen & bit) !== 0) return undefined;
	return { ...window, seen: window.seen | bit };
}
