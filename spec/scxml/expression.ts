/**
 * The part of ECMAScript that the cases use in conditions and values, as a tree. What it does not
 * know is refused, so that no case is run with another meaning.
 *
 * @module
 */
import { Unsupported } from './unsupported.ts';

/** An expression. */
export type Expression =
	| { readonly is: 'value'; readonly value: unknown }
	| { readonly is: 'variable'; readonly name: string }
	| { readonly is: 'member'; readonly of: Expression; readonly name: Expression }
	| { readonly is: 'call'; readonly name: string; readonly given: readonly Expression[] }
	| { readonly is: 'unary'; readonly sign: string; readonly of: Expression }
	| {
			readonly is: 'binary';
			readonly sign: string;
			readonly left: Expression;
			readonly right: Expression;
	  }
	| { readonly is: 'list'; readonly items: readonly Expression[] }
	| { readonly is: 'map'; readonly fields: readonly (readonly [string, Expression])[] };

/** `location = value`. */
export interface Assignment {
	readonly location: string;
	readonly value: Expression;
}

const space = /(?:\s|\/\/[^\n]*)*/u;
const token = [
	/(?<number>\d+\.?\d*|\.\d+)/u,
	/(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/u,
	/(?<word>[A-Za-z_$][\w$]*)/u,
	/(?<sign>===|!==|==|!=|<=|>=|&&|\|\||[-+*]=|[-+*/%<>!()[\]{}.,:=;])/u,
];
const pattern = new RegExp(
	`${space.source}(?:${token.map(({ source }) => source).join('|')})`,
	'uy',
);

type Kind = 'number' | 'text' | 'word' | 'sign' | 'end';

interface Token {
	readonly kind: Kind;
	readonly text: string;
}

function tokensOf(text: string): Token[] {
	const tokens: Token[] = [];
	const source = text.trimEnd();
	pattern.lastIndex = 0;
	while (pattern.lastIndex < source.length) {
		const from = pattern.lastIndex;
		const found = pattern.exec(source)?.groups;
		if (!found) throw new Unsupported('ECMAScript', source.slice(from));
		const [kind, word = ''] = Object.entries(found).find(([, held]) => held !== undefined) ?? [];
		tokens.push({ kind: kind as Kind, text: word });
	}
	return tokens;
}

/** The signs of two operands, the weakest first; those of one row bind equally. */
const levels: readonly (readonly string[])[] = [
	['||'],
	['&&'],
	['==', '!=', '===', '!=='],
	['<', '>', '<=', '>='],
	['+', '-'],
	['*', '/', '%'],
];

/** The names that mean something beside the variables of the case. */
const calls: ReadonlySet<string> = new Set(['In', 'Math.pow']);
/** The methods of values. */
const methods: ReadonlySet<string> = new Set(['concat']);

/** System variables whose fields a case may read, with the fields that machines have, too. */
const eventFields: ReadonlySet<string> = new Set(['name', 'data']);

class Reader {
	readonly #text: string;
	readonly #tokens: Token[];
	#at = 0;

	constructor(text: string) {
		this.#text = text;
		this.#tokens = tokensOf(text);
	}

	get #next(): Token {
		return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
	}

	isAtEnd(): boolean {
		return this.#next.kind === 'end';
	}

	fail(): never {
		throw new Unsupported('ECMAScript', this.#text.trim());
	}

	#take(): Token {
		const token = this.#next;
		this.#at += 1;
		return token;
	}

	skip(...signs: readonly string[]): string | undefined {
		const { kind, text } = this.#next;
		if (kind === 'text' || !signs.includes(text)) return undefined;
		this.#at += 1;
		return text;
	}

	expect(sign: string): void {
		if (this.skip(sign) === undefined) this.fail();
	}

	word(): string {
		const { kind, text } = this.#take();
		return kind === 'word' ? text : this.fail();
	}

	expression(level = 0): Expression {
		const signs = levels[level];
		if (!signs) return this.#unary();
		let left = this.expression(level + 1);
		for (let sign = this.skip(...signs); sign; sign = this.skip(...signs)) {
			left = { is: 'binary', sign, left, right: this.expression(level + 1) };
		}
		return left;
	}

	#unary(): Expression {
		const sign = this.skip('!', '-', 'typeof');
		return sign ? { is: 'unary', sign, of: this.#unary() } : this.#postfix(this.#primary());
	}

	#postfix(of: Expression): Expression {
		if (this.skip('.')) {
			const name = this.word();
			return this.#postfix({ is: 'member', of, name: { is: 'value', value: name } });
		}
		if (this.skip('[')) {
			const name = this.expression();
			this.expect(']');
			return this.#postfix({ is: 'member', of, name });
		}
		if (this.skip('(')) return this.#postfix(this.#call(of));
		return of;
	}

	#call(called: Expression): Expression {
		const name = pathOf(called);
		const given = this.#listed(')', () => this.expression());
		if (name !== undefined && calls.has(name)) return { is: 'call', name, given };
		if (called.is !== 'member' || called.name.is !== 'value') return this.fail();
		const method = String(called.name.value);
		return methods.has(method)
			? { is: 'call', name: method, given: [called.of, ...given] }
			: this.fail();
	}

	#listed<Item>(end: string, read: () => Item): Item[] {
		const items: Item[] = [];
		while (this.skip(end) === undefined) {
			items.push(read());
			if (this.skip(',') === undefined) {
				this.expect(end);
				break;
			}
		}
		return items;
	}

	#primary(): Expression {
		const { kind, text } = this.#take();
		if (kind === 'number') return { is: 'value', value: Number(text) };
		if (kind === 'text') return { is: 'value', value: unquoted(text) };
		if (kind === 'word') return named(text);
		if (text === '[') return { is: 'list', items: this.#listed(']', () => this.expression()) };
		if (text === '{') return { is: 'map', fields: this.#listed('}', () => this.#field()) };
		if (text !== '(') return this.fail();
		const inner = this.expression();
		this.expect(')');
		return inner;
	}

	#field(): readonly [string, Expression] {
		const { kind, text } = this.#take();
		if (kind !== 'word' && kind !== 'text') this.fail();
		this.expect(':');
		return [kind === 'text' ? unquoted(text) : text, this.expression()];
	}
}

function unquoted(text: string): string {
	return text.slice(1, -1).replaceAll(/\\(.)/gu, '$1');
}

const constants: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };
const reserved = /^(?:return|new|function|var|instanceof|in|this|delete|void)$/u;

function named(word: string): Expression {
	if (Object.hasOwn(constants, word)) return { is: 'value', value: constants[word] };
	if (word === 'undefined') return { is: 'value', value: undefined };
	// It is there to be a mistake, which becomes an event.
	if (word === 'return') throw new Unsupported('error events', word);
	if (reserved.test(word)) throw new Unsupported('ECMAScript', word);
	return { is: 'variable', name: word };
}

/** `a.b` of a member; undefined if it is none, or its name is computed. */
function pathOf(part: Expression): string | undefined {
	if (part.is === 'variable') return part.name;
	if (part.is !== 'member' || part.name.is !== 'value') return undefined;
	const before = pathOf(part.of);
	return before === undefined ? undefined : `${before}.${String(part.name.value)}`;
}

/** Reads an expression. */
export function readExpression(text: string): Expression {
	const reader = new Reader(text);
	const expression = reader.expression();
	if (!reader.isAtEnd()) reader.fail();
	checkSystem(expression);
	return expression;
}

/** Reads a script that consists of assignments. */
export function readScript(text: string): readonly Assignment[] {
	const reader = new Reader(text);
	const assignments: Assignment[] = [];
	while (!reader.isAtEnd()) {
		if (reader.skip(';')) continue;
		reader.skip('var');
		const location = reader.word();
		const sign = reader.skip('=', '+=', '-=', '*=') ?? reader.fail();
		const given = reader.expression();
		checkSystem(given);
		const left: Expression = { is: 'variable', name: location };
		const value: Expression =
			sign === '=' ? given : { is: 'binary', sign: sign.charAt(0), left, right: given };
		assignments.push({ location, value });
	}
	return assignments;
}

/** The parts of an expression. */
export function partsOf(part: Expression): readonly Expression[] {
	switch (part.is) {
		case 'member':
			return [part.of, part.name];
		case 'call':
			return part.given;
		case 'unary':
			return [part.of];
		case 'binary':
			return [part.left, part.right];
		case 'list':
			return part.items;
		case 'map':
			return part.fields.map(([, held]) => held);
		default:
			return [];
	}
}

/** Refuses system variables, but for the name and the data of the event. */
function checkSystem(part: Expression): void {
	const isField = part.is === 'member' && part.of.is === 'variable' && part.of.name === '_event';
	if (isField && part.name.is === 'value' && eventFields.has(String(part.name.value))) return;
	if (part.is === 'variable' && part.name.startsWith('_')) {
		throw new Unsupported('system variables', part.name);
	}
	for (const each of partsOf(part)) checkSystem(each);
}

/** Which field of the event an expression is: its name or its data; undefined if it is neither. */
export function eventFieldOf(part: Expression): string | undefined {
	const path = pathOf(part);
	return path === '_event.name' || path === '_event.data' ? path.slice(7) : undefined;
}
