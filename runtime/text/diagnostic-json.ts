/**
 * Values of any kind as JSON, for people and for comparison: logs, reports, answers to questions.
 *
 * @module
 */

/**
 * A value as JSON. What JSON does not know is written in the closest form: a `Map` as a list of
 * pairs, a `Set` as a list, an error as its name and message, bytes in base64, a bigint as `5n`, a
 * reference to a surrounding object as `(itself)`. It never throws.
 */
export function diagnosticJson(value: unknown, indent?: number): string {
	try {
		return JSON.stringify(plainForm(value), undefined, indent) ?? '';
	} catch (thrown) {
		// A getter or a `toJSON` of the value has thrown.
		const why = thrown instanceof Error ? thrown.message : 'for an unknown reason';
		return JSON.stringify(`(cannot be shown: ${why})`);
	}
}

/** A value as what JSON can write, by the rules of {@link diagnosticJson}. */
export function plainForm(value: unknown): unknown {
	return form(value, new Set());
}

function form(value: unknown, around: Set<object>): unknown {
	if (typeof value === 'bigint') return `${value}n`;
	if (typeof value !== 'object' || value === null) return value;
	if (around.has(value)) return '(itself)';
	around.add(value);
	const made = objectForm(value, (item) => form(item, around));
	around.delete(value);
	return made;
}

function objectForm(value: object, inner: (item: unknown) => unknown): unknown {
	if (Array.isArray(value)) return value.map(inner);
	if (value instanceof Map) return [...value].map((pair) => pair.map(inner));
	if (value instanceof Set) return [...value].map(inner);
	if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
	if (value instanceof Error) {
		const { name, message } = value;
		return { name, message, ...mapped(value, inner) };
	}
	if (typeof Reflect.get(value, 'toJSON') === 'function') {
		return value instanceof Date && Number.isNaN(Number(value)) ? null : inner(jsonOf(value));
	}
	return mapped(value, inner);
}

function jsonOf(value: object): unknown {
	const made = (value as { toJSON(): unknown }).toJSON();
	return made === value ? '(itself)' : made;
}

function mapped(value: object, inner: (item: unknown) => unknown): Record<string, unknown> {
	return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inner(item)]));
}
