/**
 * Finds the places of errors in programs. A refusal of a machine has names and no positions, so the
 * text is searched for the names.
 *
 * @module
 */
import { ReeveError, reasonOf } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';

/** A file that was read. */
interface Read {
	readonly source: string;
	readonly text: string;
}

/** The error of a file, with the place if it is found. */
export function placedError(thrown: unknown, { source, text }: Read): ReeveError {
	const why = ofTarget(detailOf(thrown), text);
	const options = { cause: thrown };
	const placed = why.split('\n').filter((line) => line.startsWith(`${source}:`));
	if (placed.length > 0) return new ReeveError('bad_declaration', placed.join('\n'), options);
	const place = placeInText(why, text) ?? placeInStack(thrown, source) ?? '1:1';
	return new ReeveError('bad_declaration', `${source}:${place}: ${why}`, options);
}

/** The detail of an error, which may come from another copy of this package. */
function detailOf(thrown: unknown): string {
	if (Reflect.get(Object(thrown), 'code') === 'ERR_UNKNOWN_FILE_EXTENSION') {
		return "TypeScript needs a loader in this process: start it with NODE_OPTIONS='--import tsx'";
	}
	const detail: unknown = Reflect.get(Object(thrown), 'detail');
	if (typeof detail === 'string' && detail !== '') return detail;
	return reasonOf(thrown);
}

/** Rewrites XState's refusal of a target in the form of our refusals. */
function ofTarget(why: string, text: string): string {
	const [, place, name] =
		/^Invalid transition definition for state node '([^']+)':\s[^']*'([^']+)' does not exist/.exec(
			why,
		) ?? [];
	if (place === undefined || name === undefined) return why;
	const keys = [...text.matchAll(/([\w-]+)['"]?\s*:/g)].map(([, key = '']) => key);
	const nearest = nearestWord(name, keys);
	return `in ${place}, there is no state ${name}${nearest ? `; is it ${nearest}?` : ''}`;
}

/** Where the refused name is written, first in its state and then anywhere; or else its state. */
function placeInText(why: string, text: string): string | undefined {
	const lines = text.split('\n');
	const state = stateLine(why, lines);
	const [, name] =
		/there is no \w+ ([\w-]+)|the action ([\w-]+) is a raw/.exec(why)?.filter(Boolean) ?? [];
	for (const from of name === undefined ? [] : [state, 0]) {
		for (const found of [new RegExp(`['"][.#]?${name}['"]`), new RegExp(`\\b${name}\\b`)]) {
			const place = placeOf(found, lines, from ?? 0);
			if (place) return `${place.line + 1}:${place.column + 1}`;
		}
	}
	if (state === undefined) return undefined;
	return `${state + 1}:${(lines[state]?.search(/\S/) ?? 0) + 1}`;
}

/** The line of the state whose path a refusal names, as in `in door.open,`. */
function stateLine(why: string, lines: readonly string[]): number | undefined {
	const [, path = ''] = /^(?:actor [\w-]+: )?in ([\w.-]+), /.exec(why) ?? [];
	const [, ...names] = path.split('.');
	let line: number | undefined;
	for (const name of names) {
		const found = placeOf(new RegExp(`\\b${name}['"]?\\s*:`), lines, (line ?? -1) + 1);
		if (!found) return line;
		({ line } = found);
	}
	return line;
}

function placeOf(found: RegExp, lines: readonly string[], from: number) {
	const offset = lines.slice(from).findIndex((line) => found.test(line));
	if (offset < 0) return undefined;
	const line = from + offset;
	return { line, column: lines[line]?.search(found) ?? 0 };
}

/** The place in the stack of an error, or in the message of the loader. */
function placeInStack(thrown: unknown, source: string): string | undefined {
	const stack = thrown instanceof Error ? `${thrown.message}\n${thrown.stack ?? ''}` : '';
	const escaped = source.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&');
	const [, line, column] = new RegExp(`${escaped}(?:\\?[^:\\s]*)?:(\\d+):(\\d+)`).exec(stack) ?? [];
	return line === undefined ? undefined : `${line}:${column}`;
}
