/**
 * What a method needs to be run by itself: a message and a context, and what the method did with
 * them.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { steppedClock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { dataFile } from '../../runtime/files/data-folder.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { loadMethods } from '../../runtime/method/method-registry.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';
import type { Output } from '../../runtime/message/reply.ts';

/** The methods that reeve brings along. */
export const builtInMethods = await loadMethods([
	fileURLToPath(new URL('../../actors/methods/', import.meta.url)),
]);

/** A message from central to ship1, but for what is given. */
export function messageOf(fields: Partial<Message> = {}): Message {
	const places = { fromNode: 'central', toNode: 'ship1' };
	const what = { id: 'm1', method: 'REQPing', kind: 'EventACK', methodArgs: [] } as const;
	return { ...what, ...places, ...fields };
}

/** The stage that {@link createStage} sets. */
export interface Stage {
	readonly data: string;
	readonly printed: string[];
	/** Runs a method by name for a message of these fields. */
	run(
		method: string,
		fields?: Partial<Message>,
		context?: Partial<MethodContext>,
	): Promise<Output | void>;
	context(more?: Partial<MethodContext>): MethodContext;
}

/** A node called ship1 with a data folder of its own, as far as a method can see one. */
export function createStage(t: TestScope): Stage {
	const data = temporaryFolder(t);
	const printed: string[] = [];
	const context = (more: Partial<MethodContext> = {}): MethodContext => ({
		node: 'ship1',
		storeId: 'store1',
		clock: steppedClock(),
		signal: new AbortController().signal,
		timeoutMs: 10_000,
		attempt: 1,
		outputBytesMax: 100_000,
		limits: configOf(),
		note: () => Promise.resolve(),
		reply: () => Promise.resolve(),
		hasCapacity: () => true,
		ask: () => Promise.reject(new Error('nobody is asked here')),
		print: (text) => void printed.push(text),
		dataFile: (...parts) => dataFile(data, ...parts),
		...more,
	});
	return {
		data,
		printed,
		context,
		run: (method, fields, more) =>
			methodOf(method).run(messageOf({ method, ...fields }), context(more)),
	};
}

/** The built-in method of this name; an error if there is none. */
export function methodOf(name: string): MethodDefinition {
	const definition = builtInMethods.find(name);
	if (!definition) throw new Error(`no method ${name}`);
	return definition;
}
