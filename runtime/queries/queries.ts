/**
 * Queries: the rows with which a node answers questions about itself.
 *
 * @module
 */
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { Ledger } from '../ledger/ledger.ts';
import type { MethodDefinition } from '../method/method.ts';
import { ReeveError } from '../platform/errors.ts';
import { eventRows } from './event-stream.ts';
import { explain, type ExplanationRow } from '../method/method-help.ts';
import type { Journal } from '../journal/journal.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import { messageRow, type MessageRow } from '../ledger/message-state.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { Presence } from '../network/presence.ts';
import type { Signal, Signals } from '../observability/signals.ts';
import { nearestWord } from '../text/spelling.ts';
import { restored } from '../delivery/outbox-row.ts';
import { guessedId, restoredMailboxRow } from '../mailbox/mailbox-row.ts';
import type { NodeRow, ProcessRow, TreeRow } from './question.ts';
import type { Entry } from '../ledger/ledger-entry.ts';
import { scanDeadLetters } from '../ledger/dead-letters.ts';
import { scanDamaged } from '../journal/damaged-rows.ts';
import { scanQuarantine } from '../journal/store-fork.ts';

/** What queries read. */
export interface QueriesParts {
	readonly node: string;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly presence: Presence;
	readonly mailboxes: () => Iterable<Mailbox>;
	readonly methods: {
		list(): readonly MethodDefinition[];
		find(name: string): MethodDefinition | undefined;
	};
	/** Whether a key of this node is accepted here; absent where no keys are looked at. */
	readonly hasKey?: ((node: string) => boolean) | undefined;
	/** The first part of every topic. */
	readonly prefix: string;
	readonly tree: () => TreeRow;
	/** The row about the node itself. */
	readonly about: () => object;
}

const question = z.discriminatedUnion('reeve', [
	z.object({ reeve: z.enum(['node', 'nodes', 'methods', 'processes', 'tree']) }),
	z.object({
		reeve: z.literal('messages'),
		limit: z.int().min(1).max(100_000).default(100),
		ids: z.array(z.string()).optional(),
	}),
	z.object({ reeve: z.literal('backup'), folder: z.string().min(1).max(4096) }),
	z.object({
		reeve: z.enum(['quarantine', 'dead', 'damaged']),
		limit: z.int().min(1).max(100_000).default(100),
	}),
	z.object({ reeve: z.literal('explain'), method: z.string() }),
	z.object({
		reeve: z.literal('events'),
		type: z.string().optional(),
		message: z.string().optional(),
		follow: z.boolean().optional(),
	}),
	z.object({ reeve: z.literal('watch'), ids: z.array(z.string()).min(1).max(100_000) }),
]);

/** Answers one question; see `NodeApi.ask`. */
export type Ask = (question: unknown, signal: AbortSignal) => AsyncIterable<unknown>;

/** Creates the answering side of a node. */
export function createQueries(parts: QueriesParts): Ask {
	const { ledger, outbox, journal } = parts;

	const known = (id: string): Entry => {
		const entry = ledger.get(id) ?? ledger.get(only(id, ledger.match(id)));
		if (entry) return entry;
		throw new ReeveError('not_found', `message ${id}`);
	};
	const rowOf = (entry: Entry): MessageRow => messageRow(entry, outbox, journal.wallOf);

	const chosen = ({ ids, limit }: { ids?: readonly string[] | undefined; limit: number }) =>
		ids ? ids.map(known) : ledger.list(limit);

	return async function* ask(raw, signal) {
		const parsed = question.safeParse(raw);
		if (!parsed.success) throw new ReeveError('bad_message', z.prettifyError(parsed.error));
		const asked = parsed.data;
		switch (asked.reeve) {
			case 'messages':
				yield* chosen(asked).map(rowOf);
				return;
			case 'backup':
				yield await backup(parts.journal, asked.folder);
				return;
			case 'quarantine':
			case 'dead':
			case 'damaged':
				yield* asideRows(parts.journal, asked);
				return;
			case 'explain':
				yield explainRow(parts, asked.method);
				return;
			case 'events':
				yield* eventRows(parts.signals, asked, signal);
				return;
			case 'watch':
				yield* watch(
					asked.ids.map((id) => known(id).id),
					{ rowOf: (id) => rowOf(known(id)), signals: parts.signals, signal },
				);
				return;
			default:
				yield* presentRows(parts, asked.reeve);
		}
	};
}

/** What there is at the moment. */
function* presentRows(
	parts: QueriesParts,
	what: 'node' | 'nodes' | 'methods' | 'processes' | 'tree',
): Generator {
	switch (what) {
		case 'node':
			yield parts.about();
			return;
		case 'nodes':
			yield* nodeRows(parts);
			return;
		case 'methods':
			yield* parts.methods.list().map(methodRow);
			return;
		case 'processes':
			yield* processRows(parts);
			return;
		case 'tree':
			yield parts.tree();
	}
}

function only(prefix: string, matches: readonly string[]): string {
	if (matches.length > 1) throw new ReeveError('not_found', `more than one begins with ${prefix}`);
	return matches[0] ?? prefix;
}

function nodeRows({ presence, outbox, journal, hasKey }: QueriesParts): NodeRow[] {
	return presence.list().map(({ methods: _, ...neighbour }) => ({
		...neighbour,
		...(hasKey?.(neighbour.name) === false ? { key: 'pending' as const } : {}),
		since: journal.wallOf(neighbour.since),
		waiting: outbox.waiting(neighbour.name),
	}));
}

function methodRow({ name, aliases, summary, kind, ordering, onCrash }: MethodDefinition): object {
	return { name, aliases, summary, kind, ordering, onCrash };
}

function explainRow({ methods, node, prefix }: QueriesParts, name: string): ExplanationRow {
	const definition = methods.find(name);
	if (definition) return explain(definition, { node, prefix });
	const known = methods.list().flatMap((method) => [method.name, ...method.aliases]);
	const nearest = nearestWord(name, known);
	throw new ReeveError('not_found', `method ${name}${nearest ? `; did you mean ${nearest}?` : ''}`);
}

function* processRows({ node, mailboxes, outbox }: QueriesParts): Generator<ProcessRow> {
	for (const box of mailboxes()) {
		const running = box.running();
		const name = `${box.method}.subscriber`;
		const state = running > 0 ? 'running' : 'idle';
		const waiting = box.size() - running;
		yield { name, kind: 'subscriber', method: box.method, node, state, waiting, running };
	}
	for (const { name, method, to, state, next, lo } of outbox.lanes()) {
		yield { name, kind: 'publisher', method, node: to, state, waiting: next - lo, running: 0 };
	}
}

/** A relative path would mean a folder of the node's process, which the caller cannot see. */
async function backup(journal: Journal, folder: string): Promise<object> {
	if (!isAbsolute(folder)) throw new ReeveError('bad_message', 'folder: not an absolute path');
	const { bytes } = await journal.backup(folder);
	return { folder, bytes, storeId: journal.storeId, epoch: journal.epoch };
}

/** Which rows may look different after a signal: the one of this id, `all` of them, or none. */
function touched(signal: Signal): string | undefined {
	switch (signal.type) {
		case 'message.settled':
			return signal.id;
		case 'delivery.sent':
			return signal.attempt > 1 ? 'all' : undefined;
		case 'delivery.waiting':
		case 'delivery.gaveUp':
		case 'node.gone':
		case 'node.seen':
			return 'all';
		default:
			return undefined;
	}
}

/** Yields each row now and whenever it has changed, and ends when all are settled. */
async function* watch(
	ids: readonly string[],
	parts: { rowOf: (id: string) => MessageRow; signals: Signals; signal: AbortSignal },
): AsyncGenerator<MessageRow> {
	const { rowOf, signals, signal } = parts;
	const open = new Map<string, string>(ids.map((id) => [id, '']));
	let stale = new Set(ids);
	let wake: () => void = () => {};
	const unsubscribe = signals.subscribe((seen) => {
		const what = touched(seen);
		if (what === 'all') stale = new Set(open.keys());
		else if (what !== undefined && open.has(what)) stale.add(what);
		else return;
		wake();
	});
	const stop = () => wake();
	signal.addEventListener('abort', stop);
	try {
		while (open.size > 0 && !signal.aborted) {
			const looked = stale;
			stale = new Set();
			for (const id of looked) {
				if (!open.has(id)) continue;
				const row = rowOf(id);
				const face = `${row.state} ${row.attempts} ${row.why ?? ''}`;
				if (face === open.get(id)) continue;
				if (row.settled) open.delete(id);
				else open.set(id, face);
				yield row;
			}
			if (stale.size > 0 || open.size === 0) continue;
			await new Promise<void>((resolve) => {
				wake = resolve;
				if (signal.aborted) resolve();
			});
		}
	} finally {
		unsubscribe();
		signal.removeEventListener('abort', stop);
	}
}

/**
 * The newest dead letters, or the first rows of the quarantine or of those that are damaged; all
 * without their payloads.
 */
export function asideRows(
	journal: Pick<Journal, 'scan' | 'wallOf'>,
	asked: { reeve: 'quarantine' | 'dead' | 'damaged'; limit: number },
): object[] {
	const { limit } = asked;
	if (asked.reeve === 'dead') {
		const rows = scanDeadLetters(journal, { limit, reverse: true });
		return rows.map(({ key: dead, letter }) => {
			return { dead, ...withoutPayload(letter), at: journal.wallOf(letter.at) };
		});
	}
	if (asked.reeve === 'damaged') {
		return scanDamaged(journal, limit).map(({ bytes, parts, ...row }) => {
			const id = 'arrival' in parts ? guessedId(bytes) : parts['id'];
			return { ...row, ...(id === undefined ? {} : { id }), bytes: bytes.byteLength };
		});
	}
	return scanQuarantine(journal, limit).map(({ table, key, value }) => {
		const named = readers[table]?.(Number(key[1]), value) ?? value ?? {};
		return { table, key, ...withoutPayload(named) };
	});
}

/** What names the fields of rows that have no names on disk, by table. */
const readers: Readonly<Record<string, (place: number, value: never) => object>> = {
	outbox: restored,
	mailbox: restoredMailboxRow,
};

function withoutPayload(row: object): object {
	const { body: _, message: __, ...rest }: { body?: unknown; message?: unknown } = row;
	return rest;
}
