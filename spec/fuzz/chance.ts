/**
 * The chance of one input: drawn from the way, the seed and the number alone, so that any input can
 * be made again without those before it.
 *
 * @module
 */
import { seededChance } from '../../runtime/platform/clock.ts';
import { fingerprint } from '../../runtime/platform/hash.ts';

/** Draws for one input. */
export interface Chance {
	/** A whole number from 0 up to, and without, `count`. */
	below(count: number): number;
	/** True with this probability. */
	happens(probability: number): boolean;
	/** One of the list, which is not empty. */
	pick<Item>(list: readonly Item[]): Item;
	bytes(count: number): Uint8Array;
}

/** The chance of the input of this number. */
export function chanceOf(way: string, seed: number, number: number): Chance {
	const draw = seededChance(fingerprint(`${way} ${seed} ${number}`));
	const below = (count: number): number => Math.floor(draw() * count);
	return {
		below,
		happens: (probability) => draw() < probability,
		pick: (list) => list[below(list.length)] as never,
		bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
	};
}

/** How often, mostly small: 1 with the probability one half, 2 with a quarter, and so on. */
export function few(chance: Chance, max: number): number {
	let count = 1;
	while (count < max && chance.happens(0.5)) count += 1;
	return count;
}
