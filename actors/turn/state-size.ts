/**
 * The size of a state, seen without packing it: most states are a few fields, and to pack one in
 * every turn would cost more than to move the machine.
 *
 * @module
 */

/** More values than this are not looked at: then packing is as cheap. */
const valuesMax = 64;
/** A number, or what goes before a text, a list or an object, takes this at most. */
const headBytes = 9;
/** What one unit of a text takes at most. */
const unitBytes = 3;

/**
 * The most bytes that plain data can take when it is packed; `Infinity` for what is large, or not
 * so plain that it could be told: whoever needs to know then must pack it.
 */
export function bytesAtMost(value: unknown): number {
	return look(value, { left: valuesMax });
}

function look(value: unknown, room: { left: number }): number {
	room.left -= 1;
	if (room.left < 0) return Infinity;
	switch (typeof value) {
		case 'string':
			return headBytes + value.length * unitBytes;
		case 'number':
		case 'boolean':
		case 'undefined':
			return headBytes;
		case 'object':
			return value === null ? headBytes : lookInside(value, room);
		default:
			return Infinity;
	}
}

function lookInside(value: object, room: { left: number }): number {
	let bytes = headBytes;
	if (Array.isArray(value)) {
		for (const item of value) bytes += look(item, room);
		return bytes;
	}
	const kind: unknown = Object.getPrototypeOf(value);
	if ((kind !== Object.prototype && kind !== null) || 'toJSON' in value) return Infinity;
	const fields = value as Readonly<Record<string, unknown>>;
	for (const name in fields) {
		bytes += headBytes + name.length * unitBytes + look(fields[name], room);
	}
	return bytes;
}
