/**
 * The outbox: what must still leave, lane by lane. A row stands here from the moment its message is
 * accepted from a local sender until the receiver's acknowledgement of it, and nothing else removes
 * it: no PUBACK, no refusal that is only temporary, no restart.
 *
 * Only a window of each lane is in memory; the rest is keys on disk.
 *
 * @module
 */
import type { Kind } from './address.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { ttlSecondsMax, type Message } from './envelope.ts';
import { laneName } from './frame.ts';
import type { Change, Journal } from './journal.ts';
import { packMessage } from './packing.ts';
import { isMereOutcome } from './reply.ts';

/** One message on its way out. */
export interface OutRow {
	readonly seq: number;
	readonly id: string;
	/** Whether the sender has given it up, and only waits for the receiver's word on that. */
	readonly skip: boolean;
	/** Set if somebody took it back, which is why it was given up. */
	readonly cancelled?: true;
	readonly body: Uint8Array;
	/** Local wall-clock milliseconds after which it is given up. */
	readonly deadline: number;
	/** How long one attempt waits for the acknowledgement. */
	readonly ackMs: number;
	/** Attempts before it is given up; 0: as many as fit before the deadline. */
	readonly retries: number;
	/** Tries so far: publications, and spans of `ackMs` in which the receiver was away. */
	readonly attempts: number;
}

/**
 * One lane, as its sender sees it. The publisher of the lane moves `lo`, `published`, `state` and
 * `why`.
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
	/**
	 * Rows up to here may have been accepted under another identity, and say so when they are sent.
	 */
	repeatUpTo: number;
	/** The loaded rows: consecutive, the first one is `lo`. */
	rows: OutRow[];
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
	readonly repeatUpTo?: number;
}

/** The outbox that {@link createOutbox} makes. */
export interface Outbox {
	lanes(): Iterable<Lane>;
	lane(name: string): Lane | undefined;
	/** How many lanes there are. An empty one stays: its receiver knows its numbers. */
	size(): number;
	/** Messages that wait, in all lanes; for one node if it is named. */
	waiting(node?: string): number;
	/** Numbers a message in its lane. The changes must be committed with what caused it. */
	append(message: Message): { lane: Lane; seq: number; changes: readonly Change[] };
	/** Tells that a row is on disk, so that its lane may send it. */
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
export function createOutbox(parts: { journal: Journal; clock: Clock; config: Config }): Outbox {
	const { journal, clock, config } = parts;
	const lanes = new Map<string, Lane>();
	const watchers = new Set<(lane: Lane) => void>();
	/** Messages that wait, in all lanes: asked for with every message that is accepted. */
	let total = 0;
	/** Rows that were replaced while they were not loaded: the journal may not show that yet. */
	const replaced = new Map<string, OutRow>();
	const keyOf = (lane: Lane, seq: number) => `${lane.name} ${seq}`;

	for (const { key, value } of journal.scan<LaneRecord>('lanes', { from: [''], to: ['\uffff'] })) {
		const lane = openLane(String(key[0]), value);
		const first = journal.scan('outbox', { ...allOf(lane), limit: 1 })[0];
		lane.lo = first ? Number(first.key[1]) : lane.next;
		total += lane.next - lane.lo;
		lanes.set(lane.name, lane);
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
			const row = rowOf(message, { seq: lane.next, now: clock.now(), config });
			lane.next += 1;
			total += 1;
			if (canHold(lane, row.seq, config)) lane.rows.push(row);
			const changes = [
				recordOf(lane),
				{ table: 'outbox', key: [name, row.seq], value: stored(row) },
			] as const;
			return { lane, seq: row.seq, changes };
		},
		flushed(lane, seq) {
			if (seq > lane.flushed) lane.flushed = seq;
			for (const see of watchers) see(lane);
		},
		fill(lane) {
			const from = lane.lo + lane.rows.length;
			const room = config.windowMessagesMax - lane.rows.length;
			if (room <= 0 || from > lane.flushed) return;
			const to = Math.min(lane.flushed + 1, from + room);
			const found = journal.scan<Omit<OutRow, 'seq'>>('outbox', {
				from: [lane.name, from],
				to: [lane.name, to],
			});
			for (const { key, value } of found) {
				const seq = Number(key[1]);
				lane.rows.push(replaced.get(keyOf(lane, seq)) ?? { ...value, seq });
			}
		},
		resolve(lane, upTo) {
			const from = lane.lo;
			const rows = lane.rows.filter((row) => row.seq <= upTo);
			lane.rows = lane.rows.slice(rows.length);
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
			const found = journal.get<Omit<OutRow, 'seq'>>('outbox', [lane.name, seq]);
			return found && { ...found, seq };
		},
		bind(lane, storeId, sentUpTo) {
			if (lane.boundTo === storeId) return [];
			if (lane.boundTo !== undefined) lane.repeatUpTo = Math.max(lane.repeatUpTo, sentUpTo);
			lane.boundTo = storeId;
			return [recordOf(lane)];
		},
		renew() {
			const waiting = [...lanes.values()].filter((lane) => lane.lo < lane.next);
			for (const lane of waiting) lane.repeatUpTo = lane.next - 1;
			return waiting.map(recordOf);
		},
		onMail(see) {
			watchers.add(see);
			for (const lane of lanes.values()) if (lane.lo < lane.next) see(lane);
			return () => void watchers.delete(see);
		},
	};
}

function openLane(name: string, record: LaneRecord): Lane {
	const { to, method, kind, next, boundTo, repeatUpTo = 0 } = record;
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
		repeatUpTo,
		rows: [],
		state: 'idle',
		why: '',
	};
}

/** What the journal is to keep of a lane. */
function recordOf(lane: Lane): Change {
	const { to, method, kind, next, boundTo, repeatUpTo } = lane;
	const value: LaneRecord = {
		to,
		method,
		kind,
		next,
		...(boundTo === undefined ? {} : { boundTo }),
		...(repeatUpTo < lane.lo ? {} : { repeatUpTo }),
	};
	return { table: 'lanes', key: [lane.name], value };
}

/** A new row is kept in memory only if it continues the loaded window. */
function canHold(lane: Lane, seq: number, config: Config): boolean {
	return lane.rows.length < config.windowMessagesMax && seq === lane.lo + lane.rows.length;
}

function rowOf(message: Message, at: { seq: number; now: number; config: Config }): OutRow {
	const { seq, now, config } = at;
	const timeout = message.ACKTimeout || config.defaultMessageTimeout;
	// Outcomes are owed: they are sent for as long as any message may be under way.
	const isOwed = isMereOutcome(message);
	const ttlSeconds = isOwed ? ttlSecondsMax : (message.ttl ?? config.defaultMessageTtl);
	return {
		seq,
		id: message.id,
		skip: false,
		body: packMessage(message),
		deadline: now + ttlSeconds * 1000,
		ackMs: timeout * 1000,
		retries: isOwed ? 0 : message.retries || config.defaultMessageRetries,
		attempts: 0,
	};
}

function stored({ seq: _, ...rest }: OutRow): Omit<OutRow, 'seq'> {
	return rest;
}

/** Every row of a lane. */
function allOf(lane: Lane): { from: [string, number]; to: [string, number] } {
	return { from: [lane.name, 0], to: [lane.name, Number.MAX_SAFE_INTEGER] };
}
