/**
 * `reeve actors` operates declared actors and their definition files.
 *
 * @module
 */
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { check, reload, unpark } from '../client/actor-actions.ts';
import { defineCommand } from '../arguments/command.ts';
import { socketOptions } from '../client/socket-path.ts';

const actions = { unpark, reload, check };

/** Unparks instances, reloads definitions, and checks their files. */
export default defineCommand({
	arguments: [
		{ name: '<what>', help: 'What to do', choices: Object.keys(actions) },
		{ name: '[names...]', help: 'unpark: NAME, or NAME/KEY; check: files, or a folder' },
	],
	options: [
		{
			flags: '--fresh',
			help: 'unpark: discard its state, so that it begins anew with its waiting mail',
		},
		{ flags: '--dry-run', help: 'reload: change nothing, and show what would change' },
		{ flags: '--force', help: 'reload: also put definitions in force that park instances' },
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
