/**
 * The reply that a request asks for, as a mark that is kept with its entry in the books. A reply
 * needs no permission of its own, because this node has asked for it; but only for that one: who
 * answers a ping with a command has not been asked for that.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Message } from './message.ts';

/** The mark of what a request asks for; undefined if it wants no more than its outcome. */
export function askedReply(request: Message): string | undefined {
	const { replyMethod, replyMethodArgs = [], fileName } = request;
	const method = replyMethod ?? (fileName ? 'REQToFileAppend' : undefined);
	return method === undefined ? undefined : markOf(method, replyMethodArgs);
}

/** The mark of what a reply calls, by the wire name of the method that takes it. */
export function givenReply(method: string, methodArgs: readonly string[]): string {
	return markOf(method, methodArgs);
}

function markOf(method: string, args: readonly string[]): string {
	if (args.length === 0) return method;
	const hash = createHash('sha256').update(JSON.stringify(args)).digest('base64url');
	return `${method} ${hash.slice(0, 22)}`;
}
