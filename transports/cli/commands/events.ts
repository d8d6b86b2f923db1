/**
 * `reeve events` shows the signals of a node: the recent ones, and with `--follow` new ones.
 *
 * @module
 */
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { resultsTaken, shade } from '../output/render.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

interface EventRow {
	readonly type: string;
	readonly at?: number;
	readonly [field: string]: unknown;
}

/** Shows events. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '-f, --follow', help: 'Also show new ones as they come, until Ctrl-C' },
		{
			flags: '--type <beginning>',
			help: 'Only those whose type begins with this, such as delivery',
		},
		{ flags: '--message <id>', help: 'Only those of one message' },
		formatOption,
		...socketOptions,
	],
	examples: ['reeve events', 'reeve events --follow --type delivery'],
	async run({ options }, tools) {
		const { screen, interrupts } = tools;
		const signal = AbortSignal.any([interrupts.signal, screen.closed]);
		const text = (name: string) => {
			const value = options[name];
			return typeof value === 'string' ? { [name]: value } : {};
		};
		const isForPeople = formatOf(options) === 'table' || formatOf(options) === 'wide';
		const question = {
			reeve: 'events',
			follow: options['follow'] === true,
			...text('type'),
			...text('message'),
		} as const;
		const client = createClient(socketPath({ options }, tools));
		for await (const row of client.ask<EventRow>(question, signal)) {
			screen.out(isForPeople ? eventText(row) : `${JSON.stringify(row)}\n`);
			// Until then nothing is read from the node; it counts what it leaves out: events.missed.
			await resultsTaken(screen, signal);
		}
		return exitCodes.ok;
	},
});

function eventText({ type, at, ...fields }: EventRow): string {
	const time = at === undefined ? '' : new Date(at).toISOString().slice(11, 23);
	const rest = Object.entries(fields)
		.filter(([, value]) => value !== '' && value !== undefined)
		.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
	return `${shade('quiet', time)}  ${shade('heading', type.padEnd(20))} ${rest.join(' ')}\n`;
}
