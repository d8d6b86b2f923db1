/**
 * The keys and access rules that a command works on: those of the node of this configuration, or,
 * with `--to`, those of other nodes, which get a message about the change.
 *
 * @module
 */
import { join } from 'node:path';
import { openAccess, type Access } from '../../../runtime/security/access-rules.ts';
import { readConfig } from '../../../runtime/config/config-file.ts';
import { openKeyring, type Keyring } from '../../../runtime/security/keyring.ts';
import type { CommandInput, CommandTools, OptionDefinition } from '../arguments/command.ts';
import { configPlaces } from '../arguments/config-options.ts';
import { sendMessages } from './send-message.ts';
import { socketOptions } from './socket-path.ts';
import { formatOption } from '../arguments/format-option.ts';

/** The options of a command about keys or access rules. */
export const securityOptions: readonly OptionDefinition[] = [
	{ flags: '--config-folder, --configFolder <folder>', help: 'Folder of config.yaml (./etc/)' },
	{
		flags: '--to <nodes>',
		help: 'Do it on these nodes; this one must be central and sign its messages',
	},
	{ flags: '--timeout <seconds>', help: 'With --to: how long to watch at most' },
	formatOption,
	...socketOptions,
];

/** The keys and rules in the folder of this configuration. */
export interface SecurityFolder {
	readonly folder: string;
	readonly node: string;
	readonly keyring: Keyring;
	readonly access: () => Access;
}

/** Opens the folder. Nothing is written yet. */
export function securityFolder(input: CommandInput, tools: CommandTools): SecurityFolder {
	const { config } = readConfig(configPlaces(input, tools));
	const { keysFolder: folder, nodeName: node } = config;
	const { clock } = tools;
	const keyring = openKeyring({ folder, node, clock });
	return { folder, node, keyring, access: () => openAccess(join(folder, 'acl.yaml'), clock) };
}

/** Sends the change to the nodes of `--to` as a message, and shows their answers. */
export async function tellNodes(
	method: string,
	words: readonly string[],
	{ input, tools, data }: { input: CommandInput; tools: CommandTools; data?: string },
): Promise<number> {
	const fields = data === undefined ? [] : [`data=${data}`];
	return sendMessages({ words: [method, ...fields], rest: words, options: input.options }, tools);
}
