/**
 * The books: what became of each message that this node sent. An entry is opened in the transaction
 * that accepts the message, and settled exactly once, in the transaction that learns how it ended.
 *
 * Settled entries are kept up to `settledKeptMax`; while an entry is kept, a second message of its id
 * is recognised and not taken again.
 *
 * @module
 */
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Message, Result } from './envelope.ts';
import type { Change, Journal } from './journal.ts';
import type { Signals } from './signal.ts';

/** One entry. Instants are milliseconds of this node's wall clock. */
export interface Entry {
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	readonly sentAt: number;
	/** Where it waits to leave; absent if it stays on this node. */
	readonly lane?: string;
	readonly seq?: number;
	readonly note?: string;
	readonly settledAt?: number;
	readonly result?: Result;
	/** The output as text, cut at `outputKeptBytesMax`; bytes that are not UTF-8 are replaced. */
	readonly output?: string;
}

/** The books that {@link createBooks} makes. */
export interface Books {
	/** Opens an entry. */
	open(message: Message, place?: { lane: string; seq: number }): readonly Change[];
	/**
	 * Settles the entry of `id`. No changes if there is none, or it is settled already: a message has
	 * one outcome.
	 */
	settle(id: string, result: Result, output?: string | Uint8Array): readonly Change[];
	/** To be called once the changes of `open` are flushed. */
	opened(id: string): void;
	/** To be called once the changes of `settle` are flushed: tells whoever watches. */
	settled(id: string): void;
	get(id: string): Entry | undefined;
	/** The newest entries first, by this node's clock; people may choose ids that do not sort by age. */
	list(limit: number): readonly Entry[];
	/** Ids that begin with `prefix`, at most two of them. */
	match(prefix: string): readonly string[];
	/** How many entries are open, and how many settled ones are kept. */
	totals(): { readonly open: number; readonly settled: number };
}

/** Opens the books. */
export function createBooks(parts: {
	journal: Journal;
	clock: Clock;
	config: Config;
	signals: Signals;
}): Books {
	const { journal, clock, config, signals } = parts;
	/** What is written but not yet visible in the journal, so that nothing is settled twice. */
	const fresh = new Map<string, Entry>();
	const line = createSettledLine(journal, config.settledKeptMax);
	let open = journal.count('books') - line.length();

	const get = (id: string) => fresh.get(id) ?? journal.get<Entry>('books', [id]);
	const write = (entry: Entry): Change => {
		fresh.set(entry.id, entry);
		return { table: 'books', key: [entry.id], value: entry };
	};

	return {
		open(message, place) {
			open += 1;
			const { id, toNode, method, note } = message;
			const sentAt = clock.now();
			return [
				write({ id, toNode, method, sentAt, ...place, ...(note ? { note } : {}) }),
				{ table: 'opened', key: [sentAt, id], value: true },
			];
		},
		settle(id, result, output) {
			const entry = get(id);
			if (!entry || entry.settledAt !== undefined) return [];
			open -= 1;
			const text =
				output === undefined ? {} : { output: asText(output, config.outputKeptBytesMax) };
			const settled = { ...entry, ...text, result, settledAt: clock.now() };
			return [write(settled), ...line.push(settled)];
		},
		opened(id) {
			if (fresh.get(id)?.settledAt === undefined) fresh.delete(id);
		},
		settled(id) {
			const entry = fresh.get(id);
			fresh.delete(id);
			line.flushed(id);
			if (!entry?.result || entry.settledAt === undefined) return;
			signals.emit('message.settled', {
				id,
				method: entry.method,
				to: entry.toNode,
				outcome: entry.result.outcome,
				ageMs: entry.settledAt - entry.sentAt,
			});
		},
		get,
		list: (limit) =>
			journal
				.scan('opened', { from: [0], to: [Number.MAX_SAFE_INTEGER], limit, reverse: true })
				.flatMap(({ key }) => journal.get<Entry>('books', [String(key[1])]) ?? []),
		match(prefix) {
			const stretch = { from: [prefix], to: [`${prefix}\uffff`], limit: 2 };
			return journal.scan('books', stretch).map(({ key }) => String(key[0]));
		},
		totals: () => ({ open, settled: line.length() }),
	};
}

/** What is needed to forget an entry. */
type Settled = Pick<Entry, 'id' | 'sentAt'>;

/** The settled ids in order, so that the oldest can be forgotten when there are too many. */
function createSettledLine(journal: Journal, keptMax: number) {
	const all = { from: [0], to: [Number.MAX_SAFE_INTEGER] };
	const end = (reverse: boolean) =>
		journal.scan<Settled>('settled', { ...all, limit: 1, reverse })[0]?.key[0];
	let first = Number(end(false) ?? 1);
	let next = Number(end(true) ?? first - 1) + 1;
	/** What is not visible in the journal yet, and where each of it stands in the line. */
	const fresh = new Map<number, Settled>();
	const places = new Map<string, number>();

	const forget = (place: number): Change[] => {
		const changes: Change[] = [{ table: 'settled', key: [place] }];
		const oldest = fresh.get(place) ?? journal.get<Settled>('settled', [place]);
		if (!oldest) return changes;
		const { id, sentAt } = oldest;
		return [...changes, { table: 'books', key: [id] }, { table: 'opened', key: [sentAt, id] }];
	};

	return {
		length: () => next - first,
		push({ id, sentAt }: Settled): Change[] {
			const value: Settled = { id, sentAt };
			const changes: Change[] = [{ table: 'settled', key: [next], value }];
			fresh.set(next, value);
			places.set(id, next);
			next += 1;
			for (; next - first > keptMax; first += 1) changes.push(...forget(first));
			return changes;
		},
		/** What was pushed is visible by now. */
		flushed(id: string): void {
			fresh.delete(places.get(id) ?? 0);
			places.delete(id);
		},
	};
}

function asText(output: string | Uint8Array, bytesMax: number): string {
	return Buffer.from(output as Uint8Array)
		.subarray(0, bytesMax)
		.toString('utf8');
}
