/**
 * The value of an expression of a case, as ECMAScript has it.
 *
 * @module
 */
import { eventFieldOf, type Expression } from './expression.ts';

/** What an expression may read. */
export interface Given {
	readonly context: Readonly<Record<string, unknown>>;
	readonly event: { readonly type: string };
}

/** The value of an expression; throws as ECMAScript does. */
export function valueOf(part: Expression, given: Given): unknown {
	const field = eventFieldOf(part);
	if (field !== undefined) return fieldOf(field, given);
	switch (part.is) {
		case 'value':
			return part.value;
		case 'variable':
			if (!Object.hasOwn(given.context, part.name)) throw new Error(`there is no ${part.name}`);
			return given.context[part.name];
		case 'member':
			return memberOf(valueOf(part.of, given), valueOf(part.name, given));
		case 'call':
			return called(
				part.name,
				part.given.map((each) => valueOf(each, given)),
			);
		case 'unary':
			return unary(part.sign, valueOf(part.of, given));
		case 'binary':
			return binary(part, given);
		case 'list':
			return part.items.map((each) => valueOf(each, given));
		default:
			return Object.fromEntries(part.fields.map(([name, held]) => [name, valueOf(held, given)]));
	}
}

/** The name of an event, without XState's prefix; or its data, which XState calls output. */
function fieldOf(field: string, { event }: Given): unknown {
	if (field === 'name') return event.type.replace(/^xstate\./u, '');
	return 'data' in event ? event.data : Reflect.get(event, 'output');
}

function memberOf(of: unknown, name: unknown): unknown {
	if (of === undefined || of === null) throw new Error(`nothing has no ${String(name)}`);
	return Reflect.get(Object(of) as object, String(name));
}

function called(name: string, values: readonly unknown[]): unknown {
	if (name === 'Math.pow') return Number(values[0]) ** Number(values[1]);
	if (name === 'concat') return values.flat();
	throw new Error(`${name} is not a value`);
}

function unary(sign: string, value: unknown): unknown {
	if (sign === '!') return !value;
	return sign === '-' ? -Number(value) : typeof value;
}

function binary({ sign, left, right }: Expression & { is: 'binary' }, given: Given): unknown {
	const one = valueOf(left, given);
	if (sign === '&&') return one ? valueOf(right, given) : one;
	if (sign === '||') return one ? one : valueOf(right, given);
	const work = operators[sign];
	if (!work) throw new Error(`there is no ${sign}`);
	return work(one, valueOf(right, given));
}

const isSame = (one: unknown, other: unknown) => one === other;
const isAlike = (one: unknown, other: unknown) =>
	one === other || (isMissing(one) && isMissing(other)) || isAlikeText(one, other);
const isMissing = (value: unknown) => value === undefined || value === null;
/** A number and its text are equal. */
const isAlikeText = (one: unknown, other: unknown) =>
	typeof one !== typeof other && isPlain(one) && isPlain(other) && Number(one) === Number(other);
const isPlain = (value: unknown) => typeof value === 'number' || typeof value === 'string';

const sum = (one: unknown, other: unknown): unknown =>
	typeof one === 'string' || typeof other === 'string'
		? `${String(one)}${String(other)}`
		: Number(one) + Number(other);

type Work = (one: unknown, other: unknown) => unknown;

const operators: Readonly<Record<string, Work>> = {
	'===': isSame,
	'!==': (one, other) => !isSame(one, other),
	'==': isAlike,
	'!=': (one, other) => !isAlike(one, other),
	'<': (one, other) => Number(one) < Number(other),
	'>': (one, other) => Number(one) > Number(other),
	'<=': (one, other) => Number(one) <= Number(other),
	'>=': (one, other) => Number(one) >= Number(other),
	'+': sum,
	'-': (one, other) => Number(one) - Number(other),
	'*': (one, other) => Number(one) * Number(other),
	'/': (one, other) => Number(one) / Number(other),
	'%': (one, other) => Number(one) % Number(other),
};
