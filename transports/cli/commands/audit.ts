/**
 * `reeve audit` compares the ledger of a node with those of its receivers.
 *
 * @module
 */
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import type { AuditRow } from '../../../runtime/queries/operation-rows.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { shade, tableText } from '../output/render.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { readDuration } from '../output/durations.ts';

/** Counts what is lost and doubled, per receiver and in all. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--since <duration>', help: 'Only messages of the last 30s, 5m, 2h, 7d' },
		{ flags: '--to <node>', help: 'Only messages to this node' },
		{ flags: '--wait <seconds>', help: 'How long a receiver may take to answer (30)' },
		{ flags: '--json', help: 'Print the findings as JSON' },
		...socketOptions,
	],
	examples: [
		'reeve audit',
		'reeve audit --since 1h --json',
		'reeve audit --node ship1 --to central',
	],
	async run(input, tools) {
		const { to, since, wait, json } = input.options;
		const client = createClient(socketPath(input, tools));
		const question = {
			reeve: 'audit',
			...(typeof to === 'string' ? { to } : {}),
			newerThanMs: readDuration('--since', since),
			waitSeconds: secondsOf(wait),
		} as const;
		const rows = await allRows(client.ask<AuditRow>(question));
		const totals = totalsOf(rows);
		if (json === true) tools.screen.out(`${JSON.stringify({ ...totals, pairs: rows })}\n`);
		else tools.screen.out(`${await tableOf(rows)}${closingLine(totals)}`);
		if (totals.lost + totals.doubled + totals.differs > 0) return exitCodes.someFailed;
		return totals.unasked > 0 ? exitCodes.someUnanswered : exitCodes.ok;
	},
});

function secondsOf(given: string | boolean | undefined): number | undefined {
	if (given === undefined) return undefined;
	const seconds = Number(given);
	if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 3600) return seconds;
	throw new ReeveError('bad_usage', `--wait ${String(given)}: not a number from 1 to 3600`);
}

type Totals = Record<
	'checked' | 'lost' | 'doubled' | 'differs' | 'notKept' | 'inFormerStore' | 'unasked',
	number
>;

function totalsOf(rows: readonly AuditRow[]): Totals {
	const kept = { notKept: 0, inFormerStore: 0 };
	const totals: Totals = { checked: 0, lost: 0, doubled: 0, differs: 0, ...kept, unasked: 0 };
	for (const row of rows) {
		totals.checked += row.checked;
		totals.lost += row.lost;
		totals.doubled += row.doubled;
		totals.differs += row.differs;
		totals.notKept += row.notKept;
		totals.inFormerStore += row.inFormerStore;
		totals.unasked += row.unasked ?? 0;
	}
	return totals;
}

const heads = ['FROM', 'TO', 'CHECKED', 'AGREES', 'OPEN', 'LOST', 'DOUBLED', 'DIFFERS', 'NOT KEPT'];

async function tableOf(rows: readonly AuditRow[]): Promise<string> {
	const cells = rows.map((row) => {
		const { from, to, checked, agrees, underWay, lost, doubled, differs, notKept } = row;
		const counts = [checked, agrees, underWay, lost, doubled, differs, notKept].map(String);
		return [from, to, ...counts];
	});
	const faults = rows.flatMap(({ to, faults: found }) =>
		found.map(({ id, finding }) => `${shade('bad', finding)}  ${id} to ${to}\n`),
	);
	const silent = rows.flatMap(({ to, error, unasked }) =>
		error === undefined
			? []
			: [`${shade('waiting', to)} did not answer (${error}): ${unasked} not checked\n`],
	);
	return `${await tableText(heads, cells)}${faults.join('')}${silent.join('')}`;
}

function closingLine(totals: Totals): string {
	const { checked, lost, doubled, differs, notKept, inFormerStore, unasked } = totals;
	const old = notKept - inFormerStore;
	const more = [
		differs > 0 ? `, ${differs} that differ` : '',
		old > 0 ? `; ${old} too old to be known by their receiver` : '',
		inFormerStore > 0 ? `; ${inFormerStore} not kept: their receiver has a new store since` : '',
		unasked > 0 ? `; ${unasked} not checked` : '',
	];
	return `lost ${lost}, doubled ${doubled}${more.join('')} (${checked} messages checked)\n`;
}
