/**
 * The method that takes operations.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod, type MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { processKind, processList, startProcess, stopProcess } from '../io/process-lines.ts';

const text = z.string().min(1);
const start = z.object({ method: text, allowedNodes: z.array(z.string()).optional() });
const stop = z.object({
	method: text,
	receivingNode: text.default('local'),
	kind: text.default('subscriber'),
	id: z.union([z.string(), z.int().transform(String)]).optional(),
});

/**
 * Does what `operation` says: `ps` lists the processes of the node, `startProc` starts one and
 * `stopProc` stops one, as REQOpProcessList, REQOpProcessStart and REQOpProcessStop do. On a
 * command line, `methodArgs` may say the same: the operation, then the arguments of that method.
 *
 * As in steward, `allowedNodes` has no effect; access rules say who may call a method.
 */
export default defineMethod({
	name: 'REQOpCommand',
	aliases: ['operate'],
	summary: 'List, start or stop processes, by the field operation',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	timeoutOf: () => 30,
	args: z.array(z.string()).max(5, 'methodArgs are an operation and its arguments'),
	example: { operation: { opCmd: 'ps' } },
	async run(message, context) {
		const { opCmd, opArg } = operationOf(message);
		return { data: await operate(opCmd, opArg, { message, context }) };
	},
});

async function operate(
	opCmd: string,
	opArg: unknown,
	{ message, context }: { message: Message; context: MethodContext },
): Promise<string> {
	if (opCmd === 'ps') return processList(context);
	if (opCmd === 'startProc') {
		const { method, allowedNodes } = checked(start, opArg);
		const process = { kind: 'subscriber', method, node: 'local' } as const;
		const said = await startProcess(process, context);
		return allowedNodes ? `${said}allowedNodes has no effect; see the access rules\n` : said;
	}
	if (opCmd === 'stopProc') {
		const { method, receivingNode: node, kind, id } = checked(stop, opArg);
		return stopProcess({ kind: processKind(kind), method, node, id }, message, context);
	}
	throw new ReeveError('bad_arguments', `${opCmd}: the operations are ps, startProc and stopProc`);
}

function operationOf({ operation, methodArgs }: Message): {
	readonly opCmd: string;
	readonly opArg: unknown;
} {
	if (operation) return { opCmd: operation.opCmd, opArg: operation.opArg ?? {} };
	const [opCmd, method, receivingNode, kind, id] = methodArgs;
	if (opCmd !== undefined) return { opCmd, opArg: { method, receivingNode, kind, id } };
	throw new ReeveError('bad_arguments', 'operation is missing, such as {"opCmd": "ps"}');
}

function checked<Output>(schema: z.ZodType<Output>, value: unknown): Output {
	const parsed = schema.safeParse(value);
	if (parsed.success) return parsed.data;
	const wrong = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
	throw new ReeveError('bad_arguments', `opArg: ${wrong.join('; ')}`);
}
