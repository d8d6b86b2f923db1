/**
 * The method that runs a command.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod, type MethodContext, type Output } from '../../runtime/define.ts';
import type { Message } from '../../runtime/envelope.ts';
import { asReeveError } from '../../runtime/errors.ts';
import { runCommand, type CommandEnd } from '../command.ts';
import { orphanMark } from '../orphan.ts';

/**
 * Runs `methodArgs` as a command, without a shell unless one is named, and returns what it printed.
 *
 * The command finds the message's `data` in the variables STEWARD_DATA and REEVE_DATA. An argument may
 * name it as `{{STEWARD_DATA}}`, which becomes `$STEWARD_DATA`, so that a shell puts it in: data never
 * becomes part of a program by mere text replacement.
 *
 * A command that ends with an error has failed, but its output is returned all the same. One that is
 * too slow is killed with all that it started; its output up to then is kept. Whether it may run again
 * after a crash is for the sender to say; unless told so, it does not.
 */
export default defineMethod({
	name: 'REQCliCommand',
	aliases: ['exec', 'REQnCliCommand'],
	summary: 'Run a command; its output, exit code and stderr come back',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'report',
	replies: true,
	args: z
		.array(z.string())
		.min(1, 'methodArgs must name a command, such as ["bash", "-c", "uptime"]')
		.refine(([file]) => file !== '', 'the command is empty'),
	example: { methodArgs: ['echo', 'hello'] },
	async run(message, context) {
		const { clock, signal, outputBytesMax } = context;
		const env = environmentOf(message, context);
		const argv = message.methodArgs.map(withVariables);
		const end = await runCommand({ argv, env, signal, clock, outputBytesMax });
		return outputOf(end, context);
	},
});

/** Steward's placeholder as the variable of the same name. */
function withVariables(argument: string): string {
	return argument.replaceAll(/\{\{(STEWARD_DATA|REEVE_DATA)\}\}/g, '$$$1');
}

function environmentOf({ id, data }: Message, { node, storeId }: MethodContext) {
	const text = typeof data === 'object' ? textOf(data) : data;
	// Without data they must be absent: this node may itself have been started by such a command.
	const variables = { STEWARD_DATA: text, REEVE_DATA: text };
	return { ...orphanMark(storeId, id), REEVE_NODE: node, ...variables };
}

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

/** Text if it is text, else the bytes. A character that was cut in two at the end is left out. */
function contentOf(bytes: Uint8Array, isCut: boolean): string | Uint8Array {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, {
			stream: isCut,
		});
	} catch (thrown) {
		if (thrown instanceof TypeError) return bytes;
		throw thrown;
	}
}

/** Text in any case, with a replacement character for what is none. */
function textOf(bytes: Uint8Array): string {
	return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
