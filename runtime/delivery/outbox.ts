/**
 * The outbox: what must still leave, lane by lane. A row stands here from the moment its message is
 * accepted from a local sender until the receiver's acknowledgement of it, and nothing else removes
 * it: no PUBACK, no refusal that is only temporary, no restart.
 *
 * Only a window of each lane is in memory; the rest is keys on disk. The body of a request is in
 * its ledger entry, if that keeps it, and is read from there with the row; see `keepsBody`.
 *
 * @module
 */
import { isKind, isName, type Kind } from '../message/topics.ts';
import type { Config } from '../config/config.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Message } from '../message/message.ts';
import type { Journal } from '../journal/journal.ts';
import {
	rebuilt,
	restored,
	rowOf,
	stored,
	withBody,
	type OutRow,
	type StoredOutRow,
} from './outbox-row.ts';
import { laneName } from '../protocol/lane.ts';
import { DamagedRow, rowsUnder, type Bound, type Change } from '../journal/schema.ts';

/**
 * One lane, as its sender sees it. The publisher of the lane moves `lo`, `published`, `heldBy`,
 * `state` and `why`.
 */
export interface Lane {
	readonly name: string;
	readonly to: string;
	readonly method: string;
	readonly kind: Kind;
	/** The next sequence number to give out. */
	next: number;
	/** The lowest sequence number that is not resolved; equal to `next` when the lane is empty. */
	lo: number;
	/** Everything up to here is on disk and may leave. */
	flushed: number;
	/** Rows up to here were left by an earlier process, which may have published them. */
	readonly inherited: number;
	/**
	 * Rows up to here may have been published: by an earlier process, or by this one. It only rises.
	 */
	published: number;
	/** The store that the lane's messages were last published for; undefined before the first. */
	boundTo: string | undefined;
	/** Rows up to here may have been accepted by a store that the receiver has no more. */
	formerUpTo: number;
	/**
	 * Rows up to here may have been accepted under another identity, and say so when they are sent.
	 */
	repeatUpTo: number;
	/** The loaded rows: consecutive, the first one is `lo`. */
	rows: OutRow[];
	/** Set while frames must wait for an outcome that is not on disk; never rejects. */
	heldBy: Promise<void> | undefined;
	/** For people: what the lane is doing, and why it waits. */
	state: string;
	why: string;
}

/** What the journal keeps of a lane, so that its numbers go on after a restart. */
interface LaneRecord {
	readonly to: string;
	readonly method: string;
	readonly kind: Kind;
	readonly next: number;
	readonly boundTo?: string;
	readonly formerUpTo?: number;
	readonly repeatUpTo?: number;
}

/** A message that has got its place in a lane. */
export interface Appended {
	readonly lane: Lane;
	readonly seq: number;
	/** The message, packed. */
	readonly body: Uint8Array;
	readonly changes: readonly Change[];
}

/** The outbox that {@link createOutbox} makes. */
export interface Outbox {
	lanes(): Iterable<Lane>;
	lane(name: string): Lane | undefined;
	/** How many lanes there are. An empty one stays: its receiver knows its numbers. */
	size(): number;
	/** Messages that wait, in all lanes; for one node if it is named. */
	waiting(node?: string): number;
	/**
	 * Numbers a message in its lane. The changes must be committed with what caused it, and with the
	 * ledger entry of a request, which may hold the only copy of `body`.
	 */
	append(message: Message): Appended;
	/** A row is on disk, so that its lane may send it; subscribers of `onMail` are called soon. */
	flushed(lane: Lane, seq: number): void;
	/** Loads rows from disk until the window is full or the lane is empty. */
	fill(lane: Lane): void;
	/** Forgets everything up to `upTo`; the changes remove it from disk. */
	resolve(lane: Lane, upTo: number): { rows: readonly OutRow[]; changes: readonly Change[] };
	/** Replaces a row, to count an attempt or to turn it into a skip. */
	amend(lane: Lane, row: OutRow): readonly Change[];
	/** The row of this number, from disk if it is not loaded. */
	row(lane: Lane, seq: number): OutRow | undefined;
	/**
	 * Binds the lane to the store of its receiver. If it was bound to another, everything up to
	 * `sentUpTo` may have been accepted there.
	 */
	bind(lane: Lane, storeId: string, sentUpTo: number): readonly Change[];
	/**
	 * Notes that this store has another identity from now on: whatever waits may have been accepted
	 * under the old one.
	 */
	renew(): readonly Change[];
	/** Calls `see` whenever a lane has something to send; lanes with old rows are told at once. */
	onMail(see: (lane: Lane) => void): () => void;
}

/** Opens the outbox: reads the lanes, and of the rows nothing but the first key of each. */
export function createOutbox(parts: {
	journal: Journal;
	config: Config;
	ledger: Pick<Ledger, 'at' | 'bodyAt'>;
}): Outbox {
	const { journal, config, ledger } = parts;
	const lanes = new Map<string, Lane>();
	const subscribers = new Set<(lane: Lane) => void>();
	/** Messages that wait, in all lanes: asked for with every message that is accepted. */
	let total = 0;
	/** Rows that were replaced while they were not loaded: the journal may not show that yet. */
	const replaced = new Map<string, OutRow>();
	const keyOf = (lane: Lane, seq: number) => `${lane.name} ${seq}`;
	/** Lanes that have something new to send, until the subscribers are told. */
	const news = new Set<Lane>();
	const tell = (): void => {
		const told = [...news];
		news.clear();
		for (const lane of told) for (const see of subscribers) see(lane);
	};

	const rowIn = (lane: Lane, seq: number, value: StoredOutRow | DamagedRow): OutRow => {
		const row = restored(seq, value);
		const place = { lane: lane.name, seq };
		if (!(value instanceof DamagedRow)) return withBody(row, lane.name, ledger);
		const known = rebuilt(row, place, { ledger, now: journal.now(), config });
		replaced.set(keyOf(lane, seq), known);
		return known;
	};
	/** Keys only: a damaged row has its number, too. */
	const edgeOf = (name: string, reverse: boolean): number | undefined => {
		const [key] = journal.keys('outbox', { ...rowsUnder(name), limit: 1, reverse });
		return key && Number(key[1]);
	};
	const open = (name: string, record: LaneRecord): void => {
		const lane = openLane(name, record);
		lane.lo = edgeOf(name, false) ?? lane.next;
		total += lane.next - lane.lo;
		lanes.set(name, lane);
	};
	for (const { key, value } of journal.scan<LaneRecord>('lanes', rowsUnder())) {
		open(String(key[0]), value);
	}
	for (const name of lanesWithRows(journal)) {
		const record = lanes.has(name) ? undefined : recordIn(name, edgeOf(name, true));
		if (record) open(name, record);
	}

	return {
		lanes: () => lanes.values(),
		lane: (name) => lanes.get(name),
		size: () => lanes.size,
		waiting(node) {
			if (node === undefined) return total;
			let sum = 0;
			for (const lane of lanes.values()) if (lane.to === node) sum += lane.next - lane.lo;
			return sum;
		},
		append(message) {
			const { toNode: to, method, kind } = message;
			const name = laneName(message);
			let lane = lanes.get(name);
			if (!lane) lanes.set(name, (lane = openLane(name, { to, method, kind, next: 1 })));
			const row = rowOf(message, { seq: lane.next, now: journal.now(), config });
			lane.next += 1;
			total += 1;
			if (canHold(lane, row.seq, config)) lane.rows.push(row);
			const changes = [
				recordOf(lane),
				{ table: 'outbox', key: [name, row.seq], value: stored(row) },
			] as const;
			return { lane, seq: row.seq, body: row.body, changes };
		},
		flushed(lane, seq) {
			if (seq > lane.flushed) lane.flushed = seq;
			// What one flush releases is told of at once, so that it can share a frame.
			if (news.size === 0) queueMicrotask(tell);
			news.add(lane);
		},
		fill(lane) {
			const from = lane.lo + lane.rows.length;
			const capacity = config.windowMessagesMax - lane.rows.length;
			if (capacity <= 0 || from > lane.flushed) return;
			const to = Math.min(lane.flushed + 1, from + capacity);
			const found = journal.scan<StoredOutRow | DamagedRow>('outbox', {
				from: [lane.name, from],
				to: [lane.name, to],
			});
			for (const { key, value } of found) {
				const seq = Number(key[1]);
				const known = replaced.get(keyOf(lane, seq));
				lane.rows.push(known ? withBody(known, lane.name, ledger) : rowIn(lane, seq, value));
			}
		},
		resolve(lane, upTo) {
			const from = lane.lo;
			const rows = lane.rows.splice(0, Math.max(0, upTo - from + 1));
			lane.lo = upTo + 1;
			total -= lane.lo - from;
			const changes: Change[] = [];
			for (let seq = from; seq <= upTo; seq += 1) {
				changes.push({ table: 'outbox', key: [lane.name, seq] });
				if (replaced.size > 0) replaced.delete(keyOf(lane, seq));
			}
			return { rows, changes };
		},
		amend(lane, row) {
			const place = row.seq - lane.lo;
			if (place < lane.rows.length) lane.rows[place] = row;
			else replaced.set(keyOf(lane, row.seq), row);
			return [{ table: 'outbox', key: [lane.name, row.seq], value: stored(row) }];
		},
		row(lane, seq) {
			const loaded = lane.rows[seq - lane.lo] ?? replaced.get(keyOf(lane, seq));
			if (loaded) return loaded;
			const found = journal.get<StoredOutRow | DamagedRow>('outbox', [lane.name, seq]);
			return found && rowIn(lane, seq, found);
		},
		bind(lane, storeId, sentUpTo) {
			if (lane.boundTo === storeId) return [];
			if (lane.boundTo !== undefined) {
				lane.repeatUpTo = Math.max(lane.repeatUpTo, sentUpTo);
				lane.formerUpTo = Math.max(lane.formerUpTo, sentUpTo);
			}
			lane.boundTo = storeId;
			return [recordOf(lane)];
		},
		renew() {
			const waiting = [...lanes.values()].filter((lane) => lane.lo < lane.next);
			for (const lane of waiting) lane.repeatUpTo = lane.next - 1;
			return waiting.map(recordOf);
		},
		onMail(see) {
			subscribers.add(see);
			for (const lane of lanes.values()) if (lane.lo < lane.next) see(lane);
			return () => void subscribers.delete(see);
		},
	};
}

function openLane(name: string, record: LaneRecord): Lane {
	const { to, method, kind, next, boundTo, formerUpTo = 0, repeatUpTo = 0 } = record;
	const before = next - 1;
	return {
		name,
		to,
		method,
		kind,
		next,
		lo: next,
		flushed: before,
		inherited: before,
		published: before,
		boundTo,
		formerUpTo,
		repeatUpTo,
		rows: [],
		heldBy: undefined,
		state: 'idle',
		why: '',
	};
}

/** The names of the lanes that have rows: one key of each is read. */
function* lanesWithRows(journal: Pick<Journal, 'keys'>): Generator<string> {
	for (let from: Bound = []; ;) {
		const [key] = journal.keys('outbox', { ...rowsUnder(), from, limit: 1 });
		if (!key) return;
		const name = String(key[0]);
		yield name;
		from = rowsUnder(name).to;
	}
}

/** The record of a lane whose own is damaged: its rows are the last of its numbers. */
function recordIn(name: string, last = 0): LaneRecord | undefined {
	const [to = '', method = '', kind = ''] = name.split('/');
	if (!isName(to) || !isName(method) || !isKind(kind)) return undefined;
	// What was sent before may have been accepted: its receiver is asked again.
	return { to, method, kind, next: last + 1, repeatUpTo: last };
}

/** What the journal is to keep of a lane. */
function recordOf(lane: Lane): Change {
	const { to, method, kind, next, boundTo, formerUpTo, repeatUpTo } = lane;
	const value: LaneRecord = {
		to,
		method,
		kind,
		next,
		...(boundTo === undefined ? {} : { boundTo }),
		...(formerUpTo === 0 ? {} : { formerUpTo }),
		...(repeatUpTo < lane.lo ? {} : { repeatUpTo }),
	};
	return { table: 'lanes', key: [lane.name], value };
}

/** A new row is kept in memory only if it continues the loaded window. */
function canHold(lane: Lane, seq: number, config: Config): boolean {
	return lane.rows.length < config.windowMessagesMax && seq === lane.lo + lane.rows.length;
}
