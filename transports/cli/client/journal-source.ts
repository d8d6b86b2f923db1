/**
 * The journal that a command reads: a given folder, or a copy that the running node makes.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ActorRow } from '../../../runtime/queries/actor-rows.ts';
import { readConfig } from '../../../runtime/config/config-file.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { allRows, createClient } from './socket-client.ts';
import type { CommandInput, CommandTools, OptionDefinition } from '../arguments/command.ts';
import { socketOptions, socketPath } from './socket-path.ts';

/** The options that choose the journal. */
export const journalOptions: readonly OptionDefinition[] = [
	{
		flags: '--folder <path>',
		help: 'A copy that reeve backup has made, or the databaseFolder of a node that is stopped',
	},
	...socketOptions,
];

/** The journal, with what is known of its node. */
export interface JournalSource {
	readonly journal: string;
	/** The name of its node. */
	readonly node: string;
	/** The folder of the node's definitions, if it is known. */
	readonly definitions: string | undefined;
}

/** Finds the journal and works with it; removes the copy afterwards, if one was made. */
export async function withJournal<Value>(
	input: Pick<CommandInput, 'options'>,
	tools: Pick<CommandTools, 'environment'>,
	work: (source: JournalSource) => Promise<Value>,
): Promise<Value> {
	const { folder, node } = input.options;
	if (typeof folder === 'string') {
		const { config } = readConfig({
			folder: tools.environment['CONFIG_FOLDER'] ?? './etc/',
			environment: tools.environment,
		});
		const definitions = config.definitionsFolder || undefined;
		const name = typeof node === 'string' ? node : config.nodeName;
		return work({ journal: resolve(folder), node: name, definitions });
	}
	const temporary = mkdtempSync(join(tmpdir(), 'reeve-journal-'));
	try {
		return await work(await copyOf(input, tools, join(temporary, 'journal')));
	} finally {
		rmSync(temporary, { recursive: true, force: true });
	}
}

async function copyOf(
	input: Pick<CommandInput, 'options'>,
	tools: Pick<CommandTools, 'environment'>,
	journal: string,
): Promise<JournalSource> {
	const client = createClient(socketPath(input, tools));
	const [first] = await allRows(client.ask<ActorRow>({ reeve: 'actors' }));
	if (!first) throw new ReeveError('not_found', 'the node has no declared actors');
	await allRows(client.ask({ reeve: 'backup', folder: journal }));
	return { journal, node: first.node, definitions: first.folder };
}
