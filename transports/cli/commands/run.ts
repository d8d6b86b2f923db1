/**
 * `reeve run` runs a node in the foreground.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../../runtime/config/config.ts';
import { keepConfig, listenerTokenFileOf } from '../../../runtime/config/config-file.ts';
import { checkFolders } from '../../../runtime/config/own-folders.ts';
import { writeFirstRules } from '../../../runtime/security/access-rules.ts';
import { exitCodes, isErrorCode, ReeveError, reasonOf } from '../../../runtime/platform/errors.ts';
import { defineCommand } from '../arguments/command.ts';
import { configOptions, configPlaces } from '../arguments/config-options.ts';
import type { HostedNode } from '../arguments/program-host.ts';
import { parentGone, parentOption } from '../fleet/parent-watch.ts';
import { startChoices, startOptions } from '../arguments/start-options.ts';

/** Runs a node until it is interrupted, or ends by itself. */
export default defineCommand({
	arguments: [],
	options: [...configOptions, ...startOptions, parentOption],
	examples: [
		'reeve run --nodeName central',
		'reeve run --node-name central     # every option has this form, too',
		'reeve run --nodeName ship1 --brokerAddress mqtt://central.example:1883',
		'reeve run --safe     # inspect a node that keeps crashing',
		'REEVE_NODE_NAME=ship2 reeve run --configFolder /etc/reeve',
	],
	async run(input, { host, screen, environment, interrupts }) {
		const choices = startChoices(input);
		const isMember = input.options['stopWithParent'] === true;
		// The nodes of `reeve dev` and `reeve demo` trust one another.
		const onNew = isMember ? undefined : writeFirstRules;
		const { config, remarks, path } = keepConfig(configPlaces(input, { environment }), onNew);
		checkFolders(config, dirname(path));
		for (const remark of remarks) screen.note(remark);
		const print = (text: string) => screen.print(text, config.logBytesWaitingMax);
		const tokenFile = newTokenFile(config);
		const node = await started(() => host.startNode(config, choices, print));
		if (tokenFile !== undefined)
			screen.note(`clients of TCP and HTTP need the token in ${tokenFile}`);
		screen.out(`${readyLine(node, config)}\n`);
		const asked = [interrupts.first, parentGone(isMember)];
		const stopped = Promise.race(asked).then(async (reason) => {
			await node.stop(reason);
			return undefined;
		});
		const failure = await Promise.race([stopped, node.ended]);
		if (failure === undefined || interrupts.signal.aborted) return exitCodes.ok;
		await node.stop(failure);
		const code = isErrorCode(failure) ? failure : 'start_failed';
		throw new ReeveError(code, `${node.name} has ended by itself: ${failure}`);
	},
});

/** Turns any error of the start into a `ReeveError`; unknown ones into `start_failed`. */
async function started(start: () => Promise<HostedNode>): Promise<HostedNode> {
	try {
		return await start();
	} catch (thrown) {
		if (thrown instanceof ReeveError) throw thrown;
		const why = reasonOf(thrown);
		throw new ReeveError('start_failed', why, { cause: thrown });
	}
}

/** The file in which this start makes the token of the listeners, if it does. */
function newTokenFile(config: Config): string | undefined {
	const { tcpListener, httpListener, exposeDataFolder, profilingPort } = config;
	const hasListener = [tcpListener, httpListener, exposeDataFolder, profilingPort].some(Boolean);
	const file = hasListener ? listenerTokenFileOf(config) : undefined;
	return file !== undefined && !existsSync(file) ? file : undefined;
}

function readyLine({ name, replayed, broker }: HostedNode, { socketFolder }: Config): string {
	const address = broker.includes('://') ? broker : `mqtt://${broker}`;
	const shown = address.replace(/\/\/[^@/]*@/, '//');
	const socket = join(socketFolder, `${name}.sock`);
	const replay = replayed === 0 ? 'nothing to replay' : `${replayed} to replay`;
	return `${name}  ready  ${replay}  broker ${shown}  socket ${socket}`;
}
