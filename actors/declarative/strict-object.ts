/**
 * Objects in a sheet: their keys are known, and one that is not is named together with the nearest
 * that is.
 *
 * @module
 */
import { z } from 'zod';
import { nearestWord } from '../../runtime/text/spelling.ts';

/** An object with these keys and no others. `hint` may say more of a key that it does not have. */
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

/** What is said of a name that there is not. */
export function unknownName(what: string, name: string, known: Iterable<string>): string {
	const nearest = nearestWord(name, known);
	return `there is no ${what} ${name}${nearest === undefined ? '' : `; did you mean ${nearest}?`}`;
}
