/**
 * The option `-w`: makes the text again every second, and draws it if it has changed.
 *
 * @module
 */
import { pause } from '../../../runtime/platform/clock.ts';
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { resultsTaken } from '../output/render.ts';
import type { CommandTools, OptionDefinition } from './command.ts';

/** The option. */
export const watchOption: OptionDefinition = {
	flags: '-w, --watch',
	help: 'Draw it again whenever it changes, until Ctrl-C',
};

const pauseMs = 1000;

/** Draws the text until it is interrupted, which is the normal end of watching. */
export async function repeat(
	text: () => Promise<string>,
	{ screen, clock, interrupts }: Pick<CommandTools, 'screen' | 'clock' | 'interrupts'>,
): Promise<number> {
	const signal = AbortSignal.any([interrupts.signal, screen.closed]);
	let last: string | undefined;
	while (!signal.aborted) {
		const current = await text();
		if (current !== last) screen.redraw(current);
		last = current;
		await resultsTaken(screen, signal);
		await pause(clock, pauseMs, signal);
	}
	return exitCodes.ok;
}
