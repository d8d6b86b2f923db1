/**
 * Mistakes planted in delivery: outbox, lanes, inbox, acknowledgements.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const outbox = 'runtime/delivery/outbox.ts';
const outboxSpec = 'spec/runtime/delivery/outbox.test.ts';

/** Planted mistakes in delivery. */
export const delivery: readonly Mutant[] = [
	{
		id: 'renew-spares-the-last-message',
		file: outbox,
		from: 'lane.repeatUpTo = lane.next - 1;',
		to: 'lane.repeatUpTo = lane.next - 2;',
		specs: [outboxSpec],
	},
	{
		id: 'rebinding-forgets-what-was-sent',
		file: outbox,
		from: 'lane.formerUpTo = Math.max(lane.formerUpTo, sentUpTo);',
		to: 'lane.formerUpTo = 0;',
		specs: [outboxSpec],
	},
	{
		id: 'window-holds-one-row-too-many',
		file: outbox,
		from: 'lane.rows.length < config.windowMessagesMax && seq',
		to: 'lane.rows.length <= config.windowMessagesMax && seq',
		specs: [outboxSpec],
	},
	{
		id: 'resolve-leaves-the-last-row-on-disk',
		file: outbox,
		from: 'for (let seq = from; seq <= upTo; seq += 1)',
		to: 'for (let seq = from; seq < upTo; seq += 1)',
		specs: [outboxSpec],
	},
	{
		id: 'fill-reads-what-is-not-flushed',
		file: outbox,
		from: 'const to = Math.min(lane.flushed + 1, from + capacity);',
		to: 'const to = from + capacity;',
		specs: [outboxSpec],
	},
];
