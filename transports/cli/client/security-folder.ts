/**
 * The keys and access rules that a command works on: those of the node of this configuration, or,
 * with `--to`, those of other nodes, which get a message about the change.
 *
 * @module
 */
import { join } from 'node:path';
import {
	administratorOf,
	knownNames,
	type Authorization,
	type KnownParts,
} from '../../../runtime/security/authorization.ts';
import type { Config } from '../../../runtime/config/config.ts';
import { asReeveError } from '../../../runtime/platform/errors.ts';
import type { NodeRow } from '../../../runtime/queries/question.ts';
import {
	defaultRules,
	openAnyAccess,
	type Access,
	type KnownNames,
} from '../../../runtime/security/access-rules.ts';
import { readConfig } from '../../../runtime/config/config-file.ts';
import { openKeyring, type Keyring } from '../../../runtime/security/keyring.ts';
import { openPendingKeys, type PendingKeys } from '../../../runtime/security/pending-keys.ts';
import type { CommandInput, CommandTools, OptionDefinition } from '../arguments/command.ts';
import { configPlaces } from '../arguments/config-options.ts';
import { sendMessages } from './send-message.ts';
import { allRows, createClient } from './socket-client.ts';
import { socketOptions, socketPath } from './socket-path.ts';
import { formatOption } from '../arguments/format-option.ts';

/** The options of a command about keys or access rules. */
export const securityOptions: readonly OptionDefinition[] = [
	{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
	{
		flags: '--to <nodes>',
		help: 'Do it on these nodes; this one must be central and sign its messages',
	},
	{ flags: '--yes', help: 'Make the change, whatever it brings with it' },
	{ flags: '--timeout <seconds>', help: 'With --to: how long to watch at most' },
	formatOption,
	...socketOptions,
];

/** The keys and rules in the folder of this configuration. */
export interface SecurityFolder {
	readonly folder: string;
	readonly node: string;
	readonly keyring: Keyring;
	readonly pending: PendingKeys;
	readonly config: Config;
	readonly administrator: Authorization['administrator'];
	/**
	 * The rules, also if they cannot be understood, and the names that they may use. Without
	 * `asksNode`, those of the node that runs are not among them, and it is not needed.
	 */
	rules(asksNode: boolean): Promise<{ readonly access: Access; readonly names: KnownNames }>;
}

/** Opens the folder. Nothing is written yet. */
export function securityFolder(input: CommandInput, tools: CommandTools): SecurityFolder {
	const { config } = readConfig(configPlaces(input, tools));
	const { keysFolder: folder, nodeName: node } = config;
	const { clock } = tools;
	const keyring = openKeyring({ folder, node, clock });
	return {
		folder,
		node,
		keyring,
		pending: openPendingKeys({ folder, clock, keyring, namesMax: config.pendingKeysMax }),
		config,
		administrator: administratorOf(config, keyring),
		async rules(asksNode) {
			const known = asksNode ? await knownParts(input, tools, config) : knowsNothing;
			const names = knownNames(known, { keyring, config });
			const { wireNameOf } = names;
			const path = join(folder, 'acl.yaml');
			const defaults = defaultRules(config);
			return { access: openAnyAccess({ path, clock, wireNameOf, defaults }), names };
		},
	};
}

const knowsNothing: KnownParts = {
	find: () => undefined,
	methods: () => [],
	nodes: () => [],
};

/**
 * The methods of this configuration, and the methods and nodes that the node knows, if one answers
 * on the socket.
 */
async function knownParts(
	input: CommandInput,
	tools: CommandTools,
	config: Config,
): Promise<KnownParts> {
	const methods = [...(await tools.host.methods(config))];
	const nodes: string[] = [];
	try {
		const client = createClient(socketPath(input, tools));
		methods.push(...(await allRows(client.ask<(typeof methods)[number]>({ reeve: 'methods' }))));
		nodes.push(...(await allRows(client.ask<NodeRow>({ reeve: 'nodes' }))).map(({ name }) => name));
	} catch (thrown) {
		// Rules can be changed while the node is stopped.
		if (asReeveError(thrown).code !== 'no_node') throw thrown;
	}
	return {
		find: (text) => methods.find(({ name, aliases }) => name === text || aliases.includes(text)),
		methods: () => methods,
		nodes: () => nodes,
	};
}

/** Whether the operator has confirmed what the change brings with it. */
export function isConfirmed({ options }: CommandInput): boolean {
	return options['yes'] === true;
}

/** Sends the change to the nodes of `--to` as a message, and shows their answers. */
export async function tellNodes(
	method: string,
	words: readonly string[],
	{ input, tools, data }: { input: CommandInput; tools: CommandTools; data?: string },
): Promise<number> {
	const fields = data === undefined ? [] : [`data=${data}`];
	const rest = isConfirmed(input) ? ['--yes', ...words] : words;
	return sendMessages({ words: [method, ...fields], rest, options: input.options }, tools);
}
