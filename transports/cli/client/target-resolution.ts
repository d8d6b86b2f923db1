/**
 * Resolves `--to` to the names of nodes, with the help of the node behind the socket, and divides
 * them into batches.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { ReeveError, reasonOf } from '../../../runtime/platform/errors.ts';
import type { Facts } from '../../../runtime/message/facts.ts';
import {
	limited,
	readTarget,
	resolveTarget,
	type Candidate,
} from '../../../runtime/message/target.ts';
import type { Client } from './socket-client.ts';
import type { CommandInput, OptionDefinition } from '../arguments/command.ts';
import { readDuration } from '../output/durations.ts';
import type { NodeRow } from '../../../runtime/queries/question.ts';
import { utf8Text } from '../../../runtime/text/utf8.ts';

/** The options of a command that sends to targets. */
export const targetOptions: readonly OptionDefinition[] = [
	{ flags: '--to <target>', help: "Nodes: ship1,ship2  'ship*'  @file  'os=linux and role~db'" },
	{ flags: '--limit <count>', help: 'Only the first of them: 5, or 10%' },
	{ flags: '--batch <count>', help: 'How many at a time; the next batch when these have answered' },
	{ flags: '--batch-sleep <duration>', help: 'Wait between batches: 30s, 5m' },
	{ flags: '--dry-run', help: 'Show which node would get what, and send nothing' },
];

/** The resolved targets. */
export interface Targets {
	/** Names of nodes, in batches; one empty batch if the messages name their receivers. */
	readonly batches: readonly (readonly string[])[];
	readonly sleepMs: number;
}

/**
 * Reads the options, and finds the nodes.
 *
 * @throws ReeveError `bad_target`, `bad_usage`; `nobody_matched`
 */
export async function resolveTargets({ options }: CommandInput, client: Client): Promise<Targets> {
	const { to, limit, batch } = options;
	const sleepMs = readDuration('--batch-sleep', options['batchSleep']) ?? 0;
	const size = batch === undefined ? Number.POSITIVE_INFINITY : countOf(batch);
	if (typeof to !== 'string') {
		if (limit === undefined && batch === undefined) return { batches: [[]], sleepMs };
		throw new ReeveError('bad_usage', '--limit and --batch need --to');
	}
	const all = await nodesOf(withFiles(to), client);
	const names = typeof limit === 'string' ? limited(all, limit) : all;
	if (names.length === 0) throw new ReeveError('nobody_matched', to);
	const batches: (readonly string[])[] = [];
	for (let from = 0; from < names.length; from += size)
		batches.push(names.slice(from, from + size));
	return { batches, sleepMs };
}

/** The nodes that match. Plain names are not looked up: a node need not be known yet. */
async function nodesOf(text: string, client: Client): Promise<readonly string[]> {
	const target = readTarget(text);
	if (target.isList) return target.names;
	const known: Candidate[] = [];
	for await (const row of client.ask<NodeRow>({ reeve: 'nodes' })) known.push(row);
	for await (const row of client.ask<{ name: string; facts?: Facts }>({ reeve: 'node' })) {
		known.push(row);
	}
	return resolveTarget(target, known);
}

/**
 * Puts the lines of a file in place of each `@file`: as a list, or, in the middle of a condition,
 * as alternatives. The rest of a line after `#` is a comment.
 */
function withFiles(text: string): string {
	const isCondition = /[()=~]|\b(?:and|or|not)\b/.test(text.replaceAll(filePattern, ' '));
	return text.replaceAll(filePattern, (_, before: string, path: string) => {
		const lines = linesOf(path);
		const joined = isCondition ? `(${lines.join(' or ')})` : lines.join(',');
		return `${before}${joined}`;
	});
}

const filePattern = /(^|[\s,(])@([^\s,()]+)/g;

function linesOf(path: string): readonly string[] {
	let text: string;
	try {
		text = utf8Text(readFileSync(path));
	} catch (cause) {
		const why = reasonOf(cause);
		throw new ReeveError('bad_usage', `--to @${path}: ${why}`, { cause });
	}
	const lines = text.split('\n').map((line) => line.replace(/#.*$/, '').trim());
	const named = lines.filter((line) => line !== '');
	if (named.length === 0) throw new ReeveError('bad_target', `@${path} names no node`);
	return named;
}

function countOf(given: string | boolean): number {
	const count = Number(given);
	if (Number.isInteger(count) && count > 0) return count;
	throw new ReeveError('bad_usage', `--batch ${String(given)}: not a number of nodes`);
}
