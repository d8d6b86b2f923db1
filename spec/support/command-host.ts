/**
 * A program that runs a command as a node would, and waits for its end: to be killed in the middle.
 * Arguments: the store, the message, and a script for bash.
 *
 * @module
 */
import process from 'node:process';
import { runCommand } from '../../actors/io/command.ts';
import { orphanMark } from '../../actors/io/orphan-commands.ts';
import { realClock } from '../../runtime/platform/clock.ts';

const [storeId = '', message = '', script = ''] = process.argv.slice(2);
await runCommand({
	argv: ['bash', '-c', script],
	env: orphanMark(storeId, message),
	signal: new AbortController().signal,
	clock: realClock,
	outputBytesMax: 1000,
});
