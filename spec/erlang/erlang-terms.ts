/**
 * Data as Erlang writes it.
 *
 * @module
 */

/** JSON as an Erlang term: objects are maps, texts are atoms. */
export function termOf(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(termOf).join(',')}]`;
	if (typeof value === 'object' && value !== null) {
		const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
		return `#{${pairs.map(([key, item]) => `${atomOf(key)} => ${termOf(item)}`).join(',')}}`;
	}
	return typeof value === 'string' ? atomOf(value) : String(value);
}

const atomOf = (text: string): string =>
	`'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
