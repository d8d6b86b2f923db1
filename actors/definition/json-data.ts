/**
 * JSON data: what messages of actors carry as events and answers. JSON writes a `Map` as `{}` and
 * `NaN` as `null`, without a word. Here such a value is refused, with its path.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { depthMax, kindText, placeText } from './durable-value.ts';

/**
 * A value as JSON, from which the receiver reads the same: text, finite numbers, booleans, null,
 * and plain objects and lists of these. A field that is undefined is left out, and `-0` is 0.
 *
 * @throws ReeveError `not_sendable`, with the path of the first value that JSON cannot carry
 */
export function jsonOf(value: unknown, path: string): string {
	check(value, [path]);
	return JSON.stringify(value);
}

/**
 * The content of an answer: text and bytes as they are, anything else as JSON.
 *
 * @throws ReeveError `not_sendable`
 */
export function contentOf(value: unknown, path: string): string | Uint8Array {
	if (value === undefined) return '';
	if (typeof value !== 'string') return value instanceof Uint8Array ? value : jsonOf(value, path);
	return value.isWellFormed() ? value : refuse([path], 'text with half a surrogate pair');
}

function refuse(trail: readonly (string | number)[], why: string): never {
	throw new ReeveError('not_sendable', `${placeText(trail)} is ${why}`);
}

function check(value: unknown, trail: (string | number)[]): void {
	switch (typeof value) {
		case 'string':
		case 'boolean':
			return;
		case 'number':
			if (!Number.isFinite(value)) refuse(trail, String(value));
			return;
		case 'object':
			if (value !== null) checkObject(value, trail);
			return;
		case 'undefined':
			refuse(trail, 'undefined');
			return;
		default:
			refuse(trail, `a ${typeof value}`);
	}
}

function checkObject(value: object, trail: (string | number)[]): void {
	if (trail.length > depthMax) refuse(trail, `more than ${depthMax} deep, or contains itself`);
	const isList = Array.isArray(value);
	const prototype: unknown = Object.getPrototypeOf(value);
	const isPlain = prototype === null || prototype === (isList ? Array : Object).prototype;
	if (!isPlain) refuse(trail, kindText(value));
	const names = Object.keys(value);
	const hasOthers = Reflect.ownKeys(value).length > names.length + (isList ? 1 : 0);
	if (hasOthers) refuse(trail, 'an object with symbols as keys, or with hidden fields');
	if (isList && names.length !== value.length) {
		refuse(trail, 'a list with holes, or with fields beside its items');
	}
	for (const name of names) {
		const field: unknown = Reflect.get(value, name);
		if (field === undefined && !isList) continue;
		trail.push(name);
		check(field, trail);
		trail.pop();
	}
}
