/**
 * The command that a message asks for: its arguments and its environment variables.
 *
 * @module
 */
import { z } from 'zod';
import type { MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { textOf } from './text-content.ts';
import { orphanMark } from './orphan-commands.ts';

/** The arguments of the methods that run commands. */
export const commandArgs = z
	.array(z.string())
	.min(1, 'methodArgs must name a command, such as ["bash", "-c", "uptime"]')
	.refine(([file]) => file !== '', 'the command is empty');

/** The command's arguments; steward's placeholder becomes the variable of the same name. */
export function argvOf({ methodArgs }: Message): readonly string[] {
	return methodArgs.map((argument) =>
		argument.replaceAll(/\{\{(STEWARD_DATA|REEVE_DATA)\}\}/g, '$$$1'),
	);
}

/** The variables that the command gets in addition to the environment of this node. */
export function environmentOf(
	{ id, data }: Message,
	{ node, storeId }: Pick<MethodContext, 'node' | 'storeId'>,
): Readonly<Record<string, string | undefined>> {
	const text = typeof data === 'object' ? textOf(data) : data;
	// Without data both are removed: this node may itself have been started by such a command.
	const variables = { STEWARD_DATA: text, REEVE_DATA: text };
	return { ...orphanMark(storeId, id), REEVE_NODE: node, ...variables };
}
