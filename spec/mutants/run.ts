/**
 * Plays the planted mistakes: `npm run mutants -- [--room R...] [--file F] [--id X...] [--json]
 * [--unnoticed]`. Each is put into a copy of the source, and the specs named beside it are run.
 * Prints who noticed; ends with 0 only if enough are noticed and each of the rest has a reason.
 *
 * @module
 */
import { dirname } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { exitCodes } from '../../runtime/platform/errors.ts';
import { mutants } from './mutant-table.ts';
import type { Mutant } from './mutant.ts';
import { openStage, type Played } from './playing.ts';
import { faultsOf, scoresByRoom } from './score.ts';

interface Flags {
	readonly room?: readonly string[];
	readonly file?: string;
	readonly id?: readonly string[];
	readonly json?: true;
	readonly unnoticed?: true;
}

const command = new Command('npm run mutants --')
	.description('Plant mistakes one at a time, and look whether the specs beside them notice.')
	.option('--room <rooms...>', 'only those in these folders, such as runtime/journal')
	.option('--file <file>', 'only those in this file')
	.option('--id <ids...>', 'only these')
	.option('--unnoticed', 'only those with a reason why no spec notices')
	.option('--json', 'print only the result, as JSON')
	.parse();
const { room, file, id, unnoticed, json } = command.opts<Flags>();

const tell = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

function isChosen(mutant: Mutant): boolean {
	return (
		(room?.includes(dirname(mutant.file)) ?? true) &&
		(file === undefined || mutant.file === file) &&
		(id?.includes(mutant.id) ?? true) &&
		(!unnoticed || mutant.unnoticed !== undefined)
	);
}

async function playAll(chosen: readonly Mutant[]): Promise<readonly Played[]> {
	const stage = openStage(fileURLToPath(new URL('../..', import.meta.url)));
	const played: Played[] = [];
	let isOver = false;
	const end = (): void => {
		isOver = true;
		stage.interrupt();
	};
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
	try {
		for (const [at, mutant] of chosen.entries()) {
			if (isOver) break;
			const told = await stage.play(mutant);
			played.push(told);
			const place = `${at + 1}/${chosen.length}`;
			tell(`${place} ${told.end.padEnd(9)} ${mutant.id} (${told.ms} ms): ${told.why}`);
		}
	} finally {
		stage.remove();
	}
	return played;
}

const chosen = mutants.filter(isChosen);
if (chosen.length === 0) command.error('no mistake of the table is chosen');
const played = await playAll(chosen);
const scores = scoresByRoom(played);
const faults = faultsOf(played);
if (json) print(JSON.stringify({ scores, faults, played }));
else {
	for (const { name, noticed, of } of scores) print(`${name.padEnd(28)} ${noticed} of ${of}`);
	const noticed = scores.reduce((sum, score) => sum + score.noticed, 0);
	print(`${'all'.padEnd(28)} ${noticed} of ${played.length}`);
	for (const { mutant, end } of played) {
		if (end === 'unnoticed') print(`unnoticed ${mutant.id}: ${mutant.unnoticed ?? 'no reason'}`);
	}
	for (const fault of faults) print(`wrong: ${fault}`);
}
if (faults.length > 0) process.exitCode = exitCodes.bug;
