/**
 * Compiles the values in YAML definitions: constants, `=expressions`, and `${expressions}` in a
 * text.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { durationMs } from '../../runtime/text/duration.ts';
import type { Shape, Values } from './expression.ts';
import { shapeOf, type Build, type Where } from './build-context.ts';
import { unknownName } from './strict-object.ts';
import type { YamlPath } from './source-text.ts';

/** A value that is computed from context and event. */
export interface Computed {
	readonly shape: Shape;
	/** Whether it does not depend on them. */
	readonly isConstant: boolean;
	of(values: Values): unknown;
}

/** Replaces a value that has a problem. */
const nothing: Computed = { shape: 'any', isConstant: true, of: () => undefined };

function constant(value: unknown): Computed {
	return { shape: shapeOf(value), isConstant: true, of: () => value };
}

/** Compiles any value, including lists and maps. */
export function compileValue(build: Build, value: unknown, where: Where): Computed {
	if (typeof value === 'string') return compileText(build, value, where);
	if (typeof value !== 'object' || value === null) return constant(value);
	if (Array.isArray(value)) {
		const items = value.map((item, index) => compileValue(build, item, inside(where, index)));
		if (items.every(({ isConstant }) => isConstant)) return constant(value);
		return {
			shape: 'list',
			isConstant: false,
			of: (values) => items.map((item) => item.of(values)),
		};
	}
	return compileFields(build, value, where);
}

function compileFields(build: Build, value: object, where: Where): Computed {
	const fields = Object.entries(value).map(
		([name, held]) => [name, compileValue(build, held, inside(where, name))] as const,
	);
	if (fields.every(([, { isConstant }]) => isConstant)) return constant(value);
	return {
		shape: 'map',
		isConstant: false,
		of: (values) => Object.fromEntries(fields.map(([name, held]) => [name, held.of(values)])),
	};
}

/** The place of a part inside another. */
export function inside(where: Where, ...steps: YamlPath): Where {
	return { ...where, path: [...where.path, ...steps] };
}

function compileText(build: Build, text: string, where: Where): Computed {
	if (text.startsWith('=')) return compileExpression(build, text.slice(1), { ...where, from: 1 });
	const parts = [...piecesOf(text)];
	if (parts.every(({ isExpression }) => !isExpression)) {
		return constant(parts.map((part) => part.text).join(''));
	}
	const compiled = parts.map((part) =>
		part.isExpression
			? compileExpression(build, part.text, { ...where, from: part.from })
			: constant(part.text),
	);
	return {
		shape: 'string',
		isConstant: false,
		of: (values) => compiled.map((part) => textOf(part.of(values))).join(''),
	};
}

/** A value as part of a text. */
export function textOf(value: unknown): string {
	return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

interface Piece {
	readonly text: string;
	readonly isExpression: boolean;
	readonly from: number;
}

/** The pieces of a text; `$${` stands for a literal `${`. */
function* piecesOf(text: string): Generator<Piece> {
	let from = 0;
	for (;;) {
		const at = text.indexOf('${', from);
		if (at < 0) break;
		if (text[at - 1] === '$') {
			yield { text: `${text.slice(from, at - 1)}\${`, isExpression: false, from };
			from = at + 2;
			continue;
		}
		const end = endOf(text, at + 2);
		yield { text: text.slice(from, at), isExpression: false, from };
		yield { text: text.slice(at + 2, end), isExpression: true, from: at + 2 };
		from = end + 1;
	}
	yield { text: text.slice(from), isExpression: false, from };
}

/** Where the brace that was opened before `from` is closed; skips inner braces and quoted text. */
function endOf(text: string, from: number): number {
	let depth = 0;
	let quote = '';
	for (let at = from; at < text.length; at += 1) {
		const letter = text[at] ?? '';
		if (quote !== '') {
			if (letter === '\\') at += 1;
			else if (letter === quote) quote = '';
		} else if (letter === '"' || letter === "'") quote = letter;
		else if (letter === '{') depth += 1;
		else if (letter === '}') {
			if (depth === 0) return at;
			depth -= 1;
		}
	}
	return text.length;
}

/** Compiles an expression that begins at the character `from` of its text. */
function compileExpression(
	build: Build,
	text: string,
	{ path, event, from }: Where & { readonly from: number },
): Computed {
	const made = build.compile(text, event);
	if ('problem' in made) {
		build.report({ path, text: made.problem, inside: from + made.at });
		return nothing;
	}
	return { shape: made.shape, isConstant: false, of: (values) => made.evaluate(values) };
}

/** Compiles a condition, or looks up the guard of that name. */
export function compileCondition(
	build: Build,
	text: string,
	where: Where,
): (values: Values) => boolean {
	const guards = build.definition.guards ?? {};
	if (Object.hasOwn(guards, text)) {
		return compileCondition(
			{ ...build, definition: { ...build.definition, guards: {} } },
			guards[text] ?? '',
			{ path: ['guards', text], event: where.event },
		);
	}
	const isName = /^\w+$/.test(text) && text !== 'true' && text !== 'false';
	if (isName) {
		build.report({ path: where.path, text: unknownName('guard', text, Object.keys(guards)) });
		return () => false;
	}
	const computed = compileExpression(build, text, { ...where, from: 0 });
	if (computed.shape !== 'boolean' && computed.shape !== 'any') {
		build.report({
			path: where.path,
			text: `a condition is true or false, not a ${computed.shape}`,
		});
	}
	return (values) => {
		const verdict = computed.of(values);
		if (typeof verdict === 'boolean') return verdict;
		throw new Error(`${text} is ${textOf(verdict)}, neither true nor false`);
	};
}

/** Compiles a duration: `10s`, or an expression of milliseconds. */
export function compileDuration(
	build: Build,
	text: string,
	where: Where,
): number | ((values: Values) => number) {
	const known = durationMs(text);
	if (known !== undefined) return known;
	const computed = compileValue(build, text, where);
	return (values) => {
		const found = computed.of(values);
		const ms = typeof found === 'string' ? durationMs(found) : found;
		if (typeof ms === 'number' && ms >= 0) return ms;
		throw new ReeveError('bad_delay', `${text} is ${textOf(found)}, not a duration`);
	};
}
