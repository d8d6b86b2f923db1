/**
 * Expressions of cases in CEL, the language of YAML definitions.
 *
 * @module
 */
import { eventFieldOf, type Expression } from './expression.ts';
import { Unsupported } from './unsupported.ts';

/** The data of an event, which XState calls output at the end of a state. */
const eventData = 'event.?data.or(event.?output)';

/** The text of an expression in CEL. */
export function celOf(part: Expression): string {
	const field = eventFieldOf(part);
	if (field !== undefined) return field === 'name' ? 'event.type' : `${eventData}.orValue(null)`;
	switch (part.is) {
		case 'value':
			return literal(part.value);
		case 'variable':
			return `context.${part.name}`;
		case 'member':
			return `${optional(part)}.orValue(null)`;
		case 'call':
			return callOf(part);
		case 'unary':
			return unaryOf(part);
		case 'binary':
			return binaryOf(part);
		case 'list':
			return `[${part.items.map(celOf).join(', ')}]`;
		default:
			return `{${part.fields.map(fieldOf).join(', ')}}`;
	}
}

const fieldOf = ([name, held]: readonly [string, Expression]) => `${literal(name)}: ${celOf(held)}`;

/** The text of a condition, which must be true or false in CEL. */
export function celCondition(part: Expression): string {
	const isVerdict =
		(part.is === 'binary' && !'+-*/%'.includes(part.sign)) ||
		(part.is === 'unary' && part.sign === '!') ||
		(part.is === 'value' && typeof part.value === 'boolean');
	if (isVerdict) return celOf(part);
	if (part.is === 'value') return String(Boolean(part.value));
	const value = `dyn(${celOf(part)})`;
	return `(${['null', 'false', '0', '""'].map((none) => `${value} != ${none}`).join(' && ')})`;
}

function literal(value: unknown): string {
	return JSON.stringify(value ?? null);
}

/** A member that may be missing. CEL takes a missing key for an error. */
function optional(part: Expression): string {
	if (part.is !== 'member') return celOf(part);
	if (part.name.is !== 'value') throw new Unsupported('computed names in YAML', part.name.is);
	const name = String(part.name.value);
	if (eventFieldOf(part) === 'data') return eventData;
	return `${optional(part.of)}.?${name}`;
}

function callOf({ name, given }: Expression & { is: 'call' }): string {
	if (name === 'In') throw new Unsupported('In() in YAML', name);
	const [first, second] = given;
	if (!first || !second) throw new Unsupported('ECMAScript', name);
	if (name === 'concat') return `(${given.map(celOf).join(' + ')})`;
	const times = second.is === 'value' ? Number(second.value) : Number.NaN;
	if (!(times >= 1 && times <= 9)) throw new Unsupported('ECMAScript', name);
	return `(${Array.from({ length: times }, () => celOf(first)).join(' * ')})`;
}

function unaryOf({ sign, of }: Expression & { is: 'unary' }): string {
	if (sign === 'typeof') throw new Unsupported('typeof in YAML', of.is);
	return sign === '!' ? `!(${celCondition(of)})` : `-(${celOf(of)})`;
}

function binaryOf({ sign, left, right }: Expression & { is: 'binary' }): string {
	if (sign === '&&' || sign === '||') {
		return `(${celCondition(left)} ${sign} ${celCondition(right)})`;
	}
	if (left.is === 'unary' && left.sign === 'typeof') return `(${missing(left.of, right)})`;
	const isJoined = sign === '+' && (isText(left) || isText(right));
	const write = isJoined ? textOf : celOf;
	return `(${write(left)} ${signs[sign] ?? sign} ${write(right)})`;
}

/** CEL has one kind of equality. */
const signs: Readonly<Record<string, string>> = { '===': '==', '!==': '!=' };

/** Of the types of ECMAScript, only that of nothing can be asked for. */
function missing(of: Expression, type: Expression): string {
	if (type.is !== 'value' || type.value !== 'undefined') {
		throw new Unsupported('typeof in YAML', type.is);
	}
	return `${celOf(of)} == null`;
}

function textOf(part: Expression): string {
	return isText(part) ? celOf(part) : `string(${celOf(part)})`;
}

const isText = (part: Expression): boolean =>
	(part.is === 'value' && typeof part.value === 'string') ||
	(part.is === 'binary' && part.sign === '+' && (isText(part.left) || isText(part.right)));
