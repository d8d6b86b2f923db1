/**
 * `reeve send`: hands a message in and shows the answers as they come. Ending the command ends only
 * the watching: the message stays with the node, which owes its outcome.
 *
 * @module
 */
import process from 'node:process';
import { errorTable, exitCodes, ReeveError } from '../../../runtime/errors.ts';
import { createFraming } from '../../framing.ts';
import type { Answer, MessageRow } from '../../../runtime/wire.ts';
import { createClient, refusalOf, type Client } from '../client.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../command.ts';
import { failureFrom } from '../failure.ts';
import { messageOf, namesOf } from '../message-words.ts';
import { formatOf, formatOption } from '../rows.ts';
import { socketOptions, socketPath } from '../socket-path.ts';
import { watchMessages } from '../watching.ts';

type Accepted = Extract<Answer, { id: string }>;

/** Sends a message, or those on standard input. */
export default defineCommand({
	arguments: [
		{ name: '<method>', help: 'What is asked for, such as exec; - reads JSON from standard input' },
		{ name: '[fields...]', help: 'Fields of the message: key=value' },
	],
	options: [
		{ flags: '--to <nodes>', help: 'The receivers, separated by commas' },
		{ flags: '--detach', help: 'Print the ids and do not wait for answers' },
		{ flags: '--timeout <seconds>', help: 'Watch for so long at most' },
		formatOption,
		...socketOptions,
	],
	examples: [
		'reeve send exec --to ship1,ship2 -- uptime',
		'reeve send append-file --to ship1 directory=notes fileName=log.txt data=hello',
		'reeve send exec --to ship1 --output jsonl methodTimeout=60 -- ./backup.sh',
		'reeve send - < messages.json',
	],
	async run(input, tools) {
		const client = createClient(socketPath(input, tools));
		const messages = await messagesOf(input, tools);
		const timeoutMs = timeoutOf(input.options['timeout']);
		const answers = await client.handIn(messages);
		const accepted = answers.filter((answer): answer is Accepted => 'id' in answer);
		const refused = answers.filter((answer) => !('id' in answer)).map(refusalOf);
		for (const error of refused) tools.screen.fail(failureFrom(error));
		if (answers.length === 0) throw new ReeveError('no_node', 'the node went away unanswering');
		const refusedCode = refused[0] ? errorTable[refused[0].code].exitCode : exitCodes.ok;
		if (accepted.length === 0) return refusedCode;
		if (input.options['detach'] === true) {
			tools.screen.out(idsText(accepted, formatOf(input.options)));
			return refusedCode;
		}
		const exitCode = await watch(accepted, client, { input, tools, timeoutMs });
		return exitCode === exitCodes.ok ? refusedCode : exitCode;
	},
});

async function watch(
	accepted: readonly Accepted[],
	client: Client,
	more: { input: CommandInput; tools: CommandTools; timeoutMs: number | undefined },
): Promise<number> {
	const { input, tools, timeoutMs } = more;
	const format = formatOf(input.options);
	const sent = accepted.map(({ id, toNode }) => ({ id, toNode }));
	const rows = (ids: readonly string[], signal: AbortSignal) =>
		client.ask<MessageRow>({ reeve: 'watch', ids }, signal);
	return watchMessages(sent, rows, { ...tools, format, timeoutMs });
}

async function messagesOf(
	{ words, rest, options }: CommandInput,
	{ interrupts }: CommandTools,
): Promise<readonly unknown[]> {
	const [method = '', ...fields] = words;
	const to = namesOf(options['to']);
	if (method !== '-') return [messageOf({ method, fields, to, args: rest })];
	const messages = await messagesFromInput(interrupts.signal);
	if (messages.length === 0) throw new ReeveError('bad_json', 'standard input holds no message');
	return messages.map((raw) => addressed(raw, to));
}

/** A message that names no receiver goes to those of `--to`. */
function addressed(raw: unknown, to: readonly string[]): unknown {
	const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
	if (!isObject || to.length === 0 || 'toNode' in raw || 'toNodes' in raw) return raw;
	return { ...raw, toNodes: to };
}

/** More than any node takes: which messages are too large is decided there. */
const inputBytesMax = 1_073_741_824;
const inputDepthMax = 1000;

async function messagesFromInput(signal: AbortSignal): Promise<unknown[]> {
	const framing = createFraming({ bytesMax: inputBytesMax, depthMax: inputDepthMax });
	const messages: unknown[] = [];
	const take = (framed: ReturnType<typeof framing.push>): void => {
		for (const each of framed) {
			if (each.type === 'error') throw each.error;
			if (each.type === 'value') messages.push(each.value);
		}
	};
	for await (const chunk of process.stdin) {
		if (signal.aborted) break;
		take(framing.push(Buffer.from(chunk as Uint8Array)));
	}
	take(framing.end());
	return messages;
}

function idsText(accepted: readonly Accepted[], format: string): string {
	if (format === 'json') return `${JSON.stringify(accepted, undefined, 2)}\n`;
	if (format === 'jsonl') return accepted.map((each) => `${JSON.stringify(each)}\n`).join('');
	return accepted.map(({ id }) => `${id}\n`).join('');
}

function timeoutOf(text: string | boolean | undefined): number | undefined {
	if (text === undefined) return undefined;
	const seconds = Number(text);
	if (typeof text === 'string' && text.trim() !== '' && seconds >= 0) return seconds * 1000;
	throw new ReeveError('bad_usage', `--timeout ${String(text)}: not a number of seconds`);
}
