/**
 * `reeve dev` runs a whole fleet in one terminal, for development. A member that is killed is not
 * started again by itself, so that the others can be observed meanwhile.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { configKeys } from '../../../runtime/config/config-file.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { version } from '../../../runtime/platform/version.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { configOption } from '../arguments/config-options.ts';
import { usualUser } from '../../mqtt/broker-login.ts';
import { askFleet, openControl } from '../fleet/dev-control.ts';
import { startFleet, type Fleet } from '../fleet/local-fleet.ts';
import type { Member } from '../fleet/fleet-member.ts';
import { shade, type Screen } from '../output/render.ts';
import { devFolder } from '../client/socket-path.ts';

const shipsMax = 50;

/** The keys that the fleet sets itself for each node. */
const ownKeys = new Set<string>([
	'nodeName',
	'centralNodeName',
	'brokerAddress',
	'brokerListen',
	'brokerUser',
	'brokerPassword',
	'brokerPasswordFile',
	'socketFolder',
	'databaseFolder',
	'subscribersDataFolder',
]);
const nodeKeys = configKeys.filter((key) => !ownKeys.has(key));
/** The help shows only the folders of the user's own work; `reeve run --help` shows all keys. */
const shownKeys: readonly string[] = ['definitionsFolder', 'methodsFolder'];
const nodeOptions = nodeKeys.map((key) => {
	const option = configOption(key);
	return shownKeys.includes(key) ? option : { ...option, hidden: true as const };
});

/** Starts a fleet, or starts and stops members of the one that runs. */
export default defineCommand({
	arguments: [
		{
			name: '[action]',
			help: 'What to do with a member of the running fleet',
			choices: ['start', 'stop'],
		},
		{ name: '[member]', help: 'Which one: central, ship1, ..., broker' },
	],
	options: [
		{ flags: '--ships <number>', help: 'How many ships (2)' },
		{ flags: '--folder <folder>', help: `Where all its files are (${devFolder})` },
		...nodeOptions,
	],
	examples: [
		'reeve dev',
		'reeve dev --ships 5',
		'reeve dev --definitionsFolder ./actors     # any setting of reeve run, for all nodes',
		'reeve dev stop ship2',
		'reeve dev start ship2',
	],
	async run(input, tools) {
		const [action, member] = input.words;
		const { folder: given } = input.options;
		const folder = typeof given === 'string' ? given : devFolder;
		if (action === undefined) return fleetHere(folder, input, tools);
		if (member === undefined) throw new ReeveError('bad_usage', `dev ${action}: say which member`);
		const verb = action === 'start' ? 'start' : 'stop';
		tools.screen.out(await askFleet(folder, { action: verb, member }));
		return exitCodes.ok;
	},
});

async function fleetHere(
	folder: string,
	input: CommandInput,
	tools: CommandTools,
): Promise<number> {
	const { screen, interrupts, host, environment, clock } = tools;
	const nodes = ['central', ...shipNames(input.options['ships'])];
	const shown = `./${relative('.', folder) || '.'}`;
	screen.out(`reeve ${version}   dev fleet, data in ${shown} (delete it to start again)\n`);
	const onGone = (name: string, how: string): void => {
		const again = `npx reeve dev start ${name}`;
		screen.out(`  ${name}  ${shade('bad', 'gone')} (${how})  start it again: ${again}\n`);
	};
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	let fleet: Fleet | undefined;
	const close = await openControl(folder, (request) => act(request, fleet, screen));
	try {
		const { self } = host;
		const nodeWords = nodeKeys.flatMap((key) => {
			const value = input.options[key];
			return value === undefined ? [] : [`--${key}`, String(value)];
		});
		fleet = await startFleet({ folder, nodes, nodeWords, self, environment, clock, onGone });
		const [remark] = fleet.greeting;
		if (fleet.greeting.length > 1) screen.out(`  ${remark}\n`);
		const { broker, passwordFile } = fleet;
		const login = `user ${usualUser}, password in ./${relative('.', passwordFile)}`;
		screen.out(`  Broker   ${broker}  ${login}\n  Socket   ${join(shown, 'central.sock')}\n`);
		screen.out(`  Logs     ${join(shown, '*.log')}\n`);
		const started = await Promise.all(nodes.map((node) => startOne(fleet, node)));
		for (const line of started) screen.out(`  ${line}\n`);
		screen.out(advice(nodes));
		await interrupts.first;
		screen.out('stopping\n');
		return exitCodes.ok;
	} finally {
		await close();
		await fleet?.end();
	}
}

async function startOne(fleet: Fleet | undefined, name: string): Promise<string> {
	if (!fleet) throw new ReeveError('stopping', name);
	return stateLine(await fleet.start(name));
}

/** `ship2  ready  nothing to replay`, without the broker and the socket. */
function stateLine({ greeting }: Member): string {
	return (greeting.at(-1) ?? '').replace(/ {2}broker .*$/, '');
}

async function act(
	{ action, member }: { action: 'start' | 'stop'; member: string },
	fleet: Fleet | undefined,
	screen: Screen,
): Promise<string> {
	if (!fleet) throw new ReeveError('stopping', 'the fleet');
	let text = `${member}  stopped`;
	if (action === 'start') text = await startOne(fleet, member);
	else await fleet.stop(member);
	screen.out(`  ${text}\n`);
	return text;
}

function shipNames(given: string | boolean | undefined): readonly string[] {
	const count = given === undefined ? 2 : Number(given);
	if (!Number.isInteger(count) || count < 1 || count > shipsMax) {
		throw new ReeveError(
			'bad_usage',
			`--ships ${String(given)}: not a number from 1 to ${shipsMax}`,
		);
	}
	return Array.from({ length: count }, (_, at) => `ship${at + 1}`);
}

function advice(nodes: readonly string[]): string {
	const ships = nodes.filter((node) => node !== 'central').join(',');
	const send = `npx reeve send exec --to ${ships} -- uptime`;
	return `Now, in another terminal:\n  ${send}\n  npx reeve tree\n`;
}
