/**
 * `reeve broker` runs only the embedded broker, for development and for small fleets.
 *
 * @module
 */
import { passwordFileOf, readConfig } from '../../../runtime/config/config-file.ts';
import { readOrMakeSecret } from '../../../runtime/config/made-secret.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { ownBrokerLogin, usualUser } from '../../mqtt/broker-login.ts';
import { startBroker, type BrokerRules, type RunningBroker } from '../../mqtt/embedded-broker.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { configPlaces } from '../arguments/config-options.ts';
import { parentGone, parentOption } from '../fleet/parent-watch.ts';
import type { Screen } from '../output/render.ts';

const usual = '127.0.0.1:1883';

/** Runs a broker until it is interrupted. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--listen <host:port>', help: `Where to listen (${usual}, or a free port)` },
		{
			flags: '--password-file, --passwordFile <file>',
			help: 'A file with the password that clients give; made if it is not there',
		},
		{
			flags: '--without-login, --withoutLogin',
			help: 'Want none: then each user and program of this machine may use it',
		},
		{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
		parentOption,
	],
	examples: ['reeve broker', 'reeve broker --listen 0.0.0.0:1883 --passwordFile ./password'],
	async run(input, tools) {
		const { screen, interrupts } = tools;
		const { listen, stopWithParent } = input.options;
		const { rules, file } = rulesOf(input, tools);
		const broker =
			typeof listen === 'string'
				? await startBroker(listen, rules)
				: await startAnywhere(screen, rules);
		if (rules.login && file) {
			screen.note(`clients need the user ${rules.login.username} and the password in ${file}`);
		}
		screen.out(`broker  ready  ${broker.address}\n`);
		await Promise.race([interrupts.first, parentGone(stopWithParent === true)]);
		await broker.stop();
		return exitCodes.ok;
	},
});

/** Whom the broker lets in, and where its password is if it is not in the configuration. */
function rulesOf(
	input: CommandInput,
	tools: CommandTools,
): { readonly rules: BrokerRules; readonly file?: string } {
	const { passwordFile, withoutLogin } = input.options;
	const { config: limits } = readConfig(configPlaces(input, tools));
	const { clock, screen } = tools;
	const onRefused: BrokerRules['onRefused'] = (refusal) => screen.note(refusalText(refusal));
	const around = { limits, clock, onRefused };
	if (withoutLogin === true) return { rules: around };
	if (typeof passwordFile === 'string') {
		const login = { username: usualUser, password: readOrMakeSecret(passwordFile) };
		return { rules: { ...around, login }, file: passwordFile };
	}
	const { brokerPassword, brokerPasswordFile } = limits;
	const isMade = brokerPassword === '' && brokerPasswordFile === '';
	const file = isMade ? passwordFileOf(limits) : brokerPasswordFile;
	return { rules: { ...around, login: ownBrokerLogin(limits) }, file };
}

type Refusal = Parameters<NonNullable<BrokerRules['onRefused']>>[0];

function refusalText({ user, action, topic, count }: Refusal): string {
	switch (action) {
		case 'queue':
			return `dropped: too much waits for ${user}, ${topic} (${count})`;
		case 'packet':
			return `ended: ${user} sends too large a packet, ${topic} (${count})`;
		case 'read':
			return `ended: too much waits for ${user}, which took ${topic} (${count})`;
		default:
			return `refused: ${user} may not ${action} ${topic} (${count})`;
	}
}

/**
 * Listens on the usual port, or on a free one if that is taken: no particular port was asked for.
 */
async function startAnywhere(screen: Screen, rules: BrokerRules): Promise<RunningBroker> {
	try {
		return await startBroker(usual, rules);
	} catch (thrown) {
		if (!(thrown instanceof ReeveError) || thrown.code !== 'address_in_use') throw thrown;
		screen.out(`${usual} is taken by another program; a free port is used instead\n`);
		return startBroker('127.0.0.1:0', rules);
	}
}
