/**
 * `reeve install` prints files for the programs around a node. The operator puts them in place;
 * nothing is written.
 *
 * @module
 */
import { resolve } from 'node:path';
import { readConfig } from '../../../runtime/config/config-file.ts';
import { checkName } from '../../../runtime/message/topics.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { mosquittoAcl } from '../templates/mosquitto-acl.ts';
import { defineCommand } from '../arguments/command.ts';
import { configPlaces } from '../arguments/config-options.ts';
import { systemdUnit } from '../templates/systemd-unit.ts';

/** Prints a unit for systemd, or the permissions of a broker. */
export default defineCommand({
	arguments: [
		{ name: '<what>', help: 'For which program', choices: ['systemd', 'broker-acl'] },
		{ name: '[program]', help: 'For broker-acl: which broker', choices: ['mosquitto'] },
	],
	options: [
		{ flags: '--print', help: 'Print it; required, since nothing else is supported' },
		{
			flags: '--confined',
			help: 'For systemd: let the node and its commands do only what a node itself needs',
		},
		{ flags: '--nodes <names>', help: 'For broker-acl: the nodes, separated by commas' },
		{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
	],
	examples: [
		'reeve install systemd --print --configFolder /etc/reeve > reeve.service',
		'reeve install systemd --print --confined > reeve.service',
		'reeve install broker-acl mosquitto --print --nodes ship1,ship2 > acl',
	],
	async run(input, tools) {
		await Promise.resolve();
		const { words, options } = input;
		const places = configPlaces(input, tools);
		const { config } = readConfig(places);
		if (options['print'] !== true) {
			throw new ReeveError(
				'bad_usage',
				`install ${words.join(' ')}: add --print, and put the output in place yourself`,
			);
		}
		if (words[0] === 'systemd') {
			const { stopTimeout } = config;
			const configFolder = resolve(places.folder);
			const isConfined = options['confined'] === true;
			const unit = { command: tools.host.self, configFolder, stopTimeout, isConfined };
			tools.screen.out(systemdUnit(unit));
			return exitCodes.ok;
		}
		const nodes = namesIn(options['nodes']).map((name) => checkName('node', name));
		if (words[1] === undefined || nodes.length === 0) {
			throw new ReeveError('bad_usage', 'install broker-acl mosquitto --print --nodes NAME,NAME');
		}
		const { topicPrefix: prefix, centralNodeName: central } = config;
		tools.screen.out(mosquittoAcl({ prefix, central, nodes }));
		return exitCodes.ok;
	},
});

function namesIn(text: string | boolean | undefined): readonly string[] {
	return typeof text === 'string' ? text.split(',').filter((name) => name !== '') : [];
}
