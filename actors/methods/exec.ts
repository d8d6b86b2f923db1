/**
 * The method that runs a command.
 *
 * @module
 */
import { defineMethod, type MethodContext } from '../../runtime/method/method.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import { commandArgs, runMessageCommand } from '../io/command-message.ts';
import type { CommandEnd } from '../io/command.ts';
import { contentOf, textOf } from '../io/text-content.ts';
import type { Output } from '../../runtime/message/reply.ts';

/**
 * Runs `methodArgs` as a command, without a shell unless one is named, and returns what it printed.
 *
 * The command finds the message's `data` in the variables STEWARD_DATA and REEVE_DATA. An argument
 * may name it as `{{STEWARD_DATA}}`, which becomes `$STEWARD_DATA`, for a shell to expand: data
 * never becomes part of a program by text replacement.
 *
 * A command that ends with an error has failed, but its output is returned all the same. One that
 * is too slow is killed with all that it started; its output up to then is kept. It runs again
 * after a crash only if its message says `onCrash: retry`.
 */
export default defineMethod({
	name: 'REQCliCommand',
	aliases: ['exec', 'REQnCliCommand'],
	summary: 'Run a command; its output, exit code and stderr come back',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'report',
	replies: true,
	args: commandArgs,
	example: { methodArgs: ['echo', 'hello'] },
	async run(message, context) {
		return outputOf(await runMessageCommand(message, context), context);
	},
});

function outputOf(end: CommandEnd, { signal, timeoutMs, outputBytesMax }: MethodContext): Output {
	const { exitCode, cut } = end;
	const data = contentOf(end.stdout, cut !== undefined);
	const stderr = textOf(end.stderr);
	// A command that was cut before it printed anything has no output; else the output is empty.
	const output = {
		...(cut && data.length === 0 ? {} : { data }),
		...(stderr === '' ? {} : { stderr }),
		...(exitCode === undefined ? {} : { exitCode }),
	};
	if (cut === 'output_too_large') {
		const detail = `more than ${outputBytesMax} bytes; the command was killed`;
		return { ...output, code: 'output_too_large', detail };
	}
	if (cut === 'aborted') {
		const reason = asReeveError(signal.reason, 'cancelled');
		if (reason.code !== 'timed_out') throw reason;
		return { ...output, code: 'timed_out', detail: `after ${timeoutMs} ms` };
	}
	if (exitCode === 0) return output;
	const how = end.killedBy ? `killed by ${end.killedBy}` : `exit code ${exitCode}`;
	return { ...output, code: 'command_failed', detail: how };
}
