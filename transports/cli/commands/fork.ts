/**
 * `reeve fork` copies an instance of an actor, after one of its turns, to try events on the copy.
 *
 * @module
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import type { ForkTurn } from '../../../runtime/queries/actor-rows.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { eventText, instanceNamed, valueText } from '../output/actor-text.ts';
import { defineCommand, type CommandTools } from '../arguments/command.ts';
import type { Fork } from '../arguments/program-host.ts';
import { journalOptions, withJournal } from '../client/journal-source.ts';
import { shade } from '../output/render.ts';

/** Opens a copy in which no effect happens. The node, and the instance, are not touched. */
export default defineCommand({
	arguments: [
		{ name: '<kind>', help: 'What to copy', choices: ['actor'] },
		{ name: '<instance>', help: 'NAME, or NAME/KEY' },
	],
	options: [
		{ flags: '--at <turn>', help: 'After which of its turns (the last one)' },
		{ flags: '--definitions <folder>', help: "The definitions; the node's by default" },
		{
			flags: '--send <events...>',
			help: 'Events to try, in order; without it, events are read from standard input',
		},
		...journalOptions,
		{ flags: '--json', help: 'One JSON object in a line: the copy, then its turns' },
	],
	examples: [
		'reeve fork actor watchdog/nginx --at 12',
		'reeve fork actor counter --send \'ADD {"by":2}\' ADD --folder /var/backups/reeve-ship1',
	],
	async run(input, tools) {
		const { actor, key } = instanceNamed(input.words[1]);
		const at = turnOf(input.options['at']);
		// Commander makes a list of an option that takes several values.
		const send: unknown = input.options['send'];
		const fork = await withJournal(input, tools, (source) => {
			const given = input.options['definitions'];
			const definitions = typeof given === 'string' ? given : source.definitions;
			if (definitions === undefined) {
				throw new ReeveError('bad_usage', 'fork: name the folder of the --definitions');
			}
			return tools.host.fork({ ...source, definitions: resolve(definitions), actor, key, at });
		});
		const print = (turn: ForkTurn): void => {
			const text = input.options['json'] === true ? `${JSON.stringify(turn)}\n` : turnText(turn);
			tools.screen.out(text);
		};
		if (input.options['json'] !== true) tools.screen.note(`a copy of turn ${fork.turn}`);
		print(fork.show());
		return Array.isArray(send)
			? feedAll(fork, send.map(String), print)
			: feedTyped(fork, tools, print);
	},
});

function turnOf(given: string | boolean | undefined): number | undefined {
	if (given === undefined) return undefined;
	const turn = Number(given);
	if (Number.isSafeInteger(turn) && turn > 0) return turn;
	throw new ReeveError('bad_usage', `--at ${String(given)}: not the number of a turn`);
}

type Print = (turn: ForkTurn) => void;

/** Sends these events to the copy; exit code 4 if one fails. */
function feedAll(fork: Fork, lines: readonly string[], print: Print): number {
	let exitCode: number = exitCodes.ok;
	for (const line of lines) {
		const turn = fork.feed(eventOf(line));
		print(turn);
		if (turn.error !== undefined) exitCode = exitCodes.someFailed;
	}
	return exitCode;
}

/** Sends an event from each line of standard input to the copy, until an empty line or its end. */
async function feedTyped(fork: Fork, tools: CommandTools, print: Print): Promise<number> {
	const { screen, interrupts } = tools;
	const { signal } = interrupts;
	screen.note('type events, such as: ADD {"by":2}   (an empty line ends it)');
	for await (const line of createInterface({ input: process.stdin, signal })) {
		if (line.trim() === '') break;
		try {
			print(fork.feed(eventOf(line)));
		} catch (thrown) {
			if (!(thrown instanceof ReeveError)) throw thrown;
			screen.note(thrown.message);
		}
	}
	return exitCodes.ok;
}

/** An event: its type, and its payload as JSON. */
function eventOf(line: string): { readonly type: string } {
	const [, type = '', payload = ''] = /^(\S+)\s*([\s\S]*)$/.exec(line.trim()) ?? [];
	if (payload === '') return { type };
	try {
		const value: unknown = JSON.parse(payload);
		return { ...fieldsOf(value, type), type };
	} catch (cause) {
		if (cause instanceof ReeveError) throw cause;
		throw new ReeveError('bad_usage', `the payload of ${type} is no JSON`, { cause });
	}
}

function fieldsOf(value: unknown, type: string): object {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) {
		throw new ReeveError('bad_usage', `the payload of ${type} is no JSON object`);
	}
	if ('type' in value && value.type !== type) {
		throw new ReeveError('bad_usage', `the payload of ${type} has a type of its own`);
	}
	return value;
}

function turnText(turn: ForkTurn): string {
	const { event, error, status, value, context, did, timers, steps } = turn;
	const head = event ? `${shade('heading', eventText(event))}\n` : '';
	if (error !== undefined) return `${head}  ${shade('bad', error)}\n`;
	const isOver = status === 'active' ? '' : ` (${status})`;
	const lines = [
		`state    ${valueText(value)}${isOver}`,
		`context  ${JSON.stringify(context)}`,
		...did.map((line) => `would    ${line}`),
		...timers.map((type) => `timer    ${type}`),
		...steps.map((type) => `step     ${type}`),
	];
	return `${head}${lines.map((line) => `  ${line}\n`).join('')}`;
}
