/**
 * Reads the executable content of SCXML.
 *
 * @module
 */
import type { Action, Branch, Sending } from './chart.ts';
import type { XmlElement } from './document.ts';
import { readExpression, readScript, type Expression } from './expression.ts';
import { Unsupported } from './unsupported.ts';

/** What reading a document needs. */
export interface Reading {
	/** The content of a file beside the document. */
	load(name: string): string;
	/** Numbers the ids that the document leaves to the interpreter. */
	next(): number;
}

/** The actions in an element, in order. */
export function readActions(elements: readonly XmlElement[], reading: Reading): readonly Action[] {
	return elements.flatMap((element) => readAction(element, reading));
}

function readAction(element: XmlElement, reading: Reading): readonly Action[] {
	const read = Object.hasOwn(readers, element.name) ? readers[element.name] : undefined;
	if (!read) throw new Unsupported('other elements', element.name);
	return read(element, reading);
}

type Reader = (element: XmlElement, reading: Reading) => readonly Action[];

const readers: Readonly<Record<string, Reader>> = {
	raise: ({ attributes }) => [
		{ ...plainSending, event: constant(required(attributes, 'event')), isInternal: true },
	],
	assign: (element) => [readAssign(element)],
	log: ({ attributes }) => [
		{ does: 'log', label: attributes['label'] ?? '', value: loggedOf(attributes['expr']) },
	],
	cancel: ({ attributes }) => [{ does: 'cancel', id: eitherOf(attributes, 'sendid') }],
	script: (element, reading) => readAssignments(element, reading),
	send: readSend,
	if: (element, reading) => [{ does: 'if', branches: readBranches(element, reading) }],
	foreach: ({ attributes, children }, reading) => [
		{
			does: 'foreach',
			list: readExpression(required(attributes, 'array')),
			item: variable(required(attributes, 'item')),
			index: attributes['index'],
			actions: readActions(children, reading),
		},
	],
};

const plainSending = {
	does: 'send',
	data: undefined,
	delay: undefined,
	id: undefined,
	isInternal: false,
} as const;

/** A value that is no expression. */
export function constant(value: unknown): Expression {
	return { is: 'value', value };
}

type Attributes = Readonly<Record<string, string>>;

function required(attributes: Attributes, name: string): string {
	const value = attributes[name];
	if (value === undefined) throw new Unsupported('other elements', `${name} is missing`);
	return value;
}

/** The attribute as it is, or the expression in the attribute `<name>expr`. */
function eitherOf(attributes: Attributes, name: string): Expression {
	const computed = attributes[`${name}expr`];
	if (computed !== undefined) return readExpression(computed);
	return constant(required(attributes, name));
}

function optional(attributes: Attributes, name: string): Expression | undefined {
	const isThere = attributes[name] !== undefined || attributes[`${name}expr`] !== undefined;
	return isThere ? eitherOf(attributes, name) : undefined;
}

/** Logs show what happens and decide nothing, so one that is not understood is only a label. */
function loggedOf(text: string | undefined): Expression | undefined {
	try {
		return text === undefined ? undefined : readExpression(text);
	} catch {
		return undefined;
	}
}

function variable(location: string): string {
	const name = location.trim();
	if (name.startsWith('_')) throw new Unsupported('system variables', name);
	if (!/^[A-Za-z]\w*$/u.test(name)) throw new Unsupported('error events', `assign ${name}`);
	return name;
}

function readAssign({ attributes, children, text }: XmlElement): Action {
	const location = variable(required(attributes, 'location'));
	const { expr } = attributes;
	if (children.length > 0) throw new Unsupported('XML as data', location);
	const value = expr === undefined ? contentOf(text) : readExpression(expr);
	return { does: 'assign', location, value };
}

/** Text in an element: an expression if it can be read as one, else the text itself. */
export function contentOf(text: string): Expression {
	const content = text.trim().replaceAll(/\s+/gu, ' ');
	try {
		return readExpression(content);
	} catch {
		return constant(content);
	}
}

/** The assignments of a script. */
export function readAssignments(
	{ attributes, text }: XmlElement,
	{ load }: Pick<Reading, 'load'>,
): readonly (Action & { does: 'assign' })[] {
	const { src } = attributes;
	const source = src === undefined ? text : load(src);
	return readScript(source).map((made) => ({ does: 'assign', ...made }));
}

/** The type of the processor that sends events between machines; it is the default. */
const processors = [undefined, 'scxml', 'http://www.w3.org/TR/scxml/#SCXMLEventProcessor'];

function readSend({ attributes, children }: XmlElement, reading: Reading): readonly Action[] {
	const { type, typeexpr, target, targetexpr, idlocation } = attributes;
	if (!processors.includes(type) || typeexpr !== undefined) {
		throw new Unsupported('other processors', type ?? String(typeexpr));
	}
	if ((target !== undefined && target !== '#_internal') || targetexpr !== undefined) {
		throw new Unsupported('other targets', target ?? String(targetexpr));
	}
	const id = attributes['id'] ?? (idlocation === undefined ? undefined : `sent-${reading.next()}`);
	const sending: Sending = {
		does: 'send',
		event: eitherOf(attributes, 'event'),
		data: readData(attributes['namelist'], children),
		delay: optional(attributes, 'delay'),
		id,
		isInternal: target === '#_internal',
	};
	return idlocation === undefined
		? [sending]
		: [{ does: 'assign', location: variable(idlocation), value: constant(id) }, sending];
}

/** The data of an event: `namelist`, `param` and `content`; undefined if it has none. */
export function readData(
	namelist: string | undefined,
	children: readonly XmlElement[],
): Expression | undefined {
	const content = children.find(({ name }) => name === 'content');
	if (content) {
		if (content.children.length > 0) throw new Unsupported('XML as data', 'content');
		const { expr } = content.attributes;
		return expr === undefined ? contentOf(content.text) : readExpression(expr);
	}
	const names = (namelist ?? '').split(/\s+/u).filter((name) => name !== '');
	const listed = names.map((name): [string, Expression] => [name, readExpression(name)]);
	const params = children
		.filter(({ name }) => name === 'param')
		.map(({ attributes }): [string, Expression] => [
			required(attributes, 'name'),
			readExpression(attributes['expr'] ?? required(attributes, 'location')),
		]);
	const fields = [...listed, ...params];
	return fields.length === 0 ? undefined : { is: 'map', fields };
}

function readBranches({ attributes, children }: XmlElement, reading: Reading): readonly Branch[] {
	const parts: { condition: Expression | undefined; held: XmlElement[] }[] = [
		{ condition: readExpression(required(attributes, 'cond')), held: [] },
	];
	for (const child of children) {
		if (child.name === 'else') parts.push({ condition: undefined, held: [] });
		else if (child.name === 'elseif') {
			parts.push({ condition: readExpression(required(child.attributes, 'cond')), held: [] });
		} else parts.at(-1)?.held.push(child);
	}
	return parts.map(({ condition, held }) => ({ condition, actions: readActions(held, reading) }));
}
