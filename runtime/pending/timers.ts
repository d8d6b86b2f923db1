/**
 * Timers: events that instances of actors wait for, as rows ordered by the instant at which they
 * are due. However many there are, one timer of the clock runs: that of the earliest.
 *
 * A row stays until the turn that takes its event has committed, which removes it. So an event that
 * fell due while no process ran, or whose turn was cut off, comes after the restart, once.
 *
 * @module
 */
import type { Principal } from '../message/principal.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { deadline } from '../platform/deadline.ts';
import type { Journal } from '../journal/journal.ts';
import { metaChange, readMeta } from '../journal/meta-rows.ts';
import { behind, rowsUnder, type Change, type Key } from '../journal/schema.ts';
import { ignoreIfFenced } from '../journal/fencing.ts';

/** When a timer of an earlier process fires. */
export type TimerPolicy = 'absolute' | 'remaining' | 'restart';

/** One timer. */
export interface TimerRow {
	readonly actor: string;
	readonly key: string;
	readonly id: string;
	/** Store time. */
	readonly dueAt: number;
	/** The event, packed. */
	readonly event: Uint8Array;
	readonly delayMs: number;
	readonly policy: TimerPolicy;
	/** Grows with each timer that the instance sets; rows of older versions lack it. */
	readonly order?: number;
	/** On whose behalf it was set, see `runtime/message/principal.ts`. */
	readonly askedBy?: readonly Principal[];
	/** The process that set it, and how long no process had run by then in all. */
	readonly epoch: number;
	readonly downMs: number;
}

/** Which timer is meant. */
export type TimerName = Pick<TimerRow, 'actor' | 'key' | 'id' | 'dueAt'>;

/** What the journal has of a timer besides its key. */
type StoredTimer = Omit<TimerRow, keyof TimerName>;

/** The timers that {@link createTimers} makes. */
export interface Timers {
	/** Makes a row, due `delayMs` from now. */
	make(timer: Omit<TimerRow, 'dueAt' | 'epoch' | 'downMs'>): TimerRow;
	/** What writes a row. {@link Timers.arm} must be called once it is committed. */
	put(row: TimerRow): Change;
	remove(name: TimerName): Change;
	/** Makes sure that the clock wakes us for a committed row. */
	arm(dueAt: number): void;
	/** To be called once the removal of a fired row is committed. */
	removed(name: TimerName): void;
	/**
	 * The row with its due time after a restart: a timer whose policy is not `absolute` may be due
	 * later than before. The same row if nothing changes.
	 */
	renewed(row: TimerRow): TimerRow;
	/** Hands the due rows of `actor` to `fire`, each once, from now on. Returns what ends that. */
	open(actor: string, fire: (row: TimerRow) => void): () => void;
	stop(): void;
}

/** The longest wait; a machine that has slept is noticed after this long. */
const waitMsMax = 60_000;
/** How many due rows are read at a time. */
const rowsAtATime = 500;
/** How exactly it is known, after a crash, when the process ended. */
const aliveMs = 10_000;

/** Opens the timers of a node. */
export function createTimers(parts: { journal: Journal; clock: Clock }): Timers {
	const { journal, clock } = parts;
	const uptime = createUptime(journal, clock);
	const hosts = new Map<string, (row: TimerRow) => void>();
	/** Rows that were handed out, or whose actor is not here, and that are still on disk. */
	const out = new Map<string, string>();
	let timer: { readonly dueAt: number; readonly pending: Timer } | undefined;

	let isStopped = false;
	const arm = (dueAt: number): void => {
		// A turn that is written during the stop arms its timers afterwards; the next start reads them.
		if (isStopped || (timer && timer.dueAt <= dueAt)) return;
		timer?.pending.cancel();
		const delayMs = Math.min(Math.max(0, dueAt - journal.now()), waitMsMax);
		timer = { dueAt, pending: deadline(clock, delayMs, wake) };
	};

	const hand = (row: TimerRow): void => {
		const name = nameOf(row);
		const fire = hosts.get(row.actor);
		if (out.has(name)) return;
		out.set(name, row.actor);
		fire?.(row);
	};

	function wake(): void {
		timer = undefined;
		const now = journal.now();
		/** The rows of one instant, which a page may divide. */
		let together: TimerRow[] = [];
		const handAll = (): void => {
			const inOrder = together.toSorted((one, other) => (one.order ?? 0) - (other.order ?? 0));
			together = [];
			for (const row of inOrder) hand(row);
		};
		for (let { from } = rowsUnder(); ;) {
			const rows = journal.scan<StoredTimer>('timers', {
				from,
				to: [now + 1],
				limit: rowsAtATime,
			});
			for (const { key, value } of rows) {
				const row = rowOf(key, value);
				if (row.dueAt !== together[0]?.dueAt) handAll();
				together.push(row);
			}
			const last = rows.at(-1);
			if (!last || rows.length < rowsAtATime) break;
			from = behind(last.key);
		}
		handAll();
		const [next] = journal.scan('timers', { ...rowsUnder(), from: [now + 1], limit: 1 });
		if (next) arm(Number(next.key[0]));
	}

	return {
		make({ policy, ...rest }) {
			if (policy === 'remaining' && !isStopped) uptime.watch();
			const { epoch } = journal;
			const dueAt = journal.now() + Math.max(0, Math.ceil(rest.delayMs));
			return { ...rest, policy, dueAt, epoch, downMs: uptime.downMs };
		},
		put({ dueAt, actor, key, id, ...value }) {
			return { table: 'timers', key: [dueAt, actor, key, id], value };
		},
		remove: ({ dueAt, actor, key, id }) => ({ table: 'timers', key: [dueAt, actor, key, id] }),
		arm,
		removed: (name) => void out.delete(nameOf(name)),
		renewed(row) {
			if (row.epoch === journal.epoch || row.policy === 'absolute') return row;
			const { epoch } = journal;
			const { downMs, startedAt } = uptime;
			if (row.policy === 'remaining' && !isStopped) uptime.watch();
			const dueAt =
				row.policy === 'restart' ? startedAt + row.delayMs : row.dueAt + downMs - row.downMs;
			return { ...row, dueAt, epoch, downMs };
		},
		open(actor, fire) {
			isStopped = false;
			hosts.set(actor, fire);
			for (const [name, owner] of out) if (owner === actor) out.delete(name);
			arm(0);
			return () => {
				if (hosts.get(actor) === fire) hosts.delete(actor);
			};
		},
		stop() {
			isStopped = true;
			timer?.pending.cancel();
			timer = undefined;
			uptime.stop();
		},
	};
}

const nameOf = ({ dueAt, actor, key, id }: TimerName) => JSON.stringify([dueAt, actor, key, id]);

function rowOf(key: Key, value: StoredTimer): TimerRow {
	const [dueAt, actor, instance, id] = key;
	return {
		...value,
		dueAt: Number(dueAt),
		actor: String(actor),
		key: String(instance),
		id: String(id),
	};
}

/** One timer by its name; undefined if it is not set. */
export function readTimer(
	journal: Pick<Journal, 'get'>,
	{ dueAt, actor, key, id }: TimerName,
): TimerRow | undefined {
	const value = journal.get<StoredTimer>('timers', [dueAt, actor, key, id]);
	return value && { ...value, dueAt, actor, key, id };
}

/** When processes ran on this store; noted while a timer needs it. */
interface Alive {
	/** When a process was last seen to run, in store time. */
	readonly at: number;
	/** How long none ran before that, in all. */
	readonly downMs: number;
}

/** Knows for how long no process ran. It is written down only once a timer has asked for it. */
function createUptime(journal: Journal, clock: Clock) {
	const known = readMeta<Alive>(journal, ['alive']);
	const startedAt = journal.now();
	const downMs = known ? known.downMs + Math.max(0, startedAt - known.at) : 0;
	let pending: Timer | undefined;
	const note = (): void => {
		const value: Alive = { at: journal.now(), downMs };
		journal.commit([metaChange(['alive'], value)], 'committed').catch(ignoreIfFenced);
	};
	const beat = (): void => {
		note();
		pending = clock.after(aliveMs, beat);
	};
	const watch = (): void => {
		if (!pending) beat();
	};
	if (known) watch();
	return {
		startedAt,
		downMs,
		watch,
		stop(): void {
			if (!pending) return;
			pending.cancel();
			pending = undefined;
			note();
		},
	};
}
