/**
 * `reeve broker` runs only the embedded broker, for development and for small fleets.
 *
 * @module
 */
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { startBroker, type RunningBroker } from '../../mqtt/embedded-broker.ts';
import { defineCommand } from '../arguments/command.ts';
import { parentGone, parentOption } from '../fleet/parent-watch.ts';
import type { Screen } from '../output/render.ts';

const usual = '127.0.0.1:1883';

/** Runs a broker until it is interrupted. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--listen <host:port>', help: `Where to listen (${usual}, or a free port)` },
		parentOption,
	],
	examples: ['reeve broker', 'reeve broker --listen 0.0.0.0:1883'],
	async run({ options }, { screen, interrupts }) {
		const { listen } = options;
		const broker =
			typeof listen === 'string' ? await startBroker(listen) : await startAnywhere(screen);
		screen.out(`broker  ready  ${broker.address}\n`);
		await Promise.race([interrupts.first, parentGone(options['stopWithParent'] === true)]);
		await broker.stop();
		return exitCodes.ok;
	},
});

/**
 * Listens on the usual port, or on a free one if that is taken: no particular port was asked for.
 */
async function startAnywhere(screen: Screen): Promise<RunningBroker> {
	try {
		return await startBroker(usual);
	} catch (thrown) {
		if (!(thrown instanceof ReeveError) || thrown.code !== 'address_in_use') throw thrown;
		screen.out(`${usual} is taken by another program; a free port is used instead\n`);
		return startBroker('127.0.0.1:0');
	}
}
