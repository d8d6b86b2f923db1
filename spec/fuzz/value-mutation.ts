/**
 * Mutations of values: JSON with the wrong types in the right places. A value is kept as a tree in
 * which a field may be there twice and a number may be one that JavaScript does not have; it is
 * written as JSON, or made to a value for MessagePack.
 *
 * @module
 */
import { few, type Chance } from './chance.ts';

/** Something that is written as this text in JSON, and is this value elsewhere. */
interface Odd {
	readonly type: 'odd';
	readonly json: string;
	readonly value: unknown;
}
/** An object; a name may be there twice. */
interface Fields {
	readonly type: 'fields';
	readonly list: readonly (readonly [string, Tree])[];
}
interface List {
	readonly type: 'list';
	readonly list: readonly Tree[];
}
interface Plain {
	readonly type: 'plain';
	readonly value: unknown;
}
/** A value that can be mutated. */
export type Tree = Odd | Fields | List | Plain;

/** The tree of a plain value. */
export function treeOf(value: unknown): Tree {
	if (Array.isArray(value)) return { type: 'list', list: value.map(treeOf) };
	if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
		return { type: 'plain', value };
	}
	const list = Object.entries(value).map(([name, field]) => [name, treeOf(field)] as const);
	return { type: 'fields', list };
}

/** The tree as JSON. */
export function jsonOf(tree: Tree): string {
	switch (tree.type) {
		case 'odd':
			return tree.json;
		case 'plain':
			if (tree.value instanceof Uint8Array) return JSON.stringify([...tree.value]);
			return JSON.stringify(tree.value) ?? 'null';
		case 'list':
			return `[${tree.list.map(jsonOf).join(',')}]`;
		case 'fields': {
			const fields = tree.list.map(([name, field]) => `${JSON.stringify(name)}:${jsonOf(field)}`);
			return `{${fields.join(',')}}`;
		}
	}
}

/** The tree as a value; of a field that is there twice, the last. */
export function valueOf(tree: Tree): unknown {
	if (tree.type === 'list') return tree.list.map(valueOf);
	if (tree.type !== 'fields') return tree.value;
	const made = {};
	for (const [name, field] of tree.list) {
		const value = valueOf(field);
		Object.defineProperty(made, name, {
			value,
			enumerable: true,
			writable: true,
			configurable: true,
		});
	}
	return made;
}

const odd = (json: string, value: unknown): Odd => ({ type: 'odd', json, value });
const nested = (depth: number, open: string, close: string): Odd =>
	odd(
		`${open.repeat(depth)}1${close.repeat(depth)}`,
		Array.from({ length: Math.min(depth, 300) }).reduce<unknown>((inner) => [inner], 1),
	);

const plain = [
	null,
	true,
	false,
	0,
	1,
	-1,
	1.5,
	2 ** 31,
	2 ** 32,
	2 ** 53,
	-(2 ** 53),
	1e300,
	5e-324,
	'',
	' ',
	'0',
	'a',
	'\0',
	'a\0b',
	'\u001b[2J',
	'\r\n',
	'\ufeff',
	'\u202eabc',
	'é'.repeat(200),
	'👍🏽',
	'\ud800',
	'x\udc00y',
	'x'.repeat(129),
	'x'.repeat(601),
	'x'.repeat(5000),
	'../../x',
	'/',
	'.',
	'..',
	'#',
	'+/+',
	'$SYS/x',
	'reeve/central/_ack',
	'central',
	'ship1',
	'@fleet',
	'client:alice',
	'node:ship1',
	'__proto__',
	'constructor',
	'toString',
	'hasOwnProperty',
	'* * * * *',
	'every 1s',
	'every 999999999d',
	'0 0 30 2 *',
	'CommandACK',
	'EventNACK',
	'REQPing',
	'REQNone',
	[],
	{},
	[[]],
	[null],
	[{}],
	[''],
	{ a: 1 },
	{ toString: 1 },
	{ length: 1e9 },
	{ type: 'Buffer', data: [1] },
	Buffer.from([]),
	Buffer.from('bytes'),
] as const;

const oddities: readonly Tree[] = [
	...plain.map(treeOf),
	odd('1e999', Number.POSITIVE_INFINITY),
	odd('-1e999', Number.NEGATIVE_INFINITY),
	odd('-0', -0),
	odd('"NaN"', Number.NaN),
	odd('123456789012345678901234567890', 2n ** 63n),
	odd('"\\ud83d"', '\ud83d'),
	odd('"\\u0000"', '\0'),
	odd('{"__proto__":{"toNode":"x"}}', JSON.parse('{"__proto__":{"toNode":"x"}}')),
	odd('{"constructor":{"prototype":{"x":1}}}', { constructor: { prototype: { x: 1 } } }),
	odd('{"a":1,"a":2}', new Map([['a', 1]])),
	odd('{"then":"x"}', JSON.parse('{"then":"x"}')),
	odd('"date"', new Date(0)),
	odd('"undefined"', undefined),
	odd('"set"', new Set([1])),
	nested(20, '[', ']'),
	nested(63, '[', ']'),
	nested(64, '[', ']'),
	nested(65, '[', ']'),
	nested(70, '{"a":', '}'),
	nested(300, '[', ']'),
	nested(5000, '[', ']'),
];

const names = [
	'__proto__',
	'constructor',
	'toString',
	'then',
	'toJSON',
	'length',
	'',
	'\0',
	'\ud800',
	'a.b',
	'0',
	'id',
	'key',
	'toNode',
	'TONODE',
	'reeve',
	'x'.repeat(1000),
];

/** How deep a mutation goes into a tree. */
const levelsMax = 30;

/** Replaces one part of it, drawn by chance, with what `change` makes of it. */
function changeOne(tree: Tree, chance: Chance, change: (part: Tree) => Tree): Tree {
	const go = (part: Tree, level: number): Tree => {
		const inner = part.type === 'list' || part.type === 'fields' ? part.list.length : 0;
		if (inner === 0 || level > levelsMax || chance.happens(level === 0 ? 0.1 : 0.4)) {
			return change(part);
		}
		const chosen = chance.below(inner);
		return withItems(part, (list) =>
			list.map((item, at) => (at === chosen ? inItem(item, (tree) => go(tree, level + 1)) : item)),
		);
	};
	return go(tree, 0);
}

/** An item of a list, or a field with its name, of which the tree is changed. */
function inItem(item: Item, change: (tree: Tree) => Tree): Item {
	return isField(item) ? [item[0], change(item[1])] : change(item);
}

type Item = Tree | Fields['list'][number];
const isField = (item: Item): item is Fields['list'][number] => Array.isArray(item);

type Change = (part: Tree, chance: Chance, whole: Tree) => Tree;

/** A list or an object with other items or fields; any other part as it is. */
function withItems(part: Tree, make: (list: readonly Item[]) => readonly Item[]): Tree {
	if (part.type === 'list') return { type: 'list', list: make(part.list) as readonly Tree[] };
	if (part.type === 'fields') return { type: 'fields', list: make(part.list) as Fields['list'] };
	return part;
}

const changes: readonly Change[] = [
	/** Another value. */
	(_part, chance) => chance.pick(oddities),
	(_part, chance) => chance.pick(oddities),
	(_part, chance) => chance.pick(oddities),
	/** A list or an object around it. */
	(part) => ({ type: 'list', list: [part] }),
	(part, chance) => ({ type: 'fields', list: [[chance.pick(names), part]] }),
	/** A field or an item less. */
	(part, chance) =>
		withItems(part, (list) => {
			const gone = chance.below(Math.max(1, list.length));
			return list.filter((_, at) => at !== gone);
		}),
	/** One of them twice, or very often. */
	(part, chance) =>
		withItems(part, (list) => {
			const one = list[chance.below(Math.max(1, list.length))];
			if (one === undefined) return list;
			const times = chance.happens(0.8) ? 1 : chance.below(300);
			return [...list, ...Array.from({ length: times }, () => one)];
		}),
	/** In another order. */
	(part) => withItems(part, (list) => list.toReversed()),
	/** One more, with a value that stands elsewhere in it. */
	(part, chance, whole) => {
		const value = chance.happens(0.5) ? chance.pick(oddities) : whole;
		if (part.type === 'list') return { type: 'list', list: [...part.list, value] };
		if (part.type !== 'fields') return value;
		return { type: 'fields', list: [...part.list, [chance.pick(names), value]] };
	},
	/** A field of another name. */
	(part, chance) => {
		if (part.type !== 'fields') return chance.pick(oddities);
		const chosen = chance.below(Math.max(1, part.list.length));
		const list = part.list.map(([name, field], at): readonly [string, Tree] => {
			if (at !== chosen) return [name, field];
			const other = chance.happens(0.5) ? name.toUpperCase() : chance.pick(names);
			return [other, field];
		});
		return { type: 'fields', list };
	},
];

/** The tree after one or more mutations. */
export function mutatedTree(tree: Tree, chance: Chance): Tree {
	let changed = tree;
	for (let left = few(chance, 4); left > 0; left -= 1) {
		const change = chance.pick(changes);
		changed = changeOne(changed, chance, (part) => change(part, chance, tree));
	}
	return changed;
}
