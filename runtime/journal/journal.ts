/**
 * The journal: all state that must survive a crash. It is one LMDB environment in the node's
 * database folder, changed only by {@link Journal.commit}, which groups concurrent changes into one
 * write transaction and resolves after its flush.
 *
 * Three rules make a crash at any instant harmless:
 * - A transaction first compares the *epoch*, a number that every start of a process raises. A
 *   process that finds a higher one was replaced on its own data folder: it is *fenced* and changes
 *   nothing more. (LMDB itself lets two processes write.)
 * - Nothing that could throw runs inside the transaction, because lmdb-js does not roll back one
 *   whose callback throws (kriszyp/lmdb-js #115).
 * - A transaction that fails, as on a full disk, is repeated in order, with the same changes, until
 *   it succeeds. So memory may run ahead of the disk but never diverge from it, and whatever waits
 *   for the flush (an acknowledgement, an answer, a publication) waits longer.
 *
 * @module
 */
import { ignoreIfFenced } from './fencing.ts';
import type { Clock } from '../platform/clock.ts';
import { soundDisk, type Disk } from './disk.ts';
import { ReeveError } from '../platform/errors.ts';
import { createGroupCommit, type Durable } from './group-commit.ts';
import { newStoreId } from '../platform/ids.ts';
import { createDiskReserve } from './disk-reserve.ts';
import type { Signals } from '../observability/signals.ts';
import { copyStore } from './store-backup.ts';
import { openGuarded, isStoreDamaged, saveStore } from './store-opening.ts';
import { mergedChanges } from './change-merging.ts';
import { metaChange } from './meta-rows.ts';
import type { IdentityChoice } from './store-record.ts';
import { createCommitIdle } from './commit-idle.ts';
import type { TimeNote } from './store-time.ts';
import { createDamagedRows, type DamagedFact } from './damaged-rows.ts';
import { isStorable } from './storable-key.ts';
import { applyChange, openStore, rangeOf, unusedBytesOf } from './lmdb-store.ts';
import {
	tableNames,
	type Table,
	type Key,
	type Change,
	type Stretch,
	type JournalReader,
} from './schema.ts';

/** The open journal of a node. */
export interface Journal extends JournalReader {
	/**
	 * The identity of the store, whatever the node is called. It is created with the file; see
	 * {@link Journal.renew}.
	 */
	readonly storeId: string;
	/** Raised by every start. */
	readonly epoch: number;
	/**
	 * Milliseconds of store time, in which durations are counted: it goes on over restarts, and does
	 * not jump when the wall clock is set. See `store-time.ts`.
	 */
	readonly now: () => number;
	/** An instant of store time as the wall clock shows it, for people. */
	readonly wallOf: (storeMs: number) => number;
	/** Whether the last process that ran here ended without closing the journal. */
	readonly wasUnclean: boolean;
	/** Unclean starts within `uncleanPeriodMs`, this one included. */
	readonly uncleanStarts: number;
	/**
	 * Whether the store is not in the place where it last ran; see {@link Journal.settleHere}.
	 */
	readonly isMoved: boolean;
	/** Where a damaged store was moved to, if this one replaces it. */
	readonly quarantined: string | undefined;
	/** The start is over: a death from now on is none of a damaged store, as far as is known. */
	begun(): void;
	/** Records that the store belongs to this place from now on: no other node uses a copy. */
	settleHere(): Promise<void>;
	/**
	 * Whether this process may still write. If not, it is fenced at once, as by a transaction. Reads
	 * the file; for moments at which another process appears.
	 */
	isOwner(): boolean;
	/**
	 * Writes a consistent and compact copy into `folder`, while the node goes on.
	 *
	 * @throws ReeveError `backup_failed`
	 */
	backup(folder: string): Promise<{ bytes: number }>;
	/**
	 * Writes all `changes` in one transaction, after all earlier ones. Resolves when they are flushed
	 * to disk (with `durability: os`, or `until: 'committed'`, when they are committed, which
	 * survives a crash of the process but not of the machine).
	 *
	 * Rejects only with `fenced` or `stopping`; while the disk fails, it waits. (And with `internal`,
	 * at once, for a key that the file cannot hold: repeating it would block all later changes.)
	 */
	commit(changes: readonly Change[], until?: Durable): Promise<void>;
	/**
	 * Gives the store another identity, together with `changes`. Needed when it is an older copy of
	 * itself: other nodes know its sequence numbers with another meaning. Resolves after the flush.
	 */
	renew(changes: readonly Change[]): Promise<void>;
	/** Calls `tell` with each damaged row that was read, and with each that will be. */
	onDamage(tell: (fact: DamagedFact) => void): void;
	/** Calls `run` while the disk writes; soon, if there is nothing to write. */
	whileWriting(run: () => void): void;
	/** The keys of the stretch, without reading values. */
	keys(table: Table, stretch: Stretch): readonly Key[];
	/** Rows of the stretch, without reading values; of a whole table without counting them. */
	count(table: Table, stretch?: Stretch): number;
	/**
	 * False while the disk fails, or has no space for `bytes` more: callers refuse new work instead
	 * of promising it.
	 */
	isHealthy(bytes?: number): boolean;
	/** Whether what frees space can be written: a full disk has a reserve for it. */
	isWritable(): boolean;
	/** Waits for what was given to `commit`, marks the end as clean, and closes the file. */
	close(): Promise<void>;
}

/** What a journal is opened with. */
export interface JournalOptions {
	readonly folder: string;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly durability?: 'disk' | 'os';
	/** Called once when another process has taken over the folder. */
	readonly onFenced?: () => void;
	/** The fingerprint of the machine; by default all machines have the same. */
	readonly host?: string;
	/** The operator's decision about a store that was moved, cloned or restored. */
	readonly identity?: IdentityChoice | undefined;
	/** How long an unclean start counts. */
	readonly uncleanPeriodMs?: number;
	/** How much of the disk is kept for the time when it is full; 0, the default, for nothing. */
	readonly reserveBytes?: number;
	/** Whether `begun` will be called when the start of the node is over. */
	readonly hasLongStart?: boolean;
	/** The layer between the journal and its file; specs pass one that fails. */
	readonly disk?: Disk;
}

/**
 * Opens the journal in `folder`, which is created if need be, and raises its epoch.
 *
 * @throws ReeveError `storage_failed` if the folder or the file cannot be used; `journal_version`;
 * `cloned_store` if identity is strict
 */
export function openJournal(options: JournalOptions): Journal {
	const { folder, clock, disk = soundDisk, reserveBytes = 0 } = options;
	const damaged = createDamagedRows();
	const open = () => openStore({ ...options, seeDamage: damaged.see }, tableNames);
	const opened = openGuarded({
		folder,
		clock,
		open,
		isDamaged: isStoreDamaged,
		save: (file, to) => saveStore(file, to, clock.now()),
		idOf: (store) => store.record.storeId,
	});
	if (!options.hasLongStart) opened.begun();
	const { root, stores, record, place } = opened.store;
	const { epoch, wasUnclean, uncleanStarts, isMoved, time } = record;
	let { storeId } = record;
	let isFenced = false;
	const fence = (): void => {
		if (!isFenced) options.onFenced?.();
		isFenced = true;
	};
	/** What the next transaction notes of the time; usually nothing. */
	let note: TimeNote | undefined;
	const lookAtClocks = (): void => {
		const seen = time.look();
		note = seen?.note ?? note;
		if (seen && seen.jumpMs !== 0) options.signals.emit('clock.jumped', { byMs: seen.jumpMs });
	};
	/** Runs inside the transaction; false if another process has raised the epoch. */
	const apply = (changes: readonly Change[]): boolean => {
		if (stores.meta.get(['epoch']) !== epoch) return false;
		for (const change of mergedChanges(changes)) {
			applyChange(stores, change);
		}
		if (note) stores.meta.putSync(['time'], note);
		spare.begins();
		return true;
	};
	/**
	 * Makes later reads see the last commit. LMDB keeps one view of the file for a whole turn of the
	 * event loop, but a caller whose commit has resolved must find its changes.
	 */
	const look = (): void => stores.meta.refresh();
	const unusedBytes = () => unusedBytesOf(opened.store);
	const writer = createGroupCommit({
		...options,
		reserve: createDiskReserve({ folder, bytes: reserveBytes, unusedBytes }),
		onFenced: fence,
		transact: (changes) =>
			disk.transact(async () => {
				spare.asks();
				lookAtClocks();
				try {
					const isWritten = await root.transaction(() => apply(changes));
					note = undefined;
					return isWritten;
				} finally {
					look();
					spare.ends();
				}
			}),
		flushed: () => disk.flush(() => root.flushed.then(look)),
	});
	const spare = createCommitIdle(() => writer.isDue());
	let closed: Promise<void> | undefined;
	damaged.writeWith((changes) => {
		writer.commit(changes).catch(ignoreIfFenced);
	});

	return {
		get storeId() {
			return storeId;
		},
		async renew(changes) {
			const renewed = newStoreId(clock);
			await writer.commit([metaChange(['storeId'], renewed), ...changes]);
			storeId = renewed;
		},
		epoch,
		now: time.now,
		wallOf: time.wallOf,
		wasUnclean,
		uncleanStarts,
		isMoved,
		quarantined: opened.quarantined,
		begun: () => opened.begun(),
		settleHere: () => writer.commit([metaChange(['home'], place)]),
		isOwner() {
			look();
			if (!isFenced && stores.meta.get(['epoch']) !== epoch) fence();
			return !isFenced;
		},
		backup: (to) => copyStore({ to, copy: () => root.backup(to, true) }),
		commit(changes, until) {
			const bad = changes.find(({ key }) => !isStorable(key));
			if (!bad) return writer.commit(changes, until);
			return Promise.reject(new ReeveError('internal', `the table ${bad.table} has no such keys`));
		},
		whileWriting: (run) => spare.use(run),
		get: <Value>(table: Table, key: Key) =>
			isStorable(key) ? (stores[table].get(key) as Value | undefined) : undefined,
		scan: <Value>(table: Table, stretch: Stretch) =>
			isStorable(stretch.from)
				? (stores[table].rows(rangeOf(stretch)) as { key: Key; value: Value }[])
				: [],
		keys: (table, stretch) => stores[table].keys(rangeOf(stretch)),
		count: (table, stretch) =>
			stretch ? stores[table].countOf(rangeOf(stretch)) : entriesOf(stores[table]),
		onDamage: (tell) => damaged.onDamage(tell),
		isHealthy: (bytes) => writer.isHealthy(bytes),
		isWritable: () => writer.isWritable(),
		close() {
			note = time.note();
			closed ??= writer
				.stop(closing)
				.then(() => root.close())
				.then(() => (isFenced ? undefined : opened.ended()));
			return closed;
		},
	};
}

const closing = metaChange(['running'], false);

/** LMDB knows how many entries a table has. */
function entriesOf(store: { stats(): object }): number {
	const stats = store.stats();
	return 'entryCount' in stats ? Number(stats.entryCount) : 0;
}
