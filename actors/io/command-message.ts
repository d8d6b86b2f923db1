/**
 * The command that a message asks for: its arguments, its environment variables, and its run.
 *
 * @module
 */
import { z } from 'zod';
import type { MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { textOf } from './text-content.ts';
import { runCommand, type Command, type CommandEnd } from './command.ts';
import { killOrphans, orphanMark } from './orphan-commands.ts';

/** The arguments of the methods that run commands. */
export const commandArgs = z
	.array(z.string())
	.min(1, 'methodArgs must name a command, such as ["bash", "-c", "uptime"]')
	.refine(([file]) => file !== '', 'the command is empty');

/**
 * Runs the command of a message; see {@link runCommand}. If it is killed, so are the processes that
 * it had started and that have left its group, as daemons do. They are found by the mark of the
 * message in their environment: on Linux, those of this user that have not taken it out. Node.js
 * cannot make itself the parent of all its descendants; where systemd runs the node, what escapes
 * is in the control group of its unit, and ends with the unit.
 *
 * @throws ReeveError as `runCommand`
 */
export async function runMessageCommand(
	message: Message,
	context: MethodContext,
	onOutput?: Command['onOutput'],
): Promise<CommandEnd> {
	const { clock, signal, outputBytesMax, storeId } = context;
	const limits = { signal, clock, outputBytesMax, ...(onOutput ? { onOutput } : {}) };
	const env = environmentOf(message, context);
	const end = await runCommand({ argv: argvOf(message), env, ...limits });
	if (end.cut) await killOrphans({ storeId, messages: new Set([message.id]) }, clock);
	return end;
}

/** The command's arguments; steward's placeholder becomes the variable of the same name. */
function argvOf({ methodArgs }: Message): readonly string[] {
	return methodArgs.map((argument) =>
		argument.replaceAll(/\{\{(STEWARD_DATA|REEVE_DATA)\}\}/g, '$$$1'),
	);
}

/** The variables that the command gets in addition to the environment of this node. */
function environmentOf(
	{ id, data }: Message,
	{ node, storeId }: Pick<MethodContext, 'node' | 'storeId'>,
): Readonly<Record<string, string | undefined>> {
	const text = typeof data === 'object' ? textOf(data) : data;
	// Without data both are removed: this node may itself have been started by such a command.
	const variables = { STEWARD_DATA: text, REEVE_DATA: text };
	return { ...orphanMark(storeId, id), REEVE_NODE: node, ...variables };
}
