/**
 * Runs command lines in a process of its own, one after the other, each as the program does: they
 * come as messages, and the exit code goes back. What has no end is interrupted after a while.
 *
 * @module
 */
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Host } from '../../transports/cli/arguments/program-host.ts';
import { runProgram } from '../../transports/cli/program.ts';

/** A command line, and after how long it is interrupted, as by Ctrl-C, twice. */
interface Order {
	readonly words: readonly string[];
	readonly interruptMs: number;
}

const refuse = (): Promise<never> =>
	Promise.reject(new ReeveError('bad_config', 'there are no nodes here'));
const host: Host = {
	startNode: refuse,
	methods: () => Promise.resolve([]),
	replay: refuse,
	checkDefinitions: refuse,
	definitionSchema: () => Promise.resolve({}),
	fork: refuse,
	self: ['true'],
};

process.on('message', ({ words, interruptMs }: Order) => {
	const timer = realClock.after(interruptMs, () => {
		for (let left = 2; left > 0; left -= 1) process.emit('SIGINT');
	});
	void runProgram(words, host).then((exitCode) => {
		timer.cancel();
		process.send?.({ exitCode });
	});
});
process.send?.({ isReady: true });
