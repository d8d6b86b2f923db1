/**
 * The building of a machine from a sheet: what is known while it goes on, and what has been found
 * to be wrong.
 *
 * @module
 */
import { createCompiler, type Expression, type ExpressionProblem } from './expression.ts';
import type { Scope, Shape, Shapes, Values } from './expression.ts';
import type { Moment } from '../definition/definition.ts';
import type { YamlDefinition } from './definition-schema.ts';
import type { YamlPath, DefinitionProblem } from './source-text.ts';

/** Where in a sheet something is built, and what is known there of the event. */
export interface Where {
	readonly path: YamlPath;
	/** Undefined if it may be any event. */
	readonly event: Shapes | undefined;
	/** The state around it, by its name and those of the states around that. */
	readonly names?: readonly string[];
	/** The names of the lists of actions that it is part of. */
	readonly above?: readonly string[];
}

/** What XState's functions are given, as far as sheets use it. */
export interface Given {
	readonly context: unknown;
	readonly event: unknown;
}

/** A building. */
export interface Build {
	readonly definition: YamlDefinition;
	readonly problems: readonly DefinitionProblem[];
	/** The ids of the asks in it. */
	readonly asks: Set<string>;
	/** The ids of the monitors in it. */
	readonly monitors: Set<string>;
	/** The shapes of the fields of the context. */
	readonly context: Shapes;
	/** Notes that something is wrong. */
	readonly report: (problem: DefinitionProblem) => void;
	compile(text: string, event: Shapes | undefined): Expression | ExpressionProblem;
	/** Compiles where not even the fields of the context are known. */
	readonly compileAnywhere: (text: string) => Expression | ExpressionProblem;
	/** What the turn has been told of; see {@link Build.enter}. */
	values(given: Given): Values;
	/** Begins a turn. */
	readonly enter: (moment: Moment) => void;
}

/** Begins a building. */
export function startBuild(definition: YamlDefinition): Build {
	const problems = new Map<string, DefinitionProblem>();
	const compilers = new Map<Shapes | undefined, ReturnType<typeof createCompiler>>();
	let moment: Moment = { now: 0, key: '', node: '' };
	const first = createCompiler({ context: {}, event: {} });
	const context: Record<string, Shape> = {};
	for (const [name, value] of Object.entries(definition.context ?? {})) {
		const isExpression = typeof value === 'string' && value.startsWith('=');
		const made = isExpression ? first(value.slice(1)) : undefined;
		context[name] = made && 'shape' in made ? made.shape : shapeOf(value);
	}
	const compilerOf = (event: Shapes | undefined) => {
		const known = compilers.get(event);
		if (known) return known;
		const scope: Scope = { context, event };
		const made = createCompiler(scope);
		compilers.set(event, made);
		return made;
	};
	return {
		definition,
		get problems() {
			return [...problems.values()];
		},
		asks: new Set(),
		monitors: new Set(),
		context,
		report(problem) {
			problems.set(JSON.stringify([problem.path, problem.text, problem.inside]), problem);
		},
		compile: (text, event) => compilerOf(event)(text),
		compileAnywhere: first,
		values: ({ context: now, event }) => ({ context: now, event, ...moment }),
		enter(next) {
			moment = next;
		},
	};
}

/** The shape of a value that stands in a sheet. */
export function shapeOf(value: unknown): Shape {
	if (Array.isArray(value)) return 'list';
	switch (typeof value) {
		case 'number':
		case 'string':
		case 'boolean':
			return typeof value as Shape;
		case 'object':
			return value === null ? 'any' : 'map';
		default:
			return 'any';
	}
}

/** The event of a step that has ended well. */
export const doneShapes: Shapes = { type: 'string', output: 'any' };
/** The event of a step that has failed. */
export const failedShapes: Shapes = { type: 'string', error: 'map' };
const replyShapes: Shapes = {
	type: 'string',
	outcome: 'string',
	code: 'string',
	detail: 'string',
	data: 'string',
};
/** Of an ask that has no answer, and of a monitor. */
const reasonShapes: Shapes = { type: 'string', reason: 'string' };

/** Makes the look-up of the shapes of events by their types. */
export function eventShapes({ events }: YamlDefinition): (type: string) => Shapes | undefined {
	const declared = Object.entries(events ?? {}).map(([type, fields]): [string, Shapes] => {
		const named = Object.entries(fields ?? {});
		const shapes = named.map(([name, shape]): [string, Shape] => [name.replace(/\?$/, ''), shape]);
		return [type, { type: 'string', ...Object.fromEntries(shapes) }];
	});
	const known = new Map(declared);
	return (type) => {
		if (type.startsWith('reply.')) return replyShapes;
		if (/^(?:timeout|down)\./.test(type)) return reasonShapes;
		return known.get(type);
	};
}
