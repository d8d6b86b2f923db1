/**
 * `reeve actors`: what is done to instances of declared actors by hand.
 *
 * @module
 */
import type { UnparkedRow } from '../../../runtime/actor-rows.ts';
import { exitCodes } from '../../../runtime/errors.ts';
import { instanceNamed } from '../actor-text.ts';
import { allRows, createClient } from '../client.ts';
import { defineCommand } from '../command.ts';
import { socketOptions, socketPath } from '../socket-path.ts';

/** Takes a parked instance into use again; a signal and a report to central tell of it. */
export default defineCommand({
	arguments: [
		{ name: '<what>', help: 'What to do', choices: ['unpark'] },
		{ name: '<instance>', help: 'NAME, or NAME/KEY' },
	],
	options: [
		{ flags: '--fresh', help: 'Give its state up: it begins anew, and then takes its mail' },
		{ flags: '--json', help: 'One JSON object in a line' },
		...socketOptions,
	],
	examples: ['reeve actors unpark watchdog/nginx', 'reeve actors unpark watchdog/nginx --fresh'],
	async run({ words, options }, tools) {
		const { actor, key } = instanceNamed(words[1]);
		const client = createClient(socketPath({ options }, tools));
		const question = { reeve: 'unpark', actor, key, fresh: options['fresh'] === true } as const;
		for (const row of await allRows(client.ask<UnparkedRow>(question))) {
			const text = `${actor}/${key}  unparked (${row.mode}), ${row.waiting} waited\n`;
			tools.screen.out(options['json'] === true ? `${JSON.stringify(row)}\n` : text);
		}
		return exitCodes.ok;
	},
});
