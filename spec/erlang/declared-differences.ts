/**
 * The differences to Erlang that are meant. Each is a row of the table "Compared with Erlang" in
 * `docs/supervision.md`, and each is shown by a scenario that is written by hand.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Trace } from './comparison.ts';
import type { Scenario, Step } from './scenario.ts';

/** One difference. */
export interface DeclaredDifference {
	/** The first column of its row. */
	readonly row: string;
	/** The names of the scenarios that show it: all that match, and each of them differs. */
	readonly scenarios: RegExp;
	/** Whether it explains that two traces differ; for scenarios that are made by chance. */
	readonly explains?: (found: Traces) => boolean;
}

/** The traces of one scenario. */
export interface Traces {
	readonly scenario: Scenario;
	readonly erlang: Trace;
	readonly ours: Trace;
}

const counts = /^(?:answer |\S+ count )(specs=1) active=(-?\d+) (supervisors=\d+ workers=\d+)$/;

/**
 * Whether the traces differ only in that Erlang counts fewer dynamic children as active, after one
 * was terminated.
 */
function countsLess({ scenario, erlang, ours }: Traces): boolean {
	const acts = scenario.steps.flatMap((step): readonly Step[] =>
		step.do === 'busy' ? step.steps : [step],
	);
	const terminates = acts.some((act) => act.do === 'terminate' && typeof act.id !== 'string');
	if (!terminates || erlang.length !== ours.length) return false;
	return ours.every((line, at) => {
		if (line === erlang[at]) return true;
		const [, , active, rest] = counts.exec(line) ?? [];
		const [, , theirs, theirRest] = counts.exec(erlang[at] ?? '') ?? [];
		return active !== undefined && rest === theirRest && Number(active) > Number(theirs);
	});
}

/** The differences, in the order of the rows. */
export const declaredDifferences: readonly DeclaredDifference[] = [
	{
		row: '`autoShutdown` of dynamic children',
		scenarios: /^pool: (?:significant template|auto_shutdown without)/,
	},
	{ row: 'a dynamic child whose restart ignores', scenarios: /^pool: restart ignores$/ },
	{
		row: '`terminateChild` of a dynamic child that is `restarting`',
		scenarios: /^pool: terminate a restarting child$/,
		explains: countsLess,
	},
	{
		row: 'a template that changes from temporary to permanent',
		scenarios: /^pool: started after a change from temporary to permanent$/,
	},
	{
		row: 'a change from a static strategy to `simple_one_for_one`',
		scenarios: /^change: static to pool$/,
	},
	{
		row: '`terminateChild` and `getChildSpec` by the child itself',
		scenarios: /^admin: (?:terminate|getspec) by (?:a dead )?pid under static strategies$/,
	},
	{ row: 'a killed supervisor', scenarios: /^kill: / },
	{
		row: '`shutdown: 0` of a child that listens to the request',
		scenarios: /^shutdown 0, trap (?:yes|normal|crash)$/,
	},
];

const page = new URL('../../docs/supervision.md', import.meta.url);

/** The first column of the table in the documentation. */
export function declaredRows(): readonly string[] {
	const [, section = ''] = readFileSync(page, 'utf8').split(/^## Compared with Erlang$/m);
	const [text = ''] = section.split(/^## /m);
	const rows = [...text.matchAll(/^\| ([^|]+?) \|/gm)].map(([, cell = '']) => cell);
	return rows.filter((cell) => !/^-+$/.test(cell)).slice(1);
}
