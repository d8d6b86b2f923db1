/**
 * What a soak weighs, and what it tolerates.
 *
 * @module
 */
import type { Tolerance } from './soak-verdict.ts';

/** What is weighed of each node, in this order. */
export const weighed = [
	'heap',
	'outside the heap',
	'memory of its own',
	'resident memory',
	'journal',
	'record',
	'other files',
	'file handles',
	'active resources',
	'timers',
	'children',
	'open messages',
] as const;

/**
 * What is tolerated of each figure, over the whole time that is measured. The heap is weighed after
 * garbage collection; at the rate of this load the least of it is about 20 bytes for each message
 * that is sent in ten minutes. `memory of its own` belongs to no file: it is resident without the
 * pages of the journal and of the program.
 */
export const tolerated: Readonly<
	Record<(typeof weighed)[number], Tolerance & { readonly unit: string }>
> = {
	heap: { unit: 'MB', share: 0.03, least: 1 },
	'outside the heap': { unit: 'MB', share: 0.1, least: 1 },
	'memory of its own': { unit: 'MB', share: 0.08, least: 8 },
	'resident memory': { unit: 'MB', share: 0.08, least: 10 },
	journal: { unit: 'MB', share: 0.05, least: 0.5 },
	record: { unit: 'MB', share: 0.1, least: 0.13 },
	'other files': { unit: 'MB', share: 0.05, least: 0.1 },
	'file handles': { unit: '', share: 0, least: 4 },
	'active resources': { unit: '', share: 0, least: 4 },
	timers: { unit: '', share: 0.1, least: 10 },
	children: { unit: '', share: 0.05, least: 5 },
	'open messages': { unit: '', share: 0, least: 50 },
};
