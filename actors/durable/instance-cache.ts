/**
 * The instance cache: the instances of one actor that are in memory, because they have triggers or
 * had some lately. All others are rows on disk and take no memory.
 *
 * @module
 */
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Trigger } from '../turn/trigger.ts';
import {
	loadBare,
	loadInstance,
	parkingReason,
	type Instance,
	type LoadParts,
} from '../turn/instance.ts';

/** The instances that {@link createInstanceCache} makes. */
export interface InstanceCache {
	/** The instance of a key, loaded if it is not in memory; undefined if it is parked. */
	use(key: string): Instance | undefined;
	/**
	 * Takes an instance out of use until it is unparked or the node is restarted: its state stays as
	 * it is, and its mail waits.
	 */
	park(key: string, reason: string): void;
	/**
	 * Remembers, in a few bytes, a trigger that a parked instance cannot take now. One to begin anew
	 * is not for later: it fails.
	 */
	leave(key: string, trigger: Trigger): void;
	/**
	 * Takes a parked instance into use again, and returns the triggers that were left for it, oldest
	 * first. If `isFresh`, it is loaded without its state, which the next turn must write anew.
	 *
	 * @throws ReeveError `not_found` if it is not parked
	 */
	unpark(key: string, isFresh: boolean): readonly Left[];
	/** Evicts idle instances above the limit; called when more may have become idle. */
	evict(): void;
	counts(): { readonly active: number; readonly parked: number };
	/** Why instances are parked, by their keys. */
	parked(): ReadonlyMap<string, string>;
	stop(): void;
}

/** A trigger that waits for a parked instance: of a message, which is on disk, only the arrival. */
export type Left = number | Trigger;

interface Parked {
	readonly reason: string;
	readonly left: Left[];
}

/** What the instance cache needs. */
export interface InstanceCacheParts extends LoadParts {
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
}

/** How many busy instances are passed over in the search for an idle one to evict. */
const searchMax = 50;

/** Creates the empty cache of one actor. */
export function createInstanceCache(parts: InstanceCacheParts): InstanceCache {
	const { definition, clock, config, signals } = parts;
	const passivateMs = config.passivateAfter * 1000;
	/** The least recently used first. */
	const active = new Map<string, Instance>();
	/** The most recently used, which need not be moved when it is used again. */
	let newest: Instance | undefined;
	const parked = new Map<string, Parked>();
	let sweep: Timer | undefined;

	/**
	 * Whether an instance may be evicted: all of it is on disk, and it has no triggers.
	 */
	const isIdle = (instance: Instance): boolean =>
		instance.unflushed === 0 &&
		!instance.isListed &&
		!instance.isPausing &&
		instance.queue.length === 0 &&
		instance.deferred.length === 0;

	const evict = (most = config.activeInstancesMax): void => {
		let passed = 0;
		for (const [key, instance] of active) {
			if (active.size <= most || passed >= searchMax) return;
			if (isIdle(instance)) active.delete(key);
			else passed += 1;
		}
	};
	const passivate = (): void => {
		sweep = undefined;
		const before = clock.monotonic() - passivateMs;
		for (const [key, instance] of active) {
			if (instance.usedAt > before) break;
			if (isIdle(instance)) active.delete(key);
		}
		watch();
	};
	const watch = (): void => {
		if (active.size > 0) sweep ??= clock.after(passivateMs, passivate);
	};
	const park = (key: string, reason: string): void => {
		active.delete(key);
		parked.set(key, { reason, left: [] });
		signals.emit('instance.parked', { actor: definition.name, key, reason });
	};

	const add = (loaded: Instance): Instance => {
		// Evict before the new instance is added: without triggers yet, it would count as idle.
		evict(config.activeInstancesMax - 1);
		active.set(loaded.key, loaded);
		newest = loaded;
		watch();
		return loaded;
	};

	return {
		use(key) {
			const usedAt = clock.monotonic();
			const known = active.get(key);
			if (known) {
				known.usedAt = usedAt;
				if (known === newest) return known;
				active.delete(key);
				active.set(key, known);
				newest = known;
				return known;
			}
			if (parked.has(key)) return undefined;
			try {
				return add(loadInstance(parts, key, usedAt));
			} catch (thrown) {
				park(key, parkingReason(thrown));
				return undefined;
			}
		},
		park,
		leave(key, trigger) {
			const { mail, anew } = trigger;
			const { reason = '', left } = parked.get(key) ?? {};
			if (anew) anew.failed(new ReeveError('actor_parked', reason));
			// A volatile message was not promised to its sender, and a parked instance may stay for long.
			else if (!mail?.volatile) left?.push(mail ? mail.arrival : trigger);
		},
		unpark(key, isFresh) {
			const found = parked.get(key);
			if (!found) throw new ReeveError('not_found', `${definition.name}/${key} is not parked`);
			parked.delete(key);
			if (isFresh) add(loadBare(parts, key, clock.monotonic()));
			return found.left;
		},
		evict: () => evict(),
		counts: () => ({ active: active.size, parked: parked.size }),
		parked: () => new Map([...parked].map(([key, { reason }]) => [key, reason])),
		stop: () => sweep?.cancel(),
	};
}
