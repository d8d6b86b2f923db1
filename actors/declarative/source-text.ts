/**
 * Reads the texts of YAML definitions, checks them against the schema, and finds the line and
 * column of each problem.
 *
 * @module
 */
import type { z } from 'zod';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import {
	parseYaml,
	placeOfPath,
	yamlValue,
	type EntryPart,
	type YamlText,
} from '../../runtime/text/yaml.ts';
import { definitionSchema, type YamlDefinition } from './definition-schema.ts';

/** The path to a part of a YAML definition. */
export type YamlPath = readonly PropertyKey[];

/** A problem of a YAML definition. */
export interface DefinitionProblem {
	readonly path: YamlPath;
	/** A sentence without a full stop. */
	readonly text: string;
	/** Whether the key is meant, or its value. */
	readonly part?: EntryPart;
	/** The character of the text there. */
	readonly inside?: number;
}

/** A YAML definition that was read. */
export interface SourceText {
	readonly definition: YamlDefinition;
	/** The error with the places of these problems, in their order. */
	readonly refusal: (problems: readonly DefinitionProblem[]) => ReeveError;
}

/** How many problems an error lists. */
const problemsMax = 10;

/**
 * Reads the text of a YAML definition. `source` is its name in errors.
 *
 * @throws ReeveError `bad_declaration`, with `source:line:column: what is wrong` in each line of
 * its detail
 */
export function readSourceText(source: string, text: string): SourceText {
	const yaml = parseYaml(text);
	if (yaml.problem) {
		const { place, text: what } = yaml.problem;
		const said = what.split('\n')[0] ?? '';
		throw new ReeveError('bad_declaration', `${source}:${place.line}:${place.column}: ${said}`);
	}
	const value = yamlValue(yaml);
	const refusal = (problems: readonly DefinitionProblem[]): ReeveError =>
		refusalOf(source, yaml, problems);
	const parsed = definitionSchema.safeParse(value);
	if (parsed.success) return { definition: parsed.data, refusal };
	const { issues } = parsed.error;
	// A problem of an object as a whole is only a consequence of the problems of its keys.
	const isOrigin = (issue: Issue) =>
		issue.code !== 'custom' || !issues.some((other) => other !== issue && isAt(other, issue.path));
	throw refusal(issues.filter(isOrigin).map((issue) => problemOf(issue, value)));
}

function refusalOf(
	source: string,
	yaml: YamlText,
	problems: readonly DefinitionProblem[],
): ReeveError {
	const lines = problems.map(({ path, text, ...where }) => {
		const { line, column } = placeOfPath(yaml, path, where);
		return { line, column, text };
	});
	const sorted = lines.toSorted((one, other) => one.line - other.line || one.column - other.column);
	const told = sorted
		.slice(0, problemsMax)
		.map(({ line, column, text }) => `${source}:${line}:${column}: ${text}`);
	const more = sorted.length - told.length;
	const rest = more > 0 ? [`${source}: and ${more} more`] : [];
	return new ReeveError('bad_declaration', [...told, ...rest].join('\n'));
}

type Issue = z.core.$ZodIssue;

function isAt(issue: Issue, path: YamlPath): boolean {
	return path.every((step, index) => issue.path[index] === step);
}

/** The problem that zod has found, in the words of YAML definitions. */
function problemOf(issue: Issue, whole: unknown, above: YamlPath = []): DefinitionProblem {
	const path = [...above, ...issue.path];
	switch (issue.code) {
		case 'invalid_union': {
			const [deeper] = likeliest(issue.errors);
			if (deeper) return problemOf(deeper, whole, path);
			return { path, text: 'this is not allowed here' };
		}
		case 'unrecognized_keys':
			return { path: [...path, ...issue.keys.slice(0, 1)], text: issue.message, part: 'key' };
		case 'invalid_key':
			return { path, text: issue.issues[0]?.message ?? issue.message, part: 'key' };
		case 'invalid_value': {
			const given = partOf(whole, path);
			const known = issue.values.map(String);
			if (typeof given !== 'string') return { path, text: `it must be one of ${known.join(', ')}` };
			const nearest = nearestWord(given, known);
			const advice = nearest === undefined ? '' : `; did you mean ${nearest}?`;
			return { path, text: `${given} is not one of ${known.join(', ')}${advice}` };
		}
		default:
			return { path, text: issue.message };
	}
}

/** The alternative of a union that was probably meant: the first of the right type. */
function likeliest(errors: readonly (readonly Issue[])[]): readonly Issue[] {
	const isOther = (issues: readonly Issue[]) =>
		issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0);
	return errors.find((issues) => !isOther(issues)) ?? errors[0] ?? [];
}

function partOf(whole: unknown, path: YamlPath): unknown {
	let part = whole;
	for (const step of path) part = Reflect.get(Object(part), step);
	return part;
}
