/**
 * The method that copies a file to another node.
 *
 * @module
 */
import { z } from 'zod';
import { isName } from '../../runtime/message/topics.ts';
import { defineMethod } from '../../runtime/method/method.ts';
import { sendFile } from '../io/file-copy-source.ts';
import { copyPath, modeText, wholeNumber } from '../io/file-copy.ts';

/** The arguments that may be left out, or empty. */
const optional = (text: z.ZodType<string>) => z.literal('').or(text);
const shape = [z.string().min(1), z.string().refine(isName), z.string().min(1)];
const more = [optional(wholeNumber), optional(wholeNumber), modeText];

/** Larger chunks would not fit into one message. */
const chunkBytesMax = 4_000_000;

/**
 * Copies a file of this node to another. `methodArgs`, as in steward: the path here, the node, the
 * path there; then three that may be left out or empty: the bytes of a chunk, the seconds that it
 * may take in all, and the permissions of folders that are created. Relative paths lie in the data
 * folder.
 *
 * After a death of either end, and also if it is sent again, the copy goes on where it was: the
 * target keeps what it has on its disk. The file appears under its name only when its checksum is
 * right.
 */
export default defineMethod({
	name: 'REQCopySrc',
	aliases: ['copy'],
	summary: 'Copy a file of this node to another node',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	durable: true,
	replies: true,
	timeoutOf: ({ methodArgs: [, , , , seconds] }) => Number(seconds) || -1,
	args: z
		.array(z.string())
		.min(3, 'methodArgs must be a path, a node, and the path there')
		.max(6, 'methodArgs are six at most')
		.refine(
			(args) => args.every((text, index) => [...shape, ...more][index]?.safeParse(text).success),
			'methodArgs are: path, node, path there, bytes, seconds, permissions such as 0755',
		),
	sendsOn([, toNode, path]) {
		if (toNode === undefined || path === undefined) return undefined;
		return { toNode, method: 'REQCopyDst', methodArgs: ['begin', path] };
	},
	example: { methodArgs: ['report.txt', 'central', 'copies/report.txt'] },
	async run({ methodArgs }, context) {
		const [path = '', toNode = '', target = '', bytes = '', , folderMode = ''] = methodArgs;
		const wanted = Number(bytes) || context.limits.copyChunkBytes;
		const chunkBytes = Math.min(chunkBytesMax, Math.max(1024, wanted));
		const from = await copyPath(path, context);
		const said = await sendFile({ path: from, toNode, target, chunkBytes, folderMode }, context);
		return { data: said };
	},
});
