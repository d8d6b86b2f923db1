/**
 * Makes a failing input smaller: parts of its bytes are left out as long as it still fails.
 *
 * @module
 */
import { realClock } from '../../runtime/platform/clock.ts';
import type { Input } from './way.ts';

/** How often it is tried, and how long. */
const trialsMax = 150;
const msMax = 30_000;

/** The smallest input found for which `fails` holds. */
export async function smallest(
	input: Input,
	fails: (input: Input) => Promise<boolean>,
): Promise<Input> {
	const end = realClock.monotonic() + msMax;
	let trials = 0;
	let best = input;
	let size = Math.ceil(best.bytes.length / 2);
	while (size >= 1) {
		let isSmaller = false;
		for (let at = 0; at < best.bytes.length;) {
			if (trials >= trialsMax || realClock.monotonic() > end) return best;
			trials += 1;
			const { bytes } = best;
			const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
			const candidate = { ...best, bytes: rest };
			if (await fails(candidate)) [best, isSmaller] = [candidate, true];
			else at += size;
		}
		if (!isSmaller || size > best.bytes.length) size = Math.floor(size / 2);
	}
	return best;
}
