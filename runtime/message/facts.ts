/**
 * Facts: what is true of a node and can be aimed at, such as `os=linux` or `role=db`. A node tells
 * them in its birth; some it knows by itself, the rest is configured.
 *
 * @module
 */
import { arch, platform } from 'node:os';
import { ReeveError } from '../platform/errors.ts';
import { version } from '../platform/version.ts';

/** Facts by name. */
export type Facts = Readonly<Record<string, string>>;

/** The most facts of one node; its birth is retained at every broker. */
export const factsMax = 64;
/** The longest name, and the longest value, in characters. */
const factLengthMax = 128;

/**
 * The facts of this node: `os`, `arch`, `version`, and those of the key `facts`
 * (`role=db,site=oslo`), which win.
 *
 * @throws ReeveError `bad_config`
 */
export function ownFacts(configured: string): Facts {
	const pairs = configured === '' ? [] : configured.split(',');
	const given = pairs.map((pair): [string, string] => {
		const at = pair.indexOf('=');
		return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
	});
	const own = { os: platform(), arch: arch(), version, ...Object.fromEntries(given) };
	if (isFacts(own)) return own;
	const limit = `at most ${factsMax}, of ${factLengthMax} characters each`;
	throw new ReeveError('bad_config', `facts: ${limit}`);
}

/** Whether a value that came over a wire can be facts. */
export function isFacts(value: unknown): value is Facts {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
	const pairs = Object.entries(value);
	const isShort = (text: unknown) => typeof text === 'string' && text.length <= factLengthMax;
	return pairs.length <= factsMax && pairs.every((pair) => pair.every(isShort));
}
