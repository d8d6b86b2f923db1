/**
 * `reeve doctor` checks whether a node has what it needs: a line for each check, with the cure
 * where one fails.
 *
 * @module
 */
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { checkup, quickCheckup, type Finding } from '../client/checkup.ts';
import { defineCommand } from '../arguments/command.ts';
import { shade, tableText } from '../output/render.ts';
import { rowsText } from '../output/rows.ts';
import { socketOptions } from '../client/socket-path.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

const marks = {
	ok: shade('good', 'ok'),
	warning: shade('waiting', 'warning'),
	failed: shade('bad', 'FAILED'),
};

/** Runs the checks and prints their results. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--quick', help: 'Only ask the node whether it works, as a health check does' },
		formatOption,
		...socketOptions,
	],
	examples: ['reeve doctor', 'reeve doctor --quick'],
	async run({ options }, tools) {
		const findings = await (options['quick'] === true ? quickCheckup : checkup)(options, tools);
		const format = formatOf(options);
		const layout = { columns: [], name: ({ name }: Finding) => name };
		const isForPeople = format === 'table' || format === 'wide';
		const text = isForPeople
			? await tableText(
					['CHECK', 'STATE', 'WHAT', 'CURE'],
					findings.map(({ name, state, what, cure = '' }) => [name, marks[state], what, cure]),
				)
			: await rowsText(findings, layout, { format, now: tools.clock.now() });
		tools.screen.out(text);
		const hasFailed = findings.some(({ state }) => state === 'failed');
		return hasFailed ? exitCodes.someFailed : exitCodes.ok;
	},
});
