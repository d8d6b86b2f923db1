/**
 * A simulated network that loses, duplicates, delays and reorders what it carries, and partitions
 * nodes, by the injected clock and its random numbers. It does not know what it carries.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';

/** The faults of a network. Shares are between 0 and 1. */
export interface Faults {
	/** The share that never arrives. */
	readonly loss: number;
	/** The share that arrives twice. */
	readonly double: number;
	/** The share that need not wait for what was sent before it. */
	readonly reorder: number;
	/** The shortest and the longest time on the way. */
	readonly delayMs: readonly [min: number, max: number];
}

/** Counts of what was carried and of its faults. */
export interface Carried {
	delivered: number;
	lost: number;
	doubled: number;
	/** How many were allowed to overtake others. */
	reordered: number;
	/** How many were lost in a partition. */
	parted: number;
}

/** The network that {@link createFaultyNetwork} makes. */
export interface FaultyNetwork {
	disturb(faults: Partial<Faults>): void;
	part(node: string, other?: string): void;
	heal(): void;
	/** Carries one packet: calls `arrive` never, once or twice; it returns whether it was taken. */
	carry(from: string, to: string, arrive: () => boolean): void;
	counts(): Readonly<Carried>;
}

/** Creates a network. Nothing arrives within the call that sends it. */
export function createFaultyNetwork(clock: Clock, initial: Partial<Faults>): FaultyNetwork {
	let faults: Faults = { loss: 0, double: 0, reorder: 0, delayMs: [0, 0], ...initial };
	const counts: Carried = { delivered: 0, lost: 0, doubled: 0, reordered: 0, parted: 0 };
	/** Partitioned pairs of nodes, and nodes that are cut off from all others. */
	const parted = new Set<string>();
	/** When the last packet of a pair arrives, so that the next one does not overtake it. */
	const lastAt = new Map<string, number>();

	const pairOf = (one: string, other: string) => [one, other].toSorted().join(' ');
	const isParted = (from: string, to: string): boolean =>
		from !== to && [from, to, pairOf(from, to)].some((name) => parted.has(name));
	const happens = (share: number): boolean => share > 0 && clock.random() < share;

	const send = (from: string, to: string, arrive: () => void): void => {
		const [min, max] = faults.delayMs;
		const lane = `${from} ${to}`;
		const now = clock.monotonic();
		let at = now + min + (max > min ? clock.random() * (max - min) : 0);
		if (happens(faults.reorder)) counts.reordered += 1;
		else {
			at = Math.max(at, lastAt.get(lane) ?? 0);
			lastAt.set(lane, at);
		}
		if (at > now) clock.after(at - now, arrive);
		else setImmediate(arrive);
	};

	return {
		disturb: (changes) => void (faults = { ...faults, ...changes }),
		part: (node, other) => void parted.add(other === undefined ? node : pairOf(node, other)),
		heal: () => parted.clear(),
		counts: () => ({ ...counts }),
		carry(from, to, arrive) {
			const arriveNow = () => {
				// A packet that is on its way when a partition begins does not arrive, either.
				if (isParted(from, to)) counts.parted += 1;
				else if (arrive()) counts.delivered += 1;
				else counts.lost += 1;
			};
			if (isParted(from, to)) counts.parted += 1;
			else if (happens(faults.loss)) counts.lost += 1;
			else {
				send(from, to, arriveNow);
				if (!happens(faults.double)) return;
				counts.doubled += 1;
				send(from, to, arriveNow);
			}
		},
	};
}
