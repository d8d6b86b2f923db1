/**
 * The method that does nothing: what a benchmark of delivery has its messages run.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod, type MethodDefinition } from '../../runtime/method/method.ts';

/** What it is called, where one is enough. */
export const trivialName = 'REQTrivial';

/** Makes it. */
export function trivialMethod(name: string = trivialName): MethodDefinition {
	return defineMethod({
		name,
		aliases: [],
		summary: 'Do nothing, for benchmarks',
		kind: 'EventACK',
		ordering: 'concurrent',
		onCrash: 'retry',
		replies: false,
		args: z.array(z.string()),
		example: {},
		run: () => Promise.resolve(),
	});
}
