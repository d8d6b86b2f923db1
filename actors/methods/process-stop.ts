/**
 * The method that stops a process.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { processKind, stopProcess } from '../io/process-lines.ts';

/**
 * Stops a process. `methodArgs`, as in steward: the method, the receiving node (`local` is this
 * one), `subscriber` or `publisher`, and optionally its number in the list: then it is stopped only
 * if it still has that number.
 *
 * Its messages are kept and wait until it is started again, also over a restart of the node. The
 * processes that are needed to start others, or to answer this message, are refused.
 */
export default defineMethod({
	name: 'REQOpProcessStop',
	aliases: ['process-stop'],
	summary: 'Stop a process of the node; its messages wait',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	timeoutOf: () => 30,
	args: z
		.array(z.string().min(1))
		.min(3, 'methodArgs must be: method, node, subscriber or publisher; and maybe an id')
		.max(4, 'methodArgs are: method, node, subscriber or publisher, id'),
	example: { methodArgs: ['REQPong', 'local', 'subscriber'] },
	async run(message, context) {
		const [method = '', node = '', kind = '', id] = message.methodArgs;
		const name = { kind: processKind(kind), method, node, id };
		return { data: await stopProcess(name, message, context) };
	},
});
