/**
 * Reads the file of a store page by page, without LMDB: LMDB trusts what it finds in its file, and
 * a damaged page can end the process or keep it busy for ever. The file is opened for reading only
 * and is not mapped, so nothing here can damage it further or raise a signal, and no copy of it is
 * needed.
 *
 * It reads the snapshot that LMDB would read: pages are never changed in place, so another process
 * may write meanwhile, as long as its transactions leave the snapshot alone: see `pageDamage`.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import process from 'node:process';

/** One tree of the file, as its parent describes it. */
interface Tree {
	readonly depth: number;
	readonly entries: number;
	/** Undefined if it is empty. */
	readonly root: number | undefined;
}

/** One of the pages with which the file begins: a snapshot. */
interface Meta {
	readonly pageBytes: number;
	readonly free: Tree;
	readonly main: Tree;
	readonly lastPage: number;
	readonly transaction: number;
	/** Whether the pages of the snapshot may not have been flushed before a power cut. */
	readonly isUnflushed: boolean;
	readonly boot: bigint;
}

/** Told of what {@link readPages} finds. */
export interface PageVisitor {
	/** A row of a table, by the bytes of its key. Both are valid until the next call. */
	row?(table: string, key: Buffer, value: Buffer): void;
	/** A fault; `table` is undefined where it is in no table, or in all. */
	fault(table: string | undefined, text: string): void;
}

/** Sizes and offsets in LMDB's format, version 2, as lmdb-js writes it on 64-bit machines. */
const headerBytes = 24;
const treeBytes = 48;
const metaBytes = 24 + 2 * treeBytes + 24;
const magic = 0xbeefc0de;
const dataVersion = 2;
const pageBytesMin = 4096;
const pageBytesMax = 65_536;
const nodeBytes = 8;
const flag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
/** All kinds of pages, also those that these tables do not have: of duplicates. */
const kinds = 0x6f;
const nodeFlag = { big: 1, tree: 2 } as const;
const nodeFlags = nodeFlag.big | nodeFlag.tree;
/** In the flags of the free list: set until the snapshot is flushed. */
const unflushedFlag = 0x1000;
const none = 0xffff_ffff_ffff_ffffn;
/** No process has room for more. */
const mapBytesMax = 2 ** 46;
/** Trees with more levels have more rows than any disk. */
const depthMax = 32;

/**
 * Reads the first pages, and tells what is wrong with them; undefined if nothing is. Takes the same
 * time for any file, so that each start can do it.
 */
export function headDamage(path: string): string | undefined {
	return whileUnchanged(path, () => {
		const file = openSync(path, 'r');
		try {
			return chooseMeta(file).faults[0];
		} finally {
			closeSync(file);
		}
	});
}

/**
 * Reads all pages that are in use, or those of some tables. What is behind a damaged page is left
 * out, and the rest is read. Throws only where the file cannot be read at all, and what the visitor
 * throws.
 */
export function readPages(path: string, visitor: PageVisitor, tables?: ReadonlySet<string>): void {
	const file = openSync(path, 'r');
	try {
		const { meta, faults } = chooseMeta(file);
		for (const text of faults) visitor.fault(undefined, text);
		if (meta) createReading(file, meta, visitor).read(tables);
	} finally {
		closeSync(file);
	}
}

/** How often a file that changes meanwhile is read. */
const readingsMax = 3;

/**
 * The first fault of the file; undefined if it is sound, or in use by a process that writes so much
 * that it cannot be said.
 */
export function pageDamage(path: string): string | undefined {
	return whileUnchanged(path, () => firstDamage(path));
}

/** The fault that is found in a file while no transaction changes it: else it may be none. */
export function whileUnchanged(path: string, find: () => string | undefined): string | undefined {
	for (let reading = 0; reading < readingsMax; reading += 1) {
		const before = newestIn(path);
		const text = find();
		if (text === undefined || before === newestIn(path)) return text;
	}
	return undefined;
}

function firstDamage(path: string): string | undefined {
	let first: string | undefined;
	readPages(path, {
		fault(table, text) {
			first ??= table === undefined ? text : `${table}: ${text}`;
		},
	});
	return first;
}

/** The transactions of the snapshots, which change with each one that is written. */
export function newestIn(path: string): string {
	const file = openSync(path, 'r');
	try {
		return metasIn(file)
			.map((meta) => (typeof meta === 'string' ? '' : `${meta.transaction}`))
			.join(' ');
	} finally {
		closeSync(file);
	}
}

/** The snapshot that LMDB uses, or the one that is left. */
function chooseMeta(file: number): { meta?: Meta; faults: string[] } {
	const read = metasIn(file);
	const faults = read.filter((one) => typeof one === 'string');
	// A file of another version is not damaged: LMDB refuses it.
	if (faults.length === 2 && faults.every((one) => one.endsWith(otherVersion)))
		return { faults: [] };
	const [older, meta] = read
		.filter((one) => typeof one !== 'string')
		.toSorted((a, b) => a.transaction - b.transaction);
	if (!older) return { faults };
	if (!meta) return { meta: older, faults };
	const isApart = older.transaction > 0 && meta.transaction - older.transaction !== 1;
	if (isApart) faults.push(`snapshots ${older.transaction} and ${meta.transaction}`);
	const isInDoubt = meta.isUnflushed && meta.boot !== bootOf();
	const flushed = isInDoubt ? flushedIn(file, meta.pageBytes) : undefined;
	const used = flushed ?? meta;
	if (isRooted(file, used)) return { meta: used, faults };
	faults.push(`the tables of snapshot ${used.transaction} cannot be read`);
	return { meta: isRooted(file, older) ? older : used, faults };
}

/** Whether the tables of a snapshot can be found. */
function isRooted(file: number, { main, pageBytes }: Meta): boolean {
	if (main.root === undefined) return true;
	const bytes = bytesAt(file, main.root * pageBytes, headerBytes);
	const kind = main.depth === 1 ? flag.leaf : flag.branch;
	if (!bytes || numberAt(bytes, 0) !== main.root) return false;
	return (bytes.readUInt16LE(18) & kinds) === kind;
}

/** Both pages, or what is wrong with each. */
function metasIn(file: number): readonly (Meta | string)[] {
	const { size } = fstatSync(file);
	const first = metaAt(file, 0, 0);
	const metas = [first, secondMeta(file, typeof first === 'string' ? undefined : first.pageBytes)];
	return metas.map((meta) => {
		if (typeof meta === 'string' || meta.lastPage * meta.pageBytes < size * shrinkMax) return meta;
		return `snapshot ${meta.transaction} ends at page ${meta.lastPage}, behind the file`;
	});
}

/** The size of a page is in the first one; without it, the second one is looked for. */
function secondMeta(file: number, pageBytes: number | undefined): Meta | string {
	const found = metaAt(file, pageBytes ?? pageBytesMin, 1);
	if (pageBytes !== undefined || typeof found !== 'string') return found;
	for (let bytes = pageBytesMin * 2; bytes <= pageBytesMax; bytes *= 2) {
		const other = metaAt(file, bytes, 1);
		if (typeof other !== 'string') return other;
	}
	return found;
}

/** The last pages of a file are missing if they are free; most of it never is. */
const shrinkMax = 16;

/** The snapshot that was flushed last: lmdb-js keeps it in the second half of the first page. */
function flushedIn(file: number, pageBytes: number): Meta | undefined {
	const bytes = bytesAt(file, pageBytes / 2 + headerBytes, metaBytes);
	const meta = bytes && parsed(bytes);
	return meta && meta.transaction > 0 ? meta : undefined;
}

function metaAt(file: number, offset: number, index: number): Meta | string {
	const name = `page ${index}`;
	const bytes = bytesAt(file, offset, headerBytes + metaBytes);
	if (!bytes) return `${name} is missing`;
	const isMeta = bytes.readBigUInt64LE(0) === BigInt(index) && bytes.readUInt16LE(18) === flag.meta;
	const body = bytes.subarray(headerBytes);
	if (!isMeta || body.readUInt32LE(0) !== magic) return `${name} has no LMDB header`;
	if ((body.readUInt32LE(4) & 0xffff) !== dataVersion) return `${name} ${otherVersion}`;
	const meta = parsed(body);
	if (!meta) return `${name} is damaged`;
	const isOwn = meta.transaction === 0 || meta.transaction % 2 === index;
	return isOwn ? meta : `${name} has snapshot ${meta.transaction}`;
}

function parsed(body: Buffer): Meta | undefined {
	const pageBytes = body.readUInt32LE(24);
	const lastPage = numberAt(body, 24 + 2 * treeBytes);
	const mapBytes = numberAt(body, 16);
	const transaction = numberAt(body, 32 + 2 * treeBytes);
	const free = treeAt(body.subarray(24), lastPage);
	const main = treeAt(body.subarray(24 + treeBytes), lastPage);
	const isPower = pageBytes >= pageBytesMin && pageBytes <= pageBytesMax;
	if (!isPower || (pageBytes & (pageBytes - 1)) !== 0 || !free || !main) return undefined;
	if (lastPage < 1 || (lastPage + 1) * pageBytes > mapBytes) return undefined;
	if (mapBytes > mapBytesMax || mapBytes % pageBytes !== 0) return undefined;
	const flags = body.readUInt16LE(28);
	return {
		pageBytes,
		free,
		main,
		lastPage,
		transaction,
		isUnflushed: (flags & unflushedFlag) > 0,
		boot: body.readBigInt64LE(40 + 2 * treeBytes),
	};
}

/** What stands in a tree's record; undefined if it cannot be. */
function treeAt(bytes: Buffer, lastPage: number): Tree | undefined {
	const depth = bytes.readUInt16LE(6);
	const entries = numberAt(bytes, 32);
	const isEmpty = bytes.readBigUInt64LE(40) === none;
	if (isEmpty)
		return depth === 0 && entries === 0 ? { depth, entries, root: undefined } : undefined;
	const root = numberAt(bytes, 40);
	const isPossible = depth > 0 && depth <= depthMax && root > 1 && root <= lastPage;
	return isPossible ? { depth, entries, root } : undefined;
}

const otherVersion = 'is of another version';

/** A number of 64 bits; one that is too large for exactness is damage, and stays too large. */
function numberAt(bytes: Buffer, offset: number): number {
	return Number(bytes.readBigUInt64LE(offset));
}

function bytesAt(file: number, offset: number, length: number): Buffer | undefined {
	const bytes = Buffer.alloc(length);
	return readSync(file, bytes, 0, length, offset) === length ? bytes : undefined;
}

/** The first part of the id of this start of the machine, as LMDB notes it. */
function bootOf(): bigint {
	if (process.platform !== 'linux') return 0n;
	try {
		const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
		return BigInt(`0x${id.split('-')[0] ?? '0'}`);
	} catch {
		return 0n;
	}
}

/** A node of a page: its key, and what it holds. */
interface PageNode {
	readonly key: Buffer;
	/** The child of a branch page. */
	readonly child: number;
	readonly flags: number;
	/** The value, or what stands for it. */
	readonly data: Buffer;
	readonly dataBytes: number;
}

/** The keys that a page may have: from `low` on, and below `high`. */
interface Limits {
	readonly low?: Buffer;
	readonly high?: Buffer;
}

/** How the keys of a tree are ordered. */
type Compare = (a: Buffer, b: Buffer) => number;

function createReading(file: number, meta: Meta, visitor: PageVisitor) {
	const { pageBytes, lastPage } = meta;
	/** Pages that were met: each belongs to one place. */
	const used = new Uint8Array(Math.min(lastPage, fstatSync(file).size / pageBytes) + 2);
	let table: string | undefined;
	const fault = (text: string): undefined => {
		visitor.fault(table, text);
		return undefined;
	};

	/** Takes pages for the place that names them. */
	const take = (first: number, count: number): boolean => {
		if (first < 2 || count < 1 || first + count - 1 > lastPage) {
			fault(`page ${first} is outside of the file`);
			return false;
		}
		for (let page = first; page < first + count; page += 1) {
			if (page < used.length && used[page] === 0) used[page] = 1;
			else {
				fault(`page ${page} is missing, or has two places`);
				return false;
			}
		}
		return true;
	};
	const pageAt = (page: number, kind: number): Buffer | undefined => {
		const bytes = bytesAt(file, page * pageBytes, pageBytes);
		if (!bytes) return fault(`page ${page} is behind the end of the file`);
		const isIt = numberAt(bytes, 0) === page && (bytes.readUInt16LE(18) & kinds) === kind;
		// LMDB takes a page of a later transaction for one of its own, and writes into it.
		const isEarlier = numberAt(bytes, 8) <= meta.transaction;
		return isIt && isEarlier ? bytes : fault(`page ${page} has another's header`);
	};
	/** The value of a leaf's node; on pages of its own if it is large. */
	const valueOf = ({ flags, data, dataBytes }: PageNode): Buffer | undefined => {
		if ((flags & nodeFlag.big) === 0) return data;
		const page = numberAt(data, 0);
		// More than it needs, if an earlier value of the transaction was larger.
		const count = numberAt(data, 16);
		if (dataBytes > count * pageBytes - headerBytes) return fault(`page ${page} is too short`);
		if (!take(page, count)) return undefined;
		const head = pageAt(page, flag.overflow);
		if (!head) return undefined;
		if (head.readUInt32LE(20) !== count) return fault(`page ${page} has another size`);
		const bytes = bytesAt(file, page * pageBytes + headerBytes, dataBytes);
		return bytes ?? fault(`page ${page} is behind the end of the file`);
	};
	/** Calls `see` for each node of the leaves below a page, in order; returns how many there are. */
	const walk = (
		page: number,
		tree: { readonly depth: number; readonly compare: Compare } & Limits,
		see: (node: PageNode) => void,
	): number => {
		const { depth, compare } = tree;
		const isLeaf = depth === 1;
		if (!take(page, 1)) return 0;
		const bytes = pageAt(page, isLeaf ? flag.leaf : flag.branch);
		if (!bytes) return 0;
		const nodes = nodesIn(bytes, isLeaf, () => fault(`page ${page} has a node outside of it`));
		let count = 0;
		// The first key of a branch stands for all lower ones, and is not written.
		const keys = nodes.map(({ key }, index) => (isLeaf || index > 0 ? key : tree.low));
		if (!isOrdered(keys, tree)) fault(`page ${page} has keys out of order`);
		for (const [index, node] of nodes.entries()) {
			if (isLeaf) {
				see(node);
				continue;
			}
			const [low, high = tree.high] = keys.slice(index, index + 2);
			const limits = { ...(low ? { low } : {}), ...(high ? { high } : {}) };
			count += walk(node.child, { depth: depth - 1, compare, ...limits }, see);
		}
		return isLeaf ? nodes.length : count;
	};
	const walkTree = (tree: Tree, compare: Compare, see: (node: PageNode) => void): void => {
		const { root, depth, entries } = tree;
		const count = root === undefined ? 0 : walk(root, { depth, compare }, see);
		if (count !== entries) fault(`${count} rows of ${entries}`);
	};
	/** The free list: a page in it that is in use would be overwritten. */
	const checkFree = (node: PageNode): void => {
		const list = valueOf(node);
		if (!list) return;
		for (const [first, count] of freeIn(list)) {
			if (first < 2 || first + count - 1 > lastPage) fault(`page ${first} is free outside of it`);
			else if (used.subarray(first, first + count).includes(1))
				fault(`page ${first} is in use and free`);
		}
	};
	return {
		read(names: ReadonlySet<string> | undefined) {
			const trees: { name: string; tree: Tree }[] = [];
			walkTree(meta.main, byBytes, (node) => {
				const tree = treeOf(node, lastPage);
				const name = nameOf(node.key);
				if (tree) trees.push({ name, tree });
				else fault(`the record of the table ${name} is damaged`);
			});
			for (const { name, tree } of trees) {
				if (names?.has(name) === false) continue;
				table = name;
				walkTree(tree, byBytes, (node) => {
					if ((node.flags & nodeFlag.tree) > 0) return fault('a row that says it is a table');
					const value = valueOf(node);
					if (value) visitor.row?.(name, node.key, value);
				});
			}
			table = undefined;
			if (names) return;
			const lists: PageNode[] = [];
			walkTree(meta.free, byNumber, (node) => lists.push(node));
			for (const node of lists) checkFree(node);
		},
	};
}

/** The record of a table, in the tree of tables. */
function treeOf({ flags, data }: PageNode, lastPage: number): Tree | undefined {
	const isTree = (flags & nodeFlag.tree) > 0 && data.length === treeBytes;
	// None of these tables has options, which stand in front.
	return isTree && data.readUIntLE(0, 6) === 0 ? treeAt(data, lastPage) : undefined;
}

/** Whether each key is above the one before it, and all are within the limits. */
function isOrdered(
	keys: readonly (Buffer | undefined)[],
	{ low, high, compare }: Limits & { readonly compare: Compare },
): boolean {
	const [first] = keys;
	if (first && low && compare(first, low) < 0) return false;
	return keys.every((key, index) => {
		const before = index > 0 ? keys[index - 1] : undefined;
		if (key && before && compare(before, key) >= 0) return false;
		return !key || !high || compare(key, high) < 0;
	});
}

/** The nodes of a page; those that are not within it are left out, and told. */
function nodesIn(page: Buffer, isLeaf: boolean, tell: () => void): PageNode[] {
	const nodes: PageNode[] = [];
	const lower = page.readUInt16LE(20);
	const upper = page.readUInt16LE(22);
	if (lower > upper || upper > page.length - headerBytes || lower % 2 !== 0) {
		tell();
		return [];
	}
	let bytes = 0;
	for (let index = 0; index < lower / 2; index += 1) {
		const at = page.readUInt16LE(headerBytes + index * 2) + headerBytes;
		const node = at < upper + headerBytes ? undefined : nodeAt(page, at, isLeaf);
		if (node) nodes.push(node);
		else tell();
		const size = nodeBytes + (node ? node.key.length + node.data.length : 0);
		bytes += size + (size % 2);
	}
	// They fill the page from its end, without gaps: one of another size overlaps the next.
	if (bytes !== page.length - headerBytes - upper) tell();
	return nodes;
}

function nodeAt(page: Buffer, at: number, isLeaf: boolean): PageNode | undefined {
	if (at + nodeBytes > page.length) return undefined;
	const size = page.readUInt32LE(at);
	const flags = page.readUInt16LE(at + 4);
	const from = at + nodeBytes;
	const to = from + page.readUInt16LE(at + 6);
	if (to > page.length) return undefined;
	const key = page.subarray(from, to);
	if (!isLeaf) {
		return {
			key,
			child: size + flags * 2 ** 32,
			flags: 0,
			data: page.subarray(to, to),
			dataBytes: 0,
		};
	}
	const isBig = (flags & nodeFlag.big) > 0;
	if ((flags & ~nodeFlags) !== 0) return undefined;
	const end = to + (isBig ? 24 : size);
	if (end > page.length) return undefined;
	return { key, child: 0, flags, data: page.subarray(to, end), dataBytes: size };
}

/** The pages of a free list: single ones, and runs, whose length stands negative in front. */
function* freeIn(list: Buffer): Generator<[first: number, count: number]> {
	const count = list.length < 8 ? 0 : Math.min(numberAt(list, 0), list.length / 8 - 1);
	for (let index = 1; index <= count; index += 1) {
		const entry = Number(list.readBigInt64LE(index * 8));
		if (entry > 0) yield [entry, 1];
		else if (entry < 0 && index < count) {
			index += 1;
			yield [numberAt(list, index * 8), -entry];
		}
	}
}

/** The keys of tables are written so that their bytes have their order. */
const byBytes: Compare = (a, b) => a.compare(b);

/** The keys of the free list are transactions. */
const byNumber: Compare = (a, b) =>
	a.length === 8 && b.length === 8
		? Math.sign(numberAt(a, 0) - numberAt(b, 0))
		: a.length - b.length;

/** The name of a table, which lmdb-js may end with a NUL. */
function nameOf(key: Buffer): string {
	return key.toString('utf8').replace(/\0+$/, '');
}
