/**
 * YAML: values written in the styles that it has, some of which cost a parser much, and mutations
 * of texts.
 *
 * @module
 */
import { mutated, spliced } from './byte-mutation.ts';
import type { Chance } from './chance.ts';
import { messageTree } from './message-grammar.ts';
import { jsonOf, type Tree } from './value-mutation.ts';

/** The largest payload in YAML is 16 384 bytes; texts here are about as large at the most. */
const bytesMax = 16_500;

/** A tree in block style; odd values as in JSON, which is YAML, too. */
export function blockYaml(tree: Tree, indent = ''): string {
	const inner = `${indent}  `;
	if (tree.type === 'fields' && tree.list.length > 0 && indent.length < 60) {
		const lines = tree.list.map(
			([name, field]) => `${indent}${keyText(name)}:${valueText(field, inner)}`,
		);
		return `\n${lines.join('\n')}`;
	}
	if (tree.type === 'list' && tree.list.length > 0 && indent.length < 60) {
		return `\n${tree.list.map((item) => `${indent}-${valueText(item, inner)}`).join('\n')}`;
	}
	return ` ${jsonOf(tree)}`;
}

const valueText = (tree: Tree, indent: string): string => blockYaml(tree, indent);
const keyText = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

/** Texts that are much work for their length. */
const heavy: readonly ((count: number) => string)[] = [
	(count) => `a: &a [1]\n${'b: *a\n'.repeat(count / 6)}`,
	(count) => '- '.repeat(count / 2),
	(count) => '? '.repeat(count / 2),
	(count) => '[a, '.repeat(count / 4),
	(count) => '{a: '.repeat(count / 4),
	(count) => `a: ${'"\\\n'.repeat(count / 3)}`,
	(count) => `a: |\n${' \n'.repeat(count / 2)}`,
	(count) => `a: >\n${'  x\n\n'.repeat(count / 5)}`,
	(count) => `${'# comment\n'.repeat(count / 10)}a: 1`,
	(count) => `a:${' '.repeat(count)}1`,
	(count) => `a: ${'x '.repeat(count / 2)}`,
	(count) => `a: ${'\t'.repeat(count)}b`,
	(count) => Array.from({ length: count / 8 }, (_, at) => `k${at}: v`).join('\n'),
	(count) => 'a: b\n'.repeat(count / 5),
	(count) => '--- a\n'.repeat(count / 6),
	(count) => '!a '.repeat(count / 3),
	(count) => `a: ${'&b '.repeat(count / 3)}`,
	(count) => `a: "${'\\x41'.repeat(count / 4)}"`,
	(count) => `a: '${"''".repeat(count / 2)}'`,
	(count) => `a: ${'1'.repeat(count)}`,
	(count) => `a: 0x${'f'.repeat(count)}`,
	(count) => `a: ${'1_'.repeat(count / 2)}`,
	(count) => `${'x'.repeat(count)}: 1`,
	(count) => `a: !!binary ${'A'.repeat(count)}`,
	(count) => `%TAG ! ${'x'.repeat(count)}\n---\na`,
	(count) => `<<: [${'{a: 1}, '.repeat(count / 8)}]`,
	(count) => Array.from({ length: Math.sqrt(count) }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
];

/** A text that is much work, up to the limit of bytes. */
export function heavyYaml(chance: Chance, max = bytesMax): string {
	return chance
		.pick(heavy)(chance.happens(0.5) ? max : 1 + chance.below(max))
		.slice(0, max);
}

/** A message in YAML, mutated or not, or what only looks like one. */
export function yamlBytes(chance: Chance): Uint8Array {
	if (chance.happens(0.1)) return Buffer.from(heavyYaml(chance));
	const text = blockYaml(messageTree(chance)).replace(/^\n/, '');
	const bytes = Buffer.from(text);
	if (chance.happens(0.5)) return bytes;
	return chance.happens(0.1)
		? spliced(bytes, Buffer.from(heavyYaml(chance, 400)), chance)
		: mutated(bytes, chance);
}
