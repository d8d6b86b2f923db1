/**
 * The method that runs a command whose output comes back while it runs.
 *
 * @module
 */
import { defineMethod } from '../../runtime/method/method.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import { commandArgs, runMessageCommand } from '../io/command-message.ts';
import type { CommandEnd } from '../io/command.ts';
import { createLineReplies, createLines } from '../io/line-reply.ts';
import type { Output } from '../../runtime/message/reply.ts';

/**
 * Runs `methodArgs` as a command, as REQCliCommand does, and sends each line of stdout and stderr
 * as a reply of its own, as soon as it is printed. Lines of one stream keep their order.
 *
 * It ends when the command does, with its exit code; or at its `methodTimeout`, when the command is
 * killed with all that it started, which is a normal end. If the node dies, so does the command,
 * and the sender is told; what it had printed by then has been sent.
 */
export default defineMethod({
	name: 'REQCliCommandCont',
	aliases: ['exec-stream', 'REQnCliCommandCont'],
	summary: 'Run a command; each line that it prints comes back at once',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'report',
	replies: 'interim',
	untilTimeout: true,
	args: commandArgs,
	example: { methodArgs: ['echo', 'hello'] },
	async run(message, context) {
		const { signal, limits } = context;
		const replies = createLineReplies(context);
		const lines = {
			stdout: createLines(limits.lineBytesMax),
			stderr: createLines(limits.lineBytesMax),
		};
		const end = await runMessageCommand(message, context, async (chunk, stream) => {
			for (const line of lines[stream].push(chunk)) await replies.send(line);
		});
		for (const stream of [lines.stdout, lines.stderr]) {
			const last = stream.rest();
			if (last) await replies.send(last);
		}
		await replies.drain();
		return outputOf(end, signal);
	},
});

function outputOf({ exitCode, killedBy, cut }: CommandEnd, signal: AbortSignal): Output {
	if (cut) {
		const reason = asReeveError(signal.reason, 'cancelled');
		if (reason.code === 'timed_out') return {};
		throw reason;
	}
	if (exitCode === 0) return { exitCode };
	const detail = killedBy ? `killed by ${killedBy}` : `exit code ${exitCode}`;
	return { code: 'command_failed', detail, ...(exitCode === undefined ? {} : { exitCode }) };
}
