/**
 * Canonical JSON: one text for one value, so that a signature does not depend on spaces, the order
 * of keys or the notation (JSON or YAML).
 *
 * @module
 */

/**
 * The text: keys in the order of their UTF-16 code units, no spaces, strings and numbers as
 * `JSON.stringify` writes them. Fields that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
	if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
	const fields = Object.entries(value)
		.filter(([, field]) => field !== undefined)
		.toSorted(([one], [other]) => (one < other ? -1 : 1))
		.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
	return `{${fields.join(',')}}`;
}
