/**
 * What is right: messages and questions as people write them, from which inputs are made. None of
 * them runs a command, fetches a page, or stops a process of the node.
 *
 * @module
 */
import type { Chance } from './chance.ts';
import { spliced, mutated } from './byte-mutation.ts';
import { jsonOf, mutatedTree, treeOf, type Tree } from './value-mutation.ts';

const toCentral = { toNode: 'central' } as const;

/** Messages that the node of {@link startFuzzNode} takes. */
export const messages: readonly object[] = [
	{ ...toCentral, method: 'REQPing' },
	{
		...toCentral,
		method: 'REQPing',
		id: 'job-1',
		key: 'k',
		note: 'a note',
		ACKTimeout: 1,
		retries: 2,
		ttl: 5,
		methodTimeout: 3,
		onCrash: 'retry',
	},
	{ toNodes: ['central', 'central'], method: 'REQPing', replyMethod: 'REQNone' },
	{
		...toCentral,
		method: 'REQToFile',
		data: ['one\n', 'two\n'],
		directory: 'dir',
		fileName: 'file.txt',
		replyMethod: 'REQToFileAppend',
		replyMethodArgs: [],
		replyACKTimeout: 1,
		replyRetries: 1,
		replyMethodTimeout: 2,
	},
	{ ...toCentral, method: 'append-file', data: 'line\n', fileName: 'log' },
	{ ...toCentral, method: 'REQToFileNACK', kind: 'EventNACK', data: 'x', fileName: 'x' },
	{ ...toCentral, method: 'REQNone', replyTopic: 'me/answers', correlation: 'c1' },
	{ ...toCentral, method: 'REQRelay', methodArgs: ['central', 'REQPing'] },
	{ ...toCentral, method: 'REQCopySrc', methodArgs: ['a', 'central', 'b'] },
	{ ...toCentral, method: 'REQCancel', methodArgs: ['no-such-message'] },
	{ ...toCentral, method: 'REQAudit', methodArgs: ['job-1'] },
	{ ...toCentral, method: 'REQToConsole', data: 'text' },
	{ ...toCentral, method: 'REQHello', data: 'hello' },
	{ ...toCentral, method: 'REQErrorLog', data: 'an error' },
	{ ...toCentral, method: 'REQPong', data: 'pong' },
	{ ...toCentral, method: 'REQStartupList' },
	{ ...toCentral, method: 'REQStartupWrite', methodArgs: ['boot'], data: '{"method":"REQPing"}' },
	{ ...toCentral, method: 'REQKeysDeliverUpdate', data: 'ed25519:x' },
	{ ...toCentral, method: 'REQAclDeliverUpdate', data: 'rules: []' },
	{ ...toCentral, method: 'REQOpProcessList' },
	{ ...toCentral, method: 'REQPing', schedule: { every: 3600, total: 7200, times: 2, splay: 1 } },
	{ ...toCentral, method: 'REQPing', schedule: { cron: '*/5 * * * *', timezone: 'Europe/Oslo' } },
	{ ...toCentral, method: 'REQPing', schedule: [3600, 7200] },
	{ ...toCentral, method: 'REQPing', schedule: 'every 10m for 2h' },
	{ ...toCentral, method: 'REQPing', operation: { opCmd: 'ps', opArg: { a: [1, { b: 2 }] } } },
	{
		...toCentral,
		method: 'thermostat',
		key: 'kitchen',
		methodArgs: ['READING', '{"celsius":17.5}'],
	},
	{ ...toCentral, method: 'thermostat', key: 'hall', methodArgs: ['TELL'] },
	{ ...toCentral, method: 'thermostat', key: 'hall', data: '{"type":"TARGET","celsius":21}' },
];

/** Questions that a node answers, on its sockets. */
export const questions: readonly object[] = [
	{ reeve: 'node' },
	{ reeve: 'nodes' },
	{ reeve: 'methods' },
	{ reeve: 'explain', method: 'REQPing' },
	{ reeve: 'events', type: 'message.*', message: 'job' },
	{ reeve: 'processes' },
	{ reeve: 'messages', limit: 3 },
	{ reeve: 'messages', ids: ['job-1'] },
	{ reeve: 'dead', limit: 2 },
	{ reeve: 'tree' },
	{ reeve: 'quarantine', limit: 1 },
	{ reeve: 'actors' },
	{ reeve: 'actor', actor: 'thermostat', key: 'kitchen' },
	{ reeve: 'reload', isDryRun: true },
	{ reeve: 'unpark', actor: 'thermostat', key: 'kitchen', fresh: true },
	{ reeve: 'message', id: 'job-1' },
	{ reeve: 'retry', ids: ['job-1'] },
	{ reeve: 'cancel', ids: ['no-such-message'] },
	{ reeve: 'drop', where: { state: 'dead', olderThanMs: 1 } },
	{ reeve: 'resend', ids: ['job-1'] },
	{ reeve: 'watch', ids: ['no-such-message'] },
];

/** The tree of a message, or of a list of them, mutated or not. */
export function messageTree(chance: Chance, all: readonly object[] = messages): Tree {
	const one = (): Tree => {
		const tree = treeOf(chance.pick(all));
		return chance.happens(0.8) ? mutatedTree(tree, chance) : tree;
	};
	if (chance.happens(0.75)) return one();
	return { type: 'list', list: Array.from({ length: chance.below(6) }, one) };
}

/** A message, or several, as JSON; its text is seldom mutated as well. */
export function messageBytes(chance: Chance, all: readonly object[] = messages): Uint8Array {
	const bytes = Buffer.from(jsonOf(messageTree(chance, all)));
	if (chance.happens(0.65)) return bytes;
	if (chance.happens(0.2))
		return spliced(bytes, Buffer.from(jsonOf(messageTree(chance, all))), chance);
	return mutated(bytes, chance);
}
