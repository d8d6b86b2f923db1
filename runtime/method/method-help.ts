/**
 * Explanations: what people must know to use a method, all of it from its declaration.
 *
 * @module
 */
import { z } from 'zod';
import { formatTopic } from '../message/topics.ts';
import type { MethodDefinition } from './method.ts';

/** What is told of a method. */
export interface ExplanationRow {
	readonly name: string;
	readonly aliases: readonly string[];
	readonly summary: string;
	readonly kind: string;
	readonly ordering: string;
	readonly onCrash: string;
	/** Whether its output comes back, or only how it ended. */
	readonly replies: boolean;
	/**
	 * What `methodArgs` must look like, as JSON Schema; absent if the schema cannot be written as
	 * one.
	 */
	readonly args?: object;
	/** A message that works on this node. */
	readonly example: object;
	/** Where any MQTT client may publish such a message. */
	readonly topic: string;
}

/** Explains a method as this node takes it. */
export function explain(
	definition: MethodDefinition,
	place: { readonly node: string; readonly prefix: string },
): ExplanationRow {
	const { name, aliases, summary, kind, ordering, onCrash, replies, example } = definition;
	const args = schemaOf(definition);
	return {
		name,
		aliases,
		summary,
		kind,
		ordering,
		onCrash,
		replies: replies !== false,
		...(args ? { args } : {}),
		example: { toNode: place.node, method: name, ...example },
		topic: formatTopic(place.prefix, { part: 'public', node: place.node, method: name, kind }),
	};
}

/** Checks that are functions are not in it; their messages tell when they fail. */
function schemaOf({ args }: MethodDefinition): object | undefined {
	try {
		return z.toJSONSchema(args, { unrepresentable: 'any', io: 'input' });
	} catch {
		// A schema of another copy of zod: the node itself can check with it, but not describe it.
		return undefined;
	}
}
