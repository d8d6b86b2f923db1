/**
 * Objects in YAML definitions that refuse unknown keys, with the nearest known one in the error.
 *
 * @module
 */
import { z } from 'zod';
import { nearestWord } from '../../runtime/text/spelling.ts';

/** The schema of an object with these keys only. `hint` may replace the error of an unknown key. */
export function strictObject<Shape extends z.core.$ZodLooseShape>(
	what: string,
	shape: Shape,
	hint: (key: string) => string | undefined = () => undefined,
): z.ZodObject<Shape, z.core.$strict> {
	const error = (issue: { readonly code?: string; readonly keys?: readonly string[] }) => {
		const [key] = issue.keys ?? [];
		if (issue.code !== 'unrecognized_keys' || key === undefined) return undefined;
		return hint(key) ?? unknownName(what, key, Object.keys(shape));
	};
	return z.strictObject(shape, { error: (issue) => error(issue as Parameters<typeof error>[0]) });
}

/** The text of the error about an unknown name. */
export function unknownName(what: string, name: string, known: Iterable<string>): string {
	const nearest = nearestWord(name, known);
	return `there is no ${what} ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}
