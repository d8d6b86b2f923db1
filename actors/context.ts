/**
 * What a running method is handed: the little of its node that it may use.
 *
 * @module
 */
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import { dataFile } from '../runtime/data-folder.ts';
import type { MethodContext, MethodDefinition } from '../runtime/define.ts';
import type { Message } from '../runtime/envelope.ts';
import type { Post } from '../runtime/post.ts';
import type { Received } from '../runtime/received.ts';
import { composeReply } from '../runtime/reply.ts';

/** What a context is made from. */
export interface ContextParts {
	readonly node: string;
	readonly definition: MethodDefinition;
	readonly message: Message;
	readonly attempt: number;
	readonly clock: Clock;
	readonly config: Config;
	readonly post: Post;
	readonly storeId: string;
	readonly received?: Received | undefined;
	readonly print: (from: string, text: string) => void;
}

/** Creates the context of one run; the call adds the signal. */
export function createMethodContext(parts: ContextParts): Omit<MethodContext, 'signal'> {
	const { node, clock, config, definition, message, post, attempt } = parts;
	const { replies } = definition;
	return {
		node,
		clock,
		attempt,
		storeId: parts.storeId,
		received: parts.received,
		timeoutMs: (message.methodTimeout || config.defaultMethodTimeout) * 1000,
		outputBytesMax: config.outputBytesMax,
		reply(data) {
			const interim = composeReply(message, { output: { data } }, { clock, node, replies });
			// It is on disk or the node is going down, in which case its run will be replayed anyway.
			if (interim) post.send([interim]).catch(() => undefined);
		},
		print: (text) => parts.print(message.fromNode, text),
		dataFile: (...path) => dataFile(config.subscribersDataFolder, ...path),
	};
}
