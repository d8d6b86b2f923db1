/**
 * Hands messages in and shows their answers as they come, for `reeve send` and every other command
 * that sends.
 *
 * @module
 */
import type { Answer } from '../../../runtime/network/transport.ts';
import process from 'node:process';
import { createClient, refusalOf, type Client } from './socket-client.ts';
import { socketPath } from './socket-path.ts';
import { resolveTargets } from './target-resolution.ts';
import { pause } from '../../../runtime/platform/clock.ts';
import type { CommandInput, CommandTools } from '../arguments/command.ts';
import { failureFrom } from '../output/error-text.ts';
import { ReeveError, errorTable, exitCodes } from '../../../runtime/platform/errors.ts';
import { formatOf } from '../arguments/format-option.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';
import { watchMessages } from './outcome-watch.ts';
import { messageOf } from '../arguments/message-arguments.ts';
import { createFraming } from '../../framing/json-framing.ts';

type Accepted = Extract<Answer, { id: string }>;

/**
 * Sends the message of a command line, or those on standard input, to every batch of its targets;
 * returns the exit code.
 *
 * @throws ReeveError `bad_usage`, `bad_json`, `no_node`
 */
export async function sendMessages(input: CommandInput, tools: CommandTools): Promise<number> {
	const client = createClient(socketPath(input, tools));
	const timeoutMs = timeoutOf(input.options['timeout']);
	const written = await writtenIn(input, tools);
	const { batches, sleepMs } = await resolveTargets(input, client);
	const parts = batches.map((to) => messagesTo(to, { written, input }));
	if (input.options['dryRun'] === true) {
		tools.screen.out(dryRunText(parts, formatOf(input.options)));
		return exitCodes.ok;
	}
	const { signal } = tools.interrupts;
	const codes: number[] = [];
	for (const [at, messages] of parts.entries()) {
		if (at > 0) {
			await pause(tools.clock, sleepMs, signal);
			if (signal.aborted) {
				tools.screen.note(`stopped: ${batches.slice(at).flat().join(', ')} were sent no message`);
				return exitCodes.interrupted;
			}
		}
		codes.push(await sendOne(messages, client, { input, tools, timeoutMs }));
	}
	return worstOf(codes);
}

/** Hands a batch in and watches it until it is settled, unless `--detach` is given. */
async function sendOne(
	messages: readonly unknown[],
	client: Client,
	more: { input: CommandInput; tools: CommandTools; timeoutMs: number | undefined },
): Promise<number> {
	const { input, tools } = more;
	const answers = await client.handIn(messages);
	const accepted = answers.filter((answer): answer is Accepted => 'id' in answer);
	const refused = answers.filter((answer) => !('id' in answer)).map(refusalOf);
	for (const error of refused) tools.screen.fail(failureFrom(error));
	if (answers.length === 0) throw new ReeveError('no_node', 'the node went away without an answer');
	const refusedCode = refused[0] ? errorTable[refused[0].code].exitCode : exitCodes.ok;
	if (accepted.length === 0) return refusedCode;
	if (input.options['detach'] === true) {
		tools.screen.out(idsText(accepted, formatOf(input.options)));
		return refusedCode;
	}
	const exitCode = await watch(accepted, client, more);
	return exitCode === exitCodes.ok ? refusedCode : exitCode;
}

/**
 * The worst exit code of several batches: an interruption, then failures, then any other error.
 */
function worstOf(codes: readonly number[]): number {
	const worst = [exitCodes.interrupted, exitCodes.someFailed].find((code) => codes.includes(code));
	return worst ?? codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}

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

/** The messages on standard input; undefined if the message is on the command line. */
async function writtenIn(
	{ words }: CommandInput,
	{ interrupts }: CommandTools,
): Promise<readonly unknown[] | undefined> {
	if (words[0] !== '-') return undefined;
	const messages = await messagesFromInput(interrupts.signal);
	if (messages.length === 0) throw new ReeveError('bad_json', 'standard input holds no message');
	return messages;
}

/** The messages for one batch of nodes. */
function messagesTo(
	to: readonly string[],
	{ written, input }: { written: readonly unknown[] | undefined; input: CommandInput },
): readonly unknown[] {
	const [method = '', ...fields] = input.words;
	if (!written) return [messageOf({ method, fields, to, args: input.rest })];
	if (input.options['batch'] !== undefined && written.some(hasReceiver)) {
		throw new ReeveError('bad_usage', '--batch: a message on standard input names its receiver');
	}
	return written.map((raw) => addressed(raw, to));
}

/** Adds the receivers of `--to` to a message that names none. */
function addressed(raw: unknown, to: readonly string[]): unknown {
	const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw);
	if (!isObject || to.length === 0 || hasReceiver(raw)) return raw;
	return { ...raw, toNodes: to };
}

function hasReceiver(raw: unknown): boolean {
	return typeof raw === 'object' && raw !== null && ('toNode' in raw || 'toNodes' in raw);
}

/** The receivers, and the messages exactly as they would be handed in. */
function dryRunText(parts: readonly (readonly unknown[])[], format: string): string {
	const batches = parts.map((messages) => ({ to: receiversOf(messages), messages }));
	if (format === 'json') return `${JSON.stringify({ batches }, undefined, 2)}\n`;
	if (format === 'jsonl') return batches.map((each) => `${JSON.stringify(each)}\n`).join('');
	const texts = batches.map(({ to, messages }, at) => {
		const which = batches.length > 1 ? `batch ${at + 1} of ${batches.length}: ` : '';
		const count = `${to.length} ${to.length === 1 ? 'node' : 'nodes'}`;
		return `${which}${count}: ${to.join(' ')}\n${JSON.stringify(messages, undefined, 2)}\n`;
	});
	return texts.join('');
}

function receiversOf(messages: readonly unknown[]): readonly string[] {
	const names = messages.flatMap((raw) => {
		const { toNode, toNodes }: { toNode?: unknown; toNodes?: unknown } = Object(raw);
		return toNode === undefined ? toNodes : toNode;
	});
	return [...new Set(names.filter((name) => typeof name === 'string'))];
}

/** More than any node accepts: the node decides which messages are too large. */
const inputBytesMax = 1_073_741_824;

const inputDepthMax = 1000;
const inputValuesMax = Number.POSITIVE_INFINITY;

async function messagesFromInput(signal: AbortSignal): Promise<unknown[]> {
	const framing = createFraming({
		bytesMax: inputBytesMax,
		depthMax: inputDepthMax,
		valuesMax: inputValuesMax,
	});
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
