/**
 * The socket that a command uses. Without an option: the one of `reeve dev` in this folder, else
 * that of the node of this configuration.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../../runtime/config/config-file.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import type { CommandInput, CommandTools, OptionDefinition } from '../arguments/command.ts';

/** The folder of `reeve dev`, in the folder in which it was started. */
export const devFolder = '.reeve';

/** The options of every command that talks to a node. */
export const socketOptions: readonly OptionDefinition[] = [
	{ flags: '--socket <path>', help: 'The socket of the node' },
	{ flags: '--node <name>', help: 'The node, if several run here' },
];

/**
 * The socket: `--socket`, `REEVE_SOCKET`, `--node`, the dev fleet's central, the configured node.
 *
 * @throws ReeveError `no_node` if none of them exists
 */
export function socketPath(
	{ options }: Pick<CommandInput, 'options'>,
	{ environment }: Pick<CommandTools, 'environment'>,
): string {
	const { socket, node } = options;
	const named = typeof socket === 'string' ? socket : environment['REEVE_SOCKET'];
	if (named !== undefined && named !== '' && typeof node !== 'string') return named;
	const configured = configuredNode(environment);
	const candidates =
		typeof node === 'string'
			? [join(devFolder, `${node}.sock`), join(configured.folder, `${node}.sock`)]
			: [join(devFolder, 'central.sock'), join(configured.folder, `${configured.name}.sock`)];
	const found = candidates.find((path) => existsSync(path));
	if (found !== undefined) return found;
	throw new ReeveError('no_node', `there is no socket at ${candidates.join(', nor at ')}`);
}

function configuredNode(environment: CommandTools['environment']): {
	folder: string;
	name: string;
} {
	const folder = environment['CONFIG_FOLDER'] ?? './etc/';
	const { config } = readConfig({ folder, environment });
	return { folder: config.socketFolder, name: config.nodeName };
}
