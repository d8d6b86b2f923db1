/**
 * The context of a build: what is known while a YAML definition is compiled to a machine, and the
 * problems that were found.
 *
 * @module
 */
import { createCompiler, type Expression, type ExpressionProblem } from './expression.ts';
import type { Scope, Shape, Shapes, Values } from './expression.ts';
import { createBudget, type Budget } from './expression-budget.ts';
import type { Moment } from '../definition/definition.ts';
import type { YamlDefinition } from './definition-schema.ts';
import type { YamlPath, DefinitionProblem } from './source-text.ts';

/** A place in a YAML definition, and what is known there of the event. */
export interface Where {
	readonly path: YamlPath;
	/** Undefined if it may be any event. */
	readonly event: Shapes | undefined;
	/** The names of the states around it, outermost first. */
	readonly names?: readonly string[];
	/** The names of the lists of actions around it. */
	readonly above?: readonly string[];
}

/** The part of XState's arguments that is used. */
export interface Given {
	readonly context: unknown;
	readonly event: unknown;
}

/** The compilation of one YAML definition. */
export interface Build {
	readonly definition: YamlDefinition;
	readonly problems: readonly DefinitionProblem[];
	/** The ids of the asks in it. */
	readonly asks: Set<string>;
	/** The ids of the monitors in it. */
	readonly monitors: Set<string>;
	/** The shapes of the fields of the context. */
	readonly context: Shapes;
	/** Adds a problem. */
	readonly report: (problem: DefinitionProblem) => void;
	compile(text: string, event: Shapes | undefined): Expression | ExpressionProblem;
	/** Compiles an expression without knowledge of the fields of context and event. */
	readonly compileAnywhere: (text: string) => Expression | ExpressionProblem;
	/** The values of expressions in the turn that {@link Build.enter} has begun. */
	values(given: Given): Values;
	/** Begins a turn. */
	readonly enter: (moment: Moment) => void;
	/** What the expressions of the turn may still do. */
	readonly budget: Budget;
}

/** Begins a build. */
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
	const budget = createBudget();
	return {
		definition,
		budget,
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
		values: ({ context: now, event }) => ({ context: now, event, ...moment, budget }),
		enter(next) {
			moment = next;
			budget.begin();
		},
	};
}

/** The shape of a constant value. */
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

/** The event of a step that is done. */
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
/** The event of an ask without an answer, and of a monitor. */
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
