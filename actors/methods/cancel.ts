/**
 * The method that takes messages back.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';

/**
 * Takes back messages that its own sender has sent here before, on behalf of the same: one that
 * waits is settled as cancelled, and the run of one that runs is cancelled. Each message's own
 * outcome says how it ended; the output only counts them.
 */
export default defineMethod({
	name: 'REQCancel',
	aliases: ['cancel'],
	summary: 'Take back messages of the same sender that wait or run here',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	freesSpace: true,
	args: z.array(z.string()).min(1, 'methodArgs must name the ids of messages'),
	example: { methodArgs: ['01KA0000000000000000000000'] },
	async run({ methodArgs, fromNode: from, askedBy }, { received }) {
		let count = 0;
		for (const id of methodArgs) if (await received?.cancel(id, { from, askedBy })) count += 1;
		return { data: `${count} of ${methodArgs.length}\n` };
	},
});
