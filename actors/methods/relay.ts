/**
 * The method that sends a message on.
 *
 * @module
 */
import { z } from 'zod';
import { isName } from '../../runtime/message/topics.ts';
import { defineMethod } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { isErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import type { Output } from '../../runtime/message/reply.ts';

const yearSeconds = 31_536_000;

/**
 * Sends a message on to another node and returns how that ended, for nodes that reach one another
 * only through a third. `methodArgs` are the node, the method, and the arguments of that; `data`
 * goes with it.
 *
 * The relaying node owes the outcome like any sender. It sends the message once, however often it
 * dies meanwhile. Without a `methodTimeout` it waits for a minute. The output is cut to what the
 * ledger keeps.
 */
export default defineMethod({
	name: 'REQRelay',
	aliases: ['relay'],
	summary: 'Send a message on to another node, and return its outcome',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	durable: true,
	replies: true,
	timeoutOf: () => 60,
	args: z
		.array(z.string())
		.min(2, 'methodArgs must be a node, a method, and its arguments')
		.refine(
			([node = '', method = '']) => isName(node) && isName(method),
			'not the name of a node or method',
		),
	sendsOn([toNode, method, ...methodArgs]) {
		return toNode === undefined || method === undefined
			? undefined
			: { toNode, method, methodArgs };
	},
	example: { methodArgs: ['central', 'REQPing'] },
	async run(message, context) {
		const [toNode = '', method = '', ...methodArgs] = message.methodArgs;
		const { data, key } = message;
		const { result, output, isCut } = await context.ask({
			id: 'relayed',
			toNode,
			method,
			methodArgs,
			ttl: Math.max(1, Math.min(2_592_000, Math.ceil(context.timeoutMs / 1000))),
			// It should end before the run here that waits for it.
			methodTimeout: Math.max(1, Math.min(yearSeconds, Math.floor(context.timeoutMs / 1000) - 2)),
			note: `relayed for ${message.fromNode}`,
			...(data === undefined ? {} : { data }),
			...(key === undefined ? {} : { key }),
		});
		return outputOf(result, { output, isCut, toNode });
	},
});

function outputOf(
	{ outcome, code = '', detail = '', exitCode, stderr }: Message['result'] & object,
	{ output, isCut, toNode }: { output: string; isCut: boolean; toNode: string },
): Output {
	const more = { ...(exitCode === undefined ? {} : { exitCode }), ...(stderr ? { stderr } : {}) };
	if (outcome === 'done' && !isCut) return { data: output, ...more };
	if (isCut) return { data: output, ...more, code: 'output_too_large', detail: `from ${toNode}` };
	const text = `${toNode}: ${[outcome, detail].filter(Boolean).join(', ')}`;
	if (code === 'command_failed' || code === 'timed_out' || code === 'output_too_large') {
		return { data: output, ...more, code, detail: text };
	}
	throw new ReeveError(isErrorCode(code) ? code : 'internal', text);
}
