/**
 * `reeve replay` shows what new definitions would change for the stored actors of a node, before
 * they are rolled out.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Difference, ReplayTotals } from '../../../runtime/queries/actor-rows.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { defineCommand } from '../arguments/command.ts';
import { journalOptions, withJournal } from '../client/journal-source.ts';
import { shade } from '../output/render.ts';

/** Replays without effects: nothing is sent or written. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--against <folder>', help: 'The folder of the new definitions' },
		...journalOptions,
		{ flags: '--json', help: 'One JSON object in a line: the differences, then the totals' },
	],
	examples: [
		'reeve replay --against ./actors-next --node ship1',
		'reeve replay --against ./actors-next --folder /var/backups/reeve-ship1',
	],
	async run(input, tools) {
		const { screen, host } = tools;
		const { against, json } = input.options;
		if (typeof against !== 'string' || !existsSync(against)) {
			throw new ReeveError('bad_usage', 'replay: --against names the folder of the definitions');
		}
		const tell = (difference: Difference): void => {
			screen.out(json === true ? `${JSON.stringify(difference)}\n` : differenceText(difference));
		};
		const totals = await withJournal(input, tools, ({ journal, node }) =>
			host.replay({ journal, node, definitions: resolve(against) }, tell),
		);
		screen.out(json === true ? `${JSON.stringify(totals)}\n` : totalsText(totals));
		return totals.differences === 0 ? exitCodes.ok : exitCodes.someFailed;
	},
});

const words: Readonly<Record<Difference['what'], string>> = {
	actor_gone: 'the actor is gone',
	version: 'the version went backwards',
	migration: 'it cannot be migrated',
	state_gone: 'its state is gone',
	event_unknown: 'an event is not handled',
	target: 'an event leads elsewhere',
	context: 'an event makes other data',
	effects: 'an event has other effects',
	throws: 'the machine throws',
	step_gone: 'a step is gone',
	step_without_state: 'a running step has no state',
};

function differenceText({ actor, key, what, turn, event, detail }: Difference): string {
	const instance = key === '' ? actor : `${actor}/${key}`;
	const where = [turn === undefined ? '' : `turn ${turn}`, event ?? ''].filter(Boolean).join(' ');
	const position = where === '' ? '' : `, ${where}`;
	return `${instance}${position}: ${shade('bad', words[what])}: ${detail}\n`;
}

function totalsText({ actors, instances, turns, skipped, differences }: ReplayTotals): string {
	const rest = skipped === 0 ? '' : `, ${skipped} could not be`;
	return (
		`differences ${differences} (${actors} actors, ${instances} instances, ` +
		`${turns} turns replayed${rest})\n`
	);
}
