/**
 * The instances of one actor that are in memory: those that have something to do, and those that
 * had lately. All others are rows on disk, and cost nothing.
 *
 * @module
 */
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import { asReeveError } from '../runtime/errors.ts';
import type { Signals } from '../runtime/signal.ts';
import { loadInstance, type Instance, type LoadParts } from './instance.ts';

/** The instances that {@link createInstances} makes. */
export interface Instances {
	/** The instance of a key, loaded if need be; undefined if it is parked. */
	use(key: string): Instance | undefined;
	/**
	 * Takes an instance out of use until the node is restarted: its state stays as it is, and its
	 * mail waits.
	 */
	park(key: string, reason: string): void;
	/** Puts away what is above the limit, now that more may be idle. */
	makeRoom(): void;
	counts(): { readonly active: number; readonly parked: number };
	/** Why instances are parked, by their keys. */
	parked(): ReadonlyMap<string, string>;
	stop(): void;
}

/** What instances are kept with. */
export interface InstancesParts extends LoadParts {
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
}

/** How many busy instances are passed over in the search for an idle one to put away. */
const searchMax = 50;

/** Creates the instances of one actor; none is loaded. */
export function createInstances(parts: InstancesParts): Instances {
	const { definition, clock, config, signals } = parts;
	const passivateMs = config.passivateAfter * 1000;
	/** The least recently used first. */
	const active = new Map<string, Instance>();
	const parked = new Map<string, string>();
	let sweep: Timer | undefined;

	/**
	 * Whether nothing would be lost without it: all that it is, is on disk, and nobody waits for it.
	 */
	const isIdle = (instance: Instance): boolean =>
		instance.unflushed === 0 &&
		!instance.isListed &&
		!instance.isPausing &&
		instance.queue.length === 0 &&
		instance.deferred.length === 0;

	const makeRoom = (most = config.activeInstancesMax): void => {
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
		parked.set(key, reason);
		signals.emit('instance.parked', { actor: definition.name, key, reason });
	};

	return {
		use(key) {
			const usedAt = clock.monotonic();
			const known = active.get(key);
			if (known) {
				known.usedAt = usedAt;
				active.delete(key);
				active.set(key, known);
				return known;
			}
			if (parked.has(key)) return undefined;
			try {
				const loaded = loadInstance(parts, key, usedAt);
				// Not afterwards: the new one has nothing to do yet, and must not be put away for that.
				makeRoom(config.activeInstancesMax - 1);
				active.set(key, loaded);
				watch();
				return loaded;
			} catch (thrown) {
				park(key, asReeveError(thrown).detail);
				return undefined;
			}
		},
		park,
		makeRoom: () => makeRoom(),
		counts: () => ({ active: active.size, parked: parked.size }),
		parked: () => parked,
		stop: () => sweep?.cancel(),
	};
}
