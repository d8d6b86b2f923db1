/**
 * The cases of the SCXML test framework of SCION, among them those of the W3C. Of its package only
 * these files are read; what it depends on is replaced by nothing in `package.json`.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { safeName } from './chart.ts';

/** What is looked at in the course of a case. */
export interface CaseStep {
	/** When it is, in milliseconds from the start of the case. */
	readonly atMs: number;
	/** The event that is sent then; none at the start, or if only time has passed. */
	readonly event: { readonly type: string } | undefined;
	/** The names of the innermost states that are active after it; undefined if any may be. */
	readonly states: readonly string[] | undefined;
}

/** A case. */
export interface Case {
	/** Its folder and file. */
	readonly name: string;
	/** The SCXML document. */
	readonly text: string;
	readonly steps: readonly CaseStep[];
	/** The content of a file beside the document. */
	load(name: string): string;
}

/** A case as its file has it. */
interface Written {
	readonly initialConfiguration: readonly string[];
	readonly events: readonly {
		readonly after?: number;
		readonly event: { readonly name: string };
		readonly nextConfiguration: readonly string[];
	}[];
}

const folder = fileURLToPath(
	new URL('test/', import.meta.resolve('@scion-scxml/test-framework/package.json')),
);

/** All cases, by name. */
export function allCases(): readonly Case[] {
	const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
	return names
		.filter((name) => name.endsWith('.scxml') && existsSync(join(folder, written(name))))
		.toSorted()
		.map(readCase);
}

const written = (name: string) => name.replace(/\.scxml$/u, '.json');

function readCase(file: string): Case {
	const at = join(folder, file);
	const text = readFileSync(at, 'utf8');
	const expected = JSON.parse(readFileSync(join(folder, written(file)), 'utf8')) as Written;
	const name = file.replace(/(?:\.txml)?\.scxml$/u, '');
	const steps = name.startsWith('w3c') ? untilPassed(text) : stepsOf(expected);
	return { name, text, steps, load: (other) => readFileSync(join(dirname(at), other), 'utf8') };
}

function stepsOf({ initialConfiguration, events }: Written): readonly CaseStep[] {
	let atMs = 0;
	const sorted = (states: readonly string[]) => states.map(safeName).toSorted();
	const later = events.map(({ after = 0, event, nextConfiguration }): CaseStep => {
		atMs += after;
		return { atMs, event: { type: event.name }, states: sorted(nextConfiguration) };
	});
	return [{ atMs: 0, event: undefined, states: sorted(initialConfiguration) }, ...later];
}

/**
 * Cases of the W3C move by themselves, and end in the state `pass`. The states on the way that
 * their files have are those of an interpreter that sends every event through a timer.
 */
function untilPassed(text: string): readonly CaseStep[] {
	const instants = /\bdelay(?:expr)?=/u.test(text) ? [0, 700, 1200, 2400, 60_000] : [0, 1];
	const last = instants.at(-1);
	return instants.map((atMs) => {
		return { atMs, event: undefined, states: atMs === last ? ['pass'] : undefined };
	});
}
