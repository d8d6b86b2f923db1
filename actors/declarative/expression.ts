/**
 * Expressions in CEL, the language of guards and values in YAML definitions. CEL has no loops, no
 * assignments and no access beyond its input values, so an expression has no side effects.
 *
 * Numbers are those of JSON, and may be mixed with whole literals; only the division and remainder
 * of two whole literals are those of integers. A pattern in `matches` is one of RE2, as CEL has it.
 * The work of an evaluation is counted, and taken from the budget of its turn.
 *
 * This file is the door to \@marcbachmann/cel-js.
 *
 * @module
 */
import { Environment, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import { createBudget, levelsMax, spendParts, type Budget } from './expression-budget.ts';
import { meter } from './expression-meter.ts';

/** The type of a value, as far as it is known at compile time. */
export type Shape = 'number' | 'string' | 'boolean' | 'list' | 'map' | 'any';

/** Fields with their shapes. */
export type Shapes = Readonly<Record<string, Shape>>;

/** The fields that an expression may name. */
export interface Scope {
	readonly context: Shapes;
	/** Undefined if the event may be any. */
	readonly event: Shapes | undefined;
}

/** The input values of an expression. */
export interface Values {
	readonly context: unknown;
	readonly event: unknown;
	/** Wall-clock milliseconds of the turn. */
	readonly now: number;
	/** The key of the instance. */
	readonly key: string;
	/** The node that it lives on. */
	readonly node: string;
	/** What the expressions of the turn may still do. */
	readonly budget: Budget;
}

/** A checked expression. */
export interface Expression {
	readonly shape: Shape;
	/**
	 * Throws an Error, which quotes the expression, if it fails for these values.
	 *
	 * @throws ReeveError `expression_limit` if it does more than the budget of its turn allows
	 */
	evaluate(values: Values): unknown;
}

/** A problem of an expression, and the character at which it is. */
export interface ExpressionProblem {
	readonly problem: string;
	readonly at: number;
}

/** Far more than an expression needs that is written by hand. */
const limits = { maxAstNodes: 5000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 1000 };

const celOf: Readonly<Record<Shape, string>> = {
	number: 'double',
	string: 'string',
	boolean: 'bool',
	list: 'list',
	map: 'map',
	any: 'dyn',
};

type Pair = readonly [string, (one: number, other: number) => number | boolean];

const mixed: readonly Pair[] = [
	['+', (one, other) => one + other],
	['-', (one, other) => one - other],
	['*', (one, other) => one * other],
	['/', (one, other) => one / other],
	['%', (one, other) => one % other],
	['==', (one, other) => one === other],
];

const ofOne = {
	abs: (value: number) => Math.abs(value),
	ceil: (value: number) => Math.ceil(value),
	floor: (value: number) => Math.floor(value),
	round: (value: number) => Math.round(value),
};
const ofTwo = {
	min: (one: number, other: number) => Math.min(one, other),
	max: (one: number, other: number) => Math.max(one, other),
};

/** That of the evaluation under way, which is synchronous. */
let budget = createBudget();

/**
 * The language with our additions: whole literals beside numbers, some arithmetic, and JSON.
 */
function createLanguage(): Environment {
	const made = new Environment({
		homogeneousAggregateLiterals: false,
		enableOptionalTypes: true,
		limits,
	});
	for (const [operator, work] of mixed) {
		const result = operator === '==' ? 'bool' : 'double';
		const run = (one: unknown, other: unknown) => work(Number(one), Number(other));
		made.registerOperator(`double ${operator} int: ${result}`, run);
		if (operator !== '==') made.registerOperator(`int ${operator} double: ${result}`, run);
	}
	made.registerOperator('double % double: double', (one: number, other: number) => one % other);
	for (const [name, work] of Object.entries(ofOne)) {
		for (const type of ['double', 'int']) {
			made.registerFunction(`${name}(${type}): double`, (value: unknown) => work(Number(value)));
		}
	}
	for (const [name, work] of Object.entries(ofTwo)) {
		for (const types of ['double, double', 'double, int', 'int, double', 'int, int']) {
			const run = (one: unknown, other: unknown) => work(Number(one), Number(other));
			made.registerFunction(`${name}(${types}): double`, run);
		}
	}
	made.registerFunction('toJson(dyn): string', (value: unknown) => {
		spendParts(value, budget);
		return JSON.stringify(plain(value));
	});
	made.registerFunction('fromJson(string): dyn', (text: string) => legible(JSON.parse(text)));
	return made
		.registerVariable('now', 'double')
		.registerVariable('key', 'string')
		.registerVariable('node', 'string');
}

const language = createLanguage();
/** Evaluates without knowledge of fields, because the values themselves are there. */
const running = language
	.clone()
	.registerVariable('context', 'map')
	.registerVariable('event', 'map');
const variables = ['context', 'event', 'now', 'key', 'node'];

/** Creates the compiler of a scope. It is reused, because it costs more than an expression does. */
export function createCompiler(scope: Scope): (text: string) => Expression | ExpressionProblem {
	const checking = language.clone();
	declare(checking, 'context', scope.context);
	declare(checking, 'event', scope.event);

	return (text) => {
		try {
			const parsed = softened(checking.parse(text));
			const { valid, error, type } = parsed.check();
			const lost = valid ? lostKey(parsed.ast) : undefined;
			if (lost) return lost;
			if (!valid) return problemOf(error, text, scope);
			const run = metered(softened(running.parse(text)));
			return {
				shape: shapeOf(type ?? 'dyn'),
				evaluate({ budget: given, ...values }) {
					budget = given;
					try {
						const value: unknown = evaluated(run, values);
						spendParts(value, given);
						return plain(value);
					} catch (thrown) {
						// Loops of the language pass on their first error, and forget that of the budget.
						throw failureOf(given.error() ?? thrown, text, scope);
					}
				},
			};
		} catch (thrown) {
			return problemOf(thrown, text, scope);
		}
	};
}

/** An error of an evaluation, with the expression. */
function failureOf(thrown: unknown, text: string, scope: Scope): Error {
	if (thrown instanceof ReeveError) {
		return new ReeveError(thrown.code, `${thrown.detail} in ${text}`, { cause: thrown });
	}
	const { problem } = problemOf(thrown, text, scope);
	return new Error(`${problem} in ${text}`, { cause: thrown });
}

type Parsed = ReturnType<Environment['parse']>;

/** The value for these values; they are looked through only if the language fails on them. */
function evaluated(run: Parsed, values: Omit<Values, 'budget'>): unknown {
	try {
		return run(values);
	} catch (thrown) {
		const others = thrown instanceof ReeveError ? values : legible(values);
		if (others === values) throw thrown;
		return run(others as Omit<Values, 'budget'>);
	}
}

/**
 * A value as the language can read it; the same one if it can. It takes `value.constructor` for the
 * type of a value, so an object with such a key becomes a `Map`.
 */
function legible(value: unknown, level = 0): unknown {
	// What nests deeper is refused anyway.
	if (typeof value !== 'object' || value === null || level > levelsMax) return value;
	const partOf = (held: unknown) => legible(held, level + 1);
	const entries = Object.entries(value).map(([key, held]) => [key, partOf(held)] as const);
	const isSame = entries.every(([key, held]) => held === Reflect.get(value, key));
	if (Array.isArray(value)) return isSame ? value : entries.map(([, held]) => held);
	if (Object.hasOwn(value, 'constructor')) return new Map(entries);
	return isSame ? value : Object.fromEntries(entries);
}

/** Keys that the language leaves out of the maps that are written in it. */
const lostKeys: ReadonlySet<unknown> = new Set(['__proto__', 'constructor', 'prototype']);

/** The first such key in an expression. */
function lostKey(part: unknown): ExpressionProblem | undefined {
	if (Array.isArray(part)) {
		for (const each of part) {
			const found = lostKey(each);
			if (found) return found;
		}
		return undefined;
	}
	const { op, args } = Object(part) as Partial<Record<string, unknown>>;
	if (op === undefined) return undefined;
	const pairs: readonly unknown[] = op === 'map' && Array.isArray(args) ? args : [];
	for (const pair of pairs) {
		const [key] = pair as readonly { op: string; args: unknown; start: number }[];
		if (key?.op !== 'value' || !lostKeys.has(key.args)) continue;
		return { problem: `no key may be ${String(key.args)}`, at: key.start };
	}
	return lostKey(args);
}

/** Counts what an expression does. One that the language refuses is left as it is. */
function metered(parsed: Parsed): Parsed {
	// The language chooses its operations when it checks the types.
	if (parsed.check().valid) meter(parsed.ast, () => budget);
	return parsed;
}

/**
 * Makes whole literals in the results of a conditional numbers, because CEL wants both results of
 * one type, as in `has(event.n) ? event.n : 1`.
 */
function softened(parsed: Parsed): Parsed {
	soften(parsed.ast);
	return parsed;
}

function soften(part: unknown): void {
	if (Array.isArray(part)) {
		for (const each of part) soften(each);
		return;
	}
	if (typeof part !== 'object' || part === null || !('op' in part)) return;
	const args: unknown = Reflect.get(part, 'args');
	if (part.op === '?:' && Array.isArray(args)) for (const each of args.slice(1)) asNumber(each);
	soften(args);
}

function asNumber(part: unknown): void {
	const node = Object(part) as object;
	const args: unknown = Reflect.get(node, 'args');
	if (typeof args === 'bigint') Reflect.set(node, 'args', Number(args));
	else if (Reflect.get(node, 'op') === '-_') asNumber(args);
}

function declare(environment: Environment, name: string, shapes: Shapes | undefined): void {
	const fields = Object.entries(shapes ?? {});
	if (fields.length === 0) {
		environment.registerVariable(name, 'map');
		return;
	}
	const schema = Object.fromEntries(fields.map(([field, shape]) => [field, celOf[shape]]));
	environment.registerVariable({ name, schema });
}

function shapeOf(type: string): Shape {
	switch (type) {
		case 'int':
		case 'uint':
		case 'double':
			return 'number';
		case 'string':
			return 'string';
		case 'bool':
			return 'boolean';
		default:
			if (type.startsWith('list')) return 'list';
			return type.startsWith('map') || type.startsWith('$') ? 'map' : 'any';
	}
}

function problemOf(thrown: unknown, text: string, scope: Scope): ExpressionProblem {
	const isKnown = thrown instanceof EvaluationError || thrown instanceof ParseError;
	if (!isKnown && !(thrown instanceof Error)) return { problem: String(thrown), at: 0 };
	const summary: unknown = Reflect.get(thrown, 'summary');
	const range: unknown = Reflect.get(thrown, 'range');
	const problem = typeof summary === 'string' ? summary : (thrown.message.split('\n')[0] ?? '');
	const at = Number(Reflect.get(Object(range), 'start') ?? 0);
	const end = Number(Reflect.get(Object(range), 'end') ?? at);
	const guess = nearestWord(text.slice(at, end), namesAt(text.slice(0, at), scope));
	const isName = /^(?:Unknown variable|No such key)/.test(problem);
	return { problem: isName && guess ? `${problem}; did you mean ${guess}?` : problem, at };
}

/** The names that may follow these characters. */
function namesAt(before: string, { context, event }: Scope): readonly string[] {
	const [, variable] = /(\w+)\??\.$/.exec(before.trimEnd()) ?? [];
	if (variable === 'context') return Object.keys(context);
	return variable === 'event' ? Object.keys(event ?? {}) : variables;
}

/** A value as JSON has it: CEL has integers, instants and durations of its own. */
function plain(value: unknown): unknown {
	if (typeof value === 'bigint') return Number(value);
	if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map(plain);
	if (value instanceof Date) return value.toISOString();
	if (value instanceof Map) return plain(Object.fromEntries(value));
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype === Object.prototype || prototype === null) {
		return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, plain(held)]));
	}
	return plainOfOwn(value);
}

/** Values of CEL's own types: a duration becomes milliseconds, an empty optional becomes null. */
function plainOfOwn(value: object): unknown {
	if ('seconds' in value && 'nanos' in value) {
		return Number(value.seconds) * 1000 + Math.round(Number(value.nanos) / 1_000_000);
	}
	if ('hasValue' in value && typeof value.hasValue === 'function') {
		const isThere: unknown = Reflect.apply(value.hasValue, value, []);
		const get: unknown = Reflect.get(value, 'value');
		return isThere === true && typeof get === 'function'
			? plain(Reflect.apply(get, value, []))
			: null;
	}
	const inner: unknown = value.valueOf();
	return typeof inner === 'bigint' || typeof inner === 'number' ? Number(inner) : String(inner);
}
