/**
 * The common part of `retry`, `cancel` and `drop`: they select messages, and print a line for each.
 *
 * @module
 */
import { errorTable, exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import type { OperationRow } from '../../../runtime/queries/operation-rows.ts';
import { createClient } from './socket-client.ts';
import { defineCommand, type CommandDefinition, type CommandInput } from '../arguments/command.ts';
import { stateText } from '../output/tables.ts';
import { shade } from '../output/render.ts';
import { socketOptions, socketPath } from './socket-path.ts';
import { readDuration } from '../output/durations.ts';
import type { Question } from '../../../runtime/queries/question.ts';

type Operation = 'retry' | 'cancel' | 'drop';
type Where = NonNullable<Extract<Question, { readonly reeve: Operation }>['where']>;

/** Declares one of the three commands. */
export function operationCommand(
	operation: Operation,
	examples: readonly string[],
): CommandDefinition {
	return defineCommand({
		arguments: [{ name: '[ids...]', help: 'Messages: ids, or unique beginnings of them' }],
		options: [
			{
				flags: '--state <state>',
				help: 'All in this state; dead: dead letters; waiting: received, not run yet',
			},
			{ flags: '--method <name>', help: 'Only those of this method' },
			{
				flags: '--to <node>',
				help: 'Only those to this node; with --state waiting or dead: from it',
			},
			{
				flags: '--older-than <duration>',
				help: 'Only those of at least this age: 30s, 5m, 2h, 7d',
			},
			{ flags: '--json', help: 'One JSON object in a line' },
			...socketOptions,
		],
		examples,
		async run(input, tools) {
			const { words: ids, options } = input;
			const where = whereOf(input);
			const hasFilter = Object.values(where).some((value) => value !== undefined);
			if (ids.length > 0 === hasFilter) {
				throw new ReeveError(
					'bad_usage',
					`${operation}: name ids, or a filter such as --state failed`,
				);
			}
			const client = createClient(socketPath(input, tools));
			const question = ids.length > 0 ? { reeve: operation, ids } : { reeve: operation, where };
			let count = 0;
			let exitCode: number = exitCodes.ok;
			for await (const row of client.ask<OperationRow>(question)) {
				count += 1;
				if ('error' in row) exitCode = Math.max(exitCode, errorTable[row.error].exitCode);
				tools.screen.out(
					options['json'] === true ? `${JSON.stringify(row)}\n` : operationLine(row),
				);
			}
			if (count > 0) return exitCode;
			tools.screen.note('no message matches');
			return exitCodes.nobodyMatched;
		},
	});
}

function whereOf({ options }: CommandInput): Where {
	const text = (key: string): string | undefined => {
		const given = options[key];
		return typeof given === 'string' ? given : undefined;
	};
	return {
		state: text('state'),
		method: text('method'),
		node: text('to'),
		olderThanMs: readDuration('--older-than', options['olderThan']),
	};
}

/** What is printed for one message. */
export function operationLine(row: OperationRow): string {
	if ('error' in row) {
		const { meaning } = errorTable[row.error];
		const detail = row.detail && row.detail !== row.id ? `: ${row.detail}` : '';
		return `${row.id}  ${shade('bad', row.error)}  ${meaning}${detail}\n`;
	}
	return `${row.id}  ${stateText(row.state)}${row.newId ? `  as ${row.newId}` : ''}\n`;
}
