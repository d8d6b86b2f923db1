/**
 * An upper limit of the size of a state, without packing it: most states are a few fields, and
 * packing one in every turn would cost more than moving the machine.
 *
 * @module
 */

/** A state of more values than this is not measured: packing it is as cheap. */
const valuesMax = 64;
/** The most bytes of a number, or of the head of a text, a list or an object. */
const headBytes = 9;
/** The most bytes of one UTF-16 unit of a text. */
const unitBytes = 3;

/**
 * The most bytes that plain data can take when it is packed; `Infinity` for data that is large or
 * not plain, whose size the caller finds out by packing it.
 */
export function bytesAtMost(value: unknown): number {
	return look(value, { left: valuesMax });
}

function look(value: unknown, quota: { left: number }): number {
	quota.left -= 1;
	if (quota.left < 0) return Infinity;
	switch (typeof value) {
		case 'string':
			return headBytes + value.length * unitBytes;
		case 'number':
			return Object.is(value, -0) ? Infinity : headBytes;
		case 'boolean':
		case 'undefined':
			return headBytes;
		case 'object':
			return value === null ? headBytes : lookInside(value, quota);
		default:
			return Infinity;
	}
}

function lookInside(value: object, quota: { left: number }): number {
	let bytes = headBytes;
	if (Array.isArray(value)) {
		for (const item of value) bytes += look(item, quota);
		return bytes;
	}
	const kind: unknown = Object.getPrototypeOf(value);
	if (kind !== Object.prototype || 'toJSON' in value || '$reeve' in value) return Infinity;
	const fields = value as Readonly<Record<string, unknown>>;
	for (const name in fields) {
		bytes += headBytes + name.length * unitBytes + look(fields[name], quota);
	}
	return bytes;
}
