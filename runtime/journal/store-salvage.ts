/**
 * A program that copies what can still be read of a damaged store into a new one, row by row. Its
 * arguments are the folders of both. Reading may end it with a signal: then the process that
 * started it starts it again, and it goes on at the other end of the table that it was reading, and
 * then with the next table.
 *
 * The identity of the store is not copied: what is saved is an older copy of the store at best.
 *
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openSalvage } from './lmdb-store.ts';
import { tableNames } from './schema.ts';

/** Notes which part is being read, from 0 on: each table has two, from either end. */
const noteName = 'saving';

/** How many parts there are; a process that ends early costs one. */
export const salvageParts = tableNames.length * 2;

/** Copies the parts from the noted one on. */
async function salvage(from: string, to: string): Promise<void> {
	const note = join(to, noteName);
	const store = openSalvage(from, to);
	for (let part = nextPart(note); part < salvageParts; part += 1) {
		writeFileSync(note, String(part));
		const table = tableNames[Math.floor(part / 2)];
		if (table === undefined) continue;
		// The second part is only needed where the first was cut short.
		if (store.copy(table, part % 2 === 1)) part |= 1;
	}
	await store.close();
	rmSync(note);
}

/** The part behind the one that ended the process before. */
function nextPart(note: string): number {
	try {
		return Number(readFileSync(note, 'utf8')) + 1;
	} catch {
		return 0;
	}
}

const [, program = '', from = '', to = ''] = process.argv;
if (program === fileURLToPath(import.meta.url)) await salvage(from, to);
