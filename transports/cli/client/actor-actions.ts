/**
 * The actions of `reeve actors`: unpark instances, reload definitions, and check definition files
 * without a node.
 *
 * @module
 */
import type { UnparkedRow } from '../../../runtime/queries/actor-rows.ts';
import type { ReloadRow } from '../../../runtime/queries/definition-rows.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { instanceNamed } from '../output/actor-text.ts';
import { allRows, createClient } from './socket-client.ts';
import type { CommandInput, CommandTools } from '../arguments/command.ts';
import { shade } from '../output/render.ts';
import { socketPath } from './socket-path.ts';

type Action = (input: CommandInput, tools: CommandTools) => Promise<number>;

/** Unparks an instance: it takes its mail again. */
export const unpark: Action = async ({ words, options }, tools) => {
	const { actor, key } = instanceNamed(words[1]);
	const client = createClient(socketPath({ options }, tools));
	const question = { reeve: 'unpark', actor, key, fresh: options['fresh'] === true } as const;
	for (const row of await allRows(client.ask<UnparkedRow>(question))) {
		const text = `${actor}/${key}  unparked (${row.mode}), ${row.waiting} waited\n`;
		tools.screen.out(options['json'] === true ? `${JSON.stringify(row)}\n` : text);
	}
	return exitCodes.ok;
};

/** Makes a node reload its definitions folder. */
export const reload: Action = async ({ options }, tools) => {
	const client = createClient(socketPath({ options }, tools));
	const isDryRun = options['dryRun'] === true;
	const question = { reeve: 'reload', isDryRun, force: options['force'] === true } as const;
	let exitCode: number = exitCodes.ok;
	for (const row of await allRows(client.ask<ReloadRow>(question))) {
		if (row.what === 'refused' || row.what === 'held') exitCode = exitCodes.someFailed;
		const text = options['json'] === true ? `${JSON.stringify(row)}\n` : reloadText(row);
		tools.screen.out(text);
	}
	return exitCode;
};

/** Checks files, or all of a folder, without a node. */
export const check: Action = async ({ words: [, ...given], options }, tools) => {
	if (given.length === 0) throw new ReeveError('bad_usage', 'check what? FILE, or FOLDER');
	let exitCode: number = exitCodes.ok;
	for (const path of given) {
		for (const row of await tools.host.checkDefinitions(path)) {
			const { file, actor, version, problem } = row;
			if (problem !== undefined) exitCode = exitCodes.someFailed;
			const right = `${file}  ${shade('good', 'right')}  ${actor}, version ${version}`;
			const text = options['json'] === true ? JSON.stringify(row) : (problem ?? right);
			tools.screen.out(`${text}\n`);
		}
	}
	return exitCode;
};

const words: Readonly<Record<ReloadRow['what'], string>> = {
	same: 'unchanged',
	added: 'added',
	changed: 'changed',
	removed: 'removed',
	held: 'held',
	refused: 'refused',
};

function reloadText({ file, actor = '', what, problem, diff }: ReloadRow): string {
	const isBad = what === 'refused' || what === 'held';
	const head = [file, shade(isBad ? 'bad' : 'good', words[what]), actor].filter(Boolean).join('  ');
	const lines = problem === undefined ? [] : problem.split('\n');
	if (diff) {
		const { version, statesAdded, statesRemoved, eventsAdded, eventsRemoved, parked } = diff;
		if (version) lines.push(`version ${version.from} -> ${version.to}`);
		const named = { 'state + ': statesAdded, 'state - ': statesRemoved };
		const events = { 'event + ': eventsAdded, 'event - ': eventsRemoved };
		for (const [mark, names] of Object.entries({ ...named, ...events })) {
			lines.push(...names.map((name) => `${mark}${name}`));
		}
		lines.push(...parked.map(({ key, reason }) => `would be parked: ${actor}/${key}: ${reason}`));
		if (what === 'held')
			lines.push('the former definition is still in force; --force replaces it all the same');
	}
	return [head, ...lines.map((line) => `  ${line}`), ''].join('\n');
}
