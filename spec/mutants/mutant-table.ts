/**
 * The table of planted mistakes, by area. A further one is a row in the file of its area.
 *
 * @module
 */
import { access } from './access.ts';
import { delivery } from './delivery.ts';
import { journal } from './journal.ts';
import type { Mutant } from './mutant.ts';

/** All planted mistakes. */
export const mutants: readonly Mutant[] = [...journal, ...delivery, ...access];
