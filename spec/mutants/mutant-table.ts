/**
 * The table of planted mistakes, by area. A further one is a row in the file of its area.
 *
 * @module
 */
import { access } from './access.ts';
import { delivery } from './delivery.ts';
import { effects } from './effects.ts';
import { elsewhere } from './elsewhere.ts';
import { identity } from './identity.ts';
import { journal } from './journal.ts';
import type { Mutant } from './mutant.ts';
import { supervision } from './supervision.ts';

/** All planted mistakes. */
export const mutants: readonly Mutant[] = [
	...journal,
	...delivery,
	...identity,
	...access,
	...supervision,
	...effects,
	...elsewhere,
];
