/**
 * Converts flags in steward's form: Go takes a long flag with one dash, `-brokerAddress="..."`.
 *
 * @module
 */
import { configKeys } from '../../../runtime/config/config-file.ts';
import { unusedStewardFlags } from '../../../runtime/config/steward-flags.ts';

const longFlags: ReadonlySet<string> = new Set([
	'configFolder',
	...configKeys,
	...unusedStewardFlags,
]);

/** The same words, with a second dash for each flag that has one and a long name. */
export function withTwoDashes(words: readonly string[]): readonly string[] {
	return words.map((word) => {
		const [, name = ''] = /^-([A-Za-z][A-Za-z0-9]+)(?:=|$)/.exec(word) ?? [];
		return longFlags.has(name) ? `-${word}` : word;
	});
}
