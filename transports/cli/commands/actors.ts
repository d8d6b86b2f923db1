/**
 * `reeve actors`: what is done to declared actors and their files by hand.
 *
 * @module
 */
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { check, reload, unpark } from '../client/actor-actions.ts';
import { defineCommand } from '../arguments/command.ts';
import { socketOptions } from '../client/socket-path.ts';

const actions = { unpark, reload, check };

/** Takes parked instances into use again, reloads definitions, and checks their files. */
export default defineCommand({
	arguments: [
		{ name: '<what>', help: 'What to do', choices: Object.keys(actions) },
		{ name: '[names...]', help: 'unpark: NAME, or NAME/KEY; check: files, or a folder' },
	],
	options: [
		{
			flags: '--fresh',
			help: 'unpark: give its state up: it begins anew, and then takes its mail',
		},
		{ flags: '--dry-run', help: 'reload: change nothing, and tell what would be' },
		{ flags: '--force', help: 'reload: also what would park instances' },
		{ flags: '--json', help: 'One JSON object in a line' },
		...socketOptions,
	],
	examples: [
		'reeve actors check actors/thermostat.yaml',
		'reeve actors reload --dry-run',
		'reeve actors unpark watchdog/nginx --fresh',
	],
	async run(input, tools) {
		const [what = ''] = input.words;
		const action = Object.entries(actions).find(([name]) => name === what)?.[1];
		if (!action) throw new ReeveError('bad_usage', what);
		return action(input, tools);
	},
});
