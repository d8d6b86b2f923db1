/**
 * The method that runs a command.
 *
 * @module
 */
import { defineMethod, type MethodContext } from '../../runtime/method/method.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import { argvOf, commandArgs, environmentOf } from '../io/command-message.ts';
import { runCommand, type CommandEnd } from '../io/command.ts';
import { contentOf, textOf } from '../io/text-content.ts';
import type { Output } from '../../runtime/message/reply.ts';

/**
 * Runs `methodArgs` as a command, without a shell unless one is named, and returns what it printed.
 *
 * The command finds the message's `data` in the variables STEWARD_DATA and REEVE_DATA. An argument
 * may name it as `{{STEWARD_DATA}}`, which becomes `$STEWARD_DATA`, so that a shell puts it in:
 * data never becomes part of a program by mere text replacement.
 *
 * A command that ends with an error has failed, but its output is returned all the same. One that
 * is too slow is killed with all that it started; its output up to then is kept. Whether it may run
 * again after a crash is for the sender to say; unless told so, it does not.
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
		const { clock, signal, outputBytesMax } = context;
		const env = environmentOf(message, context);
		const argv = argvOf(message);
		const end = await runCommand({ argv, env, signal, clock, outputBytesMax });
		return outputOf(end, context);
	},
});

function outputOf(end: CommandEnd, { signal, timeoutMs, outputBytesMax }: MethodContext): Output {
	const { exitCode, cut } = end;
	const data = contentOf(end.stdout, cut !== undefined);
	const stderr = textOf(end.stderr);
	// What was cut off before it said anything has no output; who ended without a word has: none.
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
