/**
 * Durable values: what the state of an instance, the input and output of a step and the event of a
 * timer may hold. A value is checked and copied where it enters, so that it is the same after a
 * reload, and so that no two turns, and no turn and step, share an object.
 *
 * Kept are text, numbers, bigints, booleans, null, undefined, plain objects, arrays, `Date`, `Map`,
 * `Set`, `Uint8Array`, `Buffer`, and JavaScript's own errors.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { isNativeError } from 'node:util/types';
import { pack, unpack } from '../../runtime/message/codec.ts';
import { ReeveError, reasonOf } from '../../runtime/platform/errors.ts';

/**
 * How deep values may lie in one another; a value that contains itself is deeper than this. It is a
 * law, not a setting: copying and packing go as deep as the value, and what one node has stored any
 * other must be able to read.
 */
export const depthMax = 200;

/** The classes of errors that are kept, by name. */
const errorClasses = {
	Error,
	EvalError,
	RangeError,
	ReferenceError,
	SyntaxError,
	TypeError,
	URIError,
};
type ErrorName = keyof typeof errorClasses;

/**
 * A copy that is the same after a reload. `path` names the value in the text of a refusal.
 *
 * @throws ReeveError `not_storable`, with the path of the first value that cannot be kept
 */
export function durable<Value>(value: Value, path: string): Value {
	if (isAtom(value)) return value;
	return copied(value, { trail: [path], seen: undefined }) as Value;
}

/** A copy that shares no object with the value, except objects that cannot be kept. */
export function detached<Value>(value: Value): Value {
	if (isAtom(value)) return value;
	return copied(value, { trail: [], seen: new Map() }) as Value;
}

/** Packs a value that {@link durable} has returned. */
export function packDurable(value: unknown): Uint8Array {
	return pack(encodeDurable(value));
}

/** The inverse of {@link packDurable}. */
export function unpackDurable(bytes: Uint8Array): unknown {
	return decodeDurable(unpack(bytes));
}

interface Copying {
	/** Where the copy is, for the text of a refusal. */
	readonly trail: (string | number)[];
	/** The copies of objects so far; only if what cannot be kept is left as it is. */
	readonly seen: Map<object, unknown> | undefined;
}

/** Whether a value needs neither a check nor a copy. */
function isAtom(value: unknown): boolean {
	const kind = typeof value;
	return (
		value === null ||
		kind === 'number' ||
		kind === 'boolean' ||
		kind === 'undefined' ||
		kind === 'bigint' ||
		(kind === 'string' && (value as string).isWellFormed())
	);
}

/** Returns what cannot be kept as it is, or refuses it. */
function unkept(value: unknown, { trail, seen }: Copying, why: string): unknown {
	if (seen) return value;
	throw new ReeveError('not_storable', `${placeText(trail)} is ${why}`);
}

/** The place of a value in the text of a refusal, such as `context.seats[0]`. */
export function placeText([root = '', ...inside]: readonly (string | number)[]): string {
	const names = inside.map((name) =>
		/^[A-Za-z_$][\w$]*$/.test(`${name}`) ? `.${name}` : `[${name}]`,
	);
	return `${root}${names.join('')}`;
}

function copied(value: unknown, copying: Copying): unknown {
	if (typeof value === 'string') return unkept(value, copying, 'text with half a surrogate pair');
	if (typeof value === 'function') return unkept(value, copying, 'a function');
	if (typeof value !== 'object' || value === null) return unkept(value, copying, 'a symbol');
	const known = copying.seen?.get(value);
	if (known !== undefined) return known;
	if (copying.trail.length > depthMax) {
		return unkept(value, copying, `more than ${depthMax} deep, or contains itself`);
	}
	const depth = copying.trail.length;
	try {
		return copyOf(value, copying);
	} catch (thrown) {
		if (thrown instanceof ReeveError) throw thrown;
		copying.trail.length = depth;
		return unkept(value, copying, `not readable: ${reasonOf(thrown)}`);
	}
}

function copyOf(value: object, copying: Copying): unknown {
	if (Array.isArray(value)) return listCopy(value, copying);
	const kind: unknown = Object.getPrototypeOf(value);
	if (kind === Object.prototype) return plainCopy(value, copying);
	if (kind === null) return fieldsCopy(value, bare(), copying);
	const made = builtInCopy(value, kind, copying);
	if (made) return made;
	const error = isNativeError(value) ? errorNameOf(kind) : undefined;
	if (error) return fieldsCopy(value, bareError(error), copying);
	return unkept(value, copying, kindText(value));
}

/** The copy of an object of a class of JavaScript; undefined if it is none, or has own fields. */
function builtInCopy(value: object, kind: unknown, copying: Copying): object | undefined {
	if (kind === Uint8Array.prototype || kind === Buffer.prototype) {
		const bytes = value as Uint8Array;
		const made = kind === Buffer.prototype ? Buffer.from(bytes) : new Uint8Array(bytes);
		// To list the keys of an array of bytes would cost far more than to compare the bytes.
		return isDeepStrictEqual(bytes, made) ? made : undefined;
	}
	if (Reflect.ownKeys(value).length > 0) return undefined;
	if (kind === Date.prototype) return new Date(Number(value));
	if (kind === Map.prototype) return mapCopy(value as ReadonlyMap<unknown, unknown>, copying);
	if (kind === Set.prototype) return setCopy(value as ReadonlySet<unknown>, copying);
	return undefined;
}

function listCopy(list: readonly unknown[], copying: Copying): unknown {
	const isPlain = Object.getPrototypeOf(list) === Array.prototype;
	if (!isPlain) return unkept(list, copying, kindText(list));
	if (!hasOnlyItems(list)) {
		return unkept(list, copying, 'a list with holes, or with fields beside its items');
	}
	const items: unknown[] = [];
	copying.seen?.set(list, items);
	for (let at = 0; at < list.length; at += 1) items.push(inside(list[at], at, copying));
	return items;
}

/** Whether a list has neither holes nor fields beside its items and its length. */
function hasOnlyItems(list: readonly unknown[]): boolean {
	if (Reflect.ownKeys(list).length !== list.length + 1) return false;
	for (let at = 0; at < list.length; at += 1) if (!(at in list)) return false;
	return true;
}

/** What {@link fieldsCopy} does for plain objects, several times as fast. */
function plainCopy(source: object, copying: Copying): unknown {
	const hasOthers =
		Object.getOwnPropertySymbols(source).length > 0 ||
		Object.getOwnPropertyNames(source).length > Object.keys(source).length;
	if (hasOthers) return fieldsCopy(source, {}, copying);
	const target: Record<string, unknown> = { ...source };
	for (const name in target) {
		if (!copying.seen && !name.isWellFormed()) return unkept(source, copying, halfKey);
		const field = target[name];
		if (isAtom(field)) continue;
		// Only what lies within the source can refer to it.
		copying.seen?.set(source, target);
		setField(target, name, inside(field, name, copying));
	}
	return target;
}

function fieldsCopy(source: object, target: object, copying: Copying): unknown {
	copying.seen?.set(source, target);
	for (const name of Reflect.ownKeys(source)) {
		const field: unknown = Reflect.get(source, name);
		if (typeof name === 'symbol') {
			if (!copying.seen) return unkept(source, copying, 'an object with a symbol as a key');
			Reflect.set(target, name, field);
			continue;
		}
		if (!copying.seen && !name.isWellFormed()) return unkept(source, copying, halfKey);
		const made = inside(field, name, copying);
		if (!isHidden(source, name)) setField(target, name, made);
		else if (copying.seen) hide(target, name, made);
		else return unkept(source, copying, `an object with the hidden field ${name}`);
	}
	return target;
}

const halfKey = 'an object with half a surrogate pair in a key';

/** Whether loops leave a field out; of errors, those that JavaScript itself hides do not count. */
function isHidden(source: object, name: string): boolean {
	if (source instanceof Error && hiddenFields.has(name)) return false;
	return !Object.prototype.propertyIsEnumerable.call(source, name);
}

function hide(target: object, name: string, value: unknown): void {
	Object.defineProperty(target, name, { value, writable: true, configurable: true });
}

function mapCopy(source: ReadonlyMap<unknown, unknown>, copying: Copying): object {
	const target = new Map<unknown, unknown>();
	copying.seen?.set(source, target);
	for (const [key, item] of source) {
		const name = isAtom(key) ? String(key) : 'key';
		target.set(inside(key, name, copying), inside(item, name, copying));
	}
	return target;
}

function setCopy(source: ReadonlySet<unknown>, copying: Copying): object {
	const target = new Set<unknown>();
	copying.seen?.set(source, target);
	for (const item of source) target.add(inside(item, target.size, copying));
	return target;
}

function inside(value: unknown, name: string | number, copying: Copying): unknown {
	if (isAtom(value)) return value;
	copying.trail.push(name);
	const made = copied(value, copying);
	copying.trail.pop();
	return made;
}

/** Sets a field; `__proto__` would be set as the prototype. */
function setField(target: object, name: string, value: unknown): void {
	if (name === '__proto__' || target instanceof Error) {
		const enumerable = !(target instanceof Error && hiddenFields.has(name));
		Object.defineProperty(target, name, { value, enumerable, writable: true, configurable: true });
	} else (target as Record<string, unknown>)[name] = value;
}

/** The fields of errors that JavaScript itself sets, and hides from loops. */
const hiddenFields = new Set(['stack', 'message', 'cause']);

function bare(): object {
	return Object.create(null) as object;
}

function errorNameOf(prototype: unknown): ErrorName | undefined {
	const names = Object.keys(errorClasses) as ErrorName[];
	return names.find((name) => errorClasses[name].prototype === prototype);
}

/** An error without a message and a stack of its own. */
function bareError(name: ErrorName): Error {
	const error = new errorClasses[name]();
	delete error.stack;
	return error;
}

/** What an object that is not plain is, in the text of a refusal. */
export function kindText(value: object): string {
	const called: unknown = Reflect.get(value, 'constructor');
	const name = typeof called === 'function' ? called.name : '';
	const isActor = 'sessionId' in value && 'send' in value;
	if (isActor) return 'a reference to an actor';
	return name === '' ? 'an object with a prototype of its own' : `an instance of ${name}`;
}

/** The only key of an object that stands for a value which MessagePack does not have. */
const mark = '$reeve';

type Marked = readonly [kind: string, content: unknown, name?: string];

/** A value as plain data, which MessagePack keeps; the value itself if it is plain already. */
export function encodeDurable(value: unknown): unknown {
	switch (typeof value) {
		case 'number':
			return Object.is(value, -0) ? marked('number', '-0') : value;
		case 'bigint':
			return BigInt.asIntN(64, value) === value ? value : marked('bigint', value.toString());
		case 'object':
			return value === null ? value : encodedObject(value);
		default:
			return value;
	}
}

function marked(...content: Marked): object {
	return { [mark]: content };
}

function encodedObject(value: object): unknown {
	if (Array.isArray(value)) return encodedList(value);
	if (value instanceof Date) return value;
	if (value instanceof Map) return marked('map', [...value].map(encodedList));
	if (value instanceof Set) return marked('set', [...value].map(encodeDurable));
	if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? marked('buffer', value) : value;
	const prototype: unknown = Object.getPrototypeOf(value);
	if (value instanceof Error) return marked('error', fieldsOf(value), errorNameOf(prototype));
	if (prototype === null) return marked('bare', fieldsOf(value));
	if (mark in value || 'toJSON' in value || Object.hasOwn(value, '__proto__')) {
		return marked('object', fieldsOf(value));
	}
	return encodedFields(value as Readonly<Record<string, unknown>>);
}

function encodedList(list: readonly unknown[]): readonly unknown[] {
	let made: unknown[] | undefined;
	for (const [at, item] of list.entries()) {
		const now = encodeDurable(item);
		if (now !== item) made ??= list.slice(0, at);
		made?.push(now);
	}
	return made ?? list;
}

function encodedFields(fields: Readonly<Record<string, unknown>>): object {
	let made: Record<string, unknown> | undefined;
	for (const name in fields) {
		const now = encodeDurable(fields[name]);
		// A field is replaced in a copy of all, so that the fields keep their order.
		if (now !== fields[name]) (made ??= { ...fields })[name] = now;
	}
	return made ?? fields;
}

function fieldsOf(value: object): readonly unknown[] {
	return Reflect.ownKeys(value).map((name) => [name, encodeDurable(Reflect.get(value, name))]);
}

/** The inverse of {@link encodeDurable}. It changes the objects that it is given. */
export function decodeDurable(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) {
		for (const [at, item] of value.entries()) value[at] = decodeDurable(item);
		return value;
	}
	if (value instanceof Uint8Array) return new Uint8Array(value);
	if (value instanceof Date) return value;
	const fields = value as Record<string, unknown>;
	const marked = fields[mark];
	if (Array.isArray(marked)) return unmarked(marked as never);
	for (const name in fields) fields[name] = decodeDurable(fields[name]);
	return fields;
}

function unmarked([kind, content, name = 'Error']: Marked): unknown {
	if (kind === 'number') return -0;
	if (kind === 'bigint') return BigInt(content as string);
	// The bytes are part of a larger buffer, which would stay in memory.
	if (kind === 'buffer') return Buffer.from(content as Uint8Array);
	const items = decodeDurable(content) as unknown[];
	if (kind === 'map') return new Map(items as [unknown, unknown][]);
	if (kind === 'set') return new Set(items);
	const target = emptyOf(kind, name as ErrorName);
	for (const [field, item] of items as [string, unknown][]) setField(target, field, item);
	return target;
}

function emptyOf(kind: string, name: ErrorName): object {
	if (kind === 'error') return bareError(name);
	return kind === 'bare' ? bare() : {};
}
