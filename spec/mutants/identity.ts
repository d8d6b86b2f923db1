/**
 * Mistakes planted in identity: names, claims, presence, frames and acknowledgements.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const claim = 'runtime/network/name-claim.ts';
const claimSpec = 'spec/runtime/network/name-claim.test.ts';

/** Planted mistakes in identity. */
export const identity: readonly Mutant[] = [
	{
		id: 'of-two-starts-the-earlier-gets-the-name',
		file: claim,
		from: 'return other.epoch > own.epoch;',
		to: 'return other.epoch < own.epoch;',
		specs: [claimSpec],
	},
];
