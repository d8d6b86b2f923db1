/**
 * The method that starts a process.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { processKind, startProcess } from '../io/process-lines.ts';

/**
 * Starts the subscriber of the method that `methodArgs` names: one that was stopped, or one that
 * the node's configuration leaves out. One that runs already is left alone. To start a stopped
 * publisher, the node and `publisher` follow.
 */
export default defineMethod({
	name: 'REQOpProcessStart',
	aliases: ['process-start'],
	summary: 'Start a process of the node',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z
		.array(z.string().min(1))
		.min(1, 'methodArgs must name a method')
		.max(3, 'methodArgs are: method, node, subscriber or publisher'),
	example: { methodArgs: ['REQPing'] },
	async run({ methodArgs }, context) {
		const [method = '', node = 'local', kind = 'subscriber'] = methodArgs;
		return { data: await startProcess({ kind: processKind(kind), method, node }, context) };
	},
});
