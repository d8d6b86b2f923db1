/**
 * The journal: what must survive. One LMDB environment in the node's database folder, and one way
 * to change it: {@link Journal.commit}, which groups the changes of all who ask at about the same
 * time into one write transaction and resolves after its flush.
 *
 * Three rules make a crash at any instant harmless, and this file keeps them for everybody:
 * - A transaction first compares the *epoch*, a number that every start of a process raises. A
 *   process
 *   that finds a higher one has been replaced on its own data folder; it is *fenced* and changes
 *   nothing more (LMDB itself lets two processes write without complaint).
 * - Nothing that could throw runs inside the transaction, because lmdb-js does not roll back one
 *   whose
 *   callback throws (kriszyp/lmdb-js #115).
 * - A transaction that fails, as on a full disk, is tried again until it succeeds, in order, with
 *   the
 *   same changes. So memory may run ahead of the disk, but never apart from it, and whatever waits
 * for
 *   the flush (an acknowledgement, an answer, a publication) simply waits longer.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import { soundDisk, type Disk } from './disk.ts';
import { ReeveError } from '../platform/errors.ts';
import { createGroupCommit, type Durable } from './group-commit.ts';
import { newStoreId } from '../platform/ids.ts';
import type { Signals } from '../observability/signals.ts';
import { copyStore } from './store-backup.ts';
import { openGuarded, isStoreDamaged } from './store-opening.ts';
import { mergedChanges } from './change-merging.ts';
import type { IdentityChoice } from './store-record.ts';
import { createCommitIdle } from './commit-idle.ts';
import { isStorable, listOf, openStore, rangeOf, valueOf, type StoreKey } from './lmdb-store.ts';
import {
	tables,
	type Table,
	type Key,
	type Change,
	type Stretch,
	type JournalReader,
} from './schema.ts';

/** The open journal of a node. */
export interface Journal extends JournalReader {
	/**
	 * Minted with the file: who this store is, whatever the node is called; see {@link
	 * Journal.renew}.
	 */
	readonly storeId: string;
	/** Raised by every start. */
	readonly epoch: number;
	/** Whether the last process that ran here ended without closing the journal. */
	readonly wasUnclean: boolean;
	/** Unclean starts within `uncleanPeriodMs`, this one included. */
	readonly uncleanStarts: number;
	/**
	 * Whether the store came up elsewhere than where it was at home; see {@link Journal.settleHere}.
	 */
	readonly isMoved: boolean;
	/** Where a damaged store was moved to, if this one had to take its place. */
	readonly quarantined: string | undefined;
	/** Says that this is the store's home from now on: nobody else lives with it. */
	settleHere(): Promise<void>;
	/**
	 * Whether this process is still the one that may write. If not it is fenced at once, as by a
	 * transaction. One look at the file; for moments at which somebody else turns up.
	 */
	isOwner(): boolean;
	/**
	 * Writes a consistent and compact copy into `folder`, while the node goes on.
	 *
	 * @throws ReeveError `backup_failed`
	 */
	backup(folder: string): Promise<{ bytes: number }>;
	/**
	 * Writes all `changes` in one transaction, after all that were given before. Resolves when they
	 * are flushed to disk (with `durability: os`, or `until: 'committed'`, when they are committed,
	 * which survives a crash of the process but not of the machine).
	 *
	 * Rejects only with `fenced` or `stopping`; a disk that fails makes it wait. (And with
	 * `internal`, at once, for a key that the file cannot hold: tried again for ever, it would stop
	 * all others.)
	 */
	commit(changes: readonly Change[], until?: Durable): Promise<void>;
	/**
	 * Gives the store another identity, together with `changes`: it turned out to be an older copy of
	 * what it once was, so its numbers mean something else to those that it talks to. Resolves after
	 * the flush.
	 */
	renew(changes: readonly Change[]): Promise<void>;
	/** Calls `run` when this thread has time because the disk writes; soon, if nothing is written. */
	whileWriting(run: () => void): void;
	/** The keys of the stretch, without reading values. */
	keys(table: Table, stretch: Stretch): readonly Key[];
	/** Rows of the stretch, without reading values; of a whole table without counting them. */
	count(table: Table, stretch?: Stretch): number;
	/** False while the disk fails: callers refuse new work instead of promising it. */
	isHealthy(): boolean;
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
	/** The fingerprint of the machine; by default all machines are alike. */
	readonly host?: string;
	/** What the operator says about a store that was moved, cloned or restored. */
	readonly identity?: IdentityChoice | undefined;
	/** How long an unclean start counts. */
	readonly uncleanPeriodMs?: number;
	/** What stands between the journal and its file; specs put one in that fails. */
	readonly disk?: Disk;
}

/**
 * Opens the journal in `folder`, which is created if need be, and raises its epoch.
 *
 * @throws ReeveError `storage_failed` if the folder or the file cannot be used; `journal_version`;
 * `cloned_store` if identity is strict
 */
export function openJournal(options: JournalOptions): Journal {
	const { folder, clock, disk = soundDisk } = options;
	const open = () => openStore(options, tables);
	const opened = openGuarded({ folder, clock, open, isDamaged: isStoreDamaged });
	const { root, stores, record, place } = opened.store;
	const { epoch, wasUnclean, uncleanStarts, isMoved } = record;
	let { storeId } = record;
	let isFenced = false;
	const fence = (): void => {
		if (!isFenced) options.onFenced?.();
		isFenced = true;
	};
	/** Runs inside the transaction; false if another process has raised the epoch. */
	const apply = (changes: readonly Change[]): boolean => {
		if (stores.meta.get(['epoch']) !== epoch) return false;
		for (const change of mergedChanges(changes)) {
			const { table, key } = change;
			const value = valueOf(change);
			if (value === undefined) stores[table].removeSync(key as StoreKey);
			else stores[table].putSync(key as StoreKey, value);
		}
		spare.begins();
		return true;
	};
	/**
	 * A read sees the file as it was when this turn of the event loop first looked at it. Whoever is
	 * told that something is written must find it.
	 */
	const look = (): void => stores.meta.resetReadTxn();
	const writer = createGroupCommit({
		...options,
		onFenced: fence,
		transact: (changes) =>
			disk.transact(async () => {
				spare.asks();
				try {
					return await root.transaction(() => apply(changes));
				} finally {
					look();
					spare.ends();
				}
			}),
		flushed: () => disk.flush(() => root.flushed.then(look)),
	});
	const spare = createCommitIdle(() => writer.isDue());
	let closed: Promise<void> | undefined;

	return {
		get storeId() {
			return storeId;
		},
		async renew(changes) {
			const renewed = newStoreId(clock);
			await writer.commit([{ table: 'meta', key: ['storeId'], value: renewed }, ...changes]);
			storeId = renewed;
		},
		epoch,
		wasUnclean,
		uncleanStarts,
		isMoved,
		quarantined: opened.quarantined,
		settleHere: () => writer.commit([{ table: 'meta', key: ['home'], value: place }]),
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
			isStorable(key) ? (stores[table].get(key as StoreKey) as Value | undefined) : undefined,
		scan: <Value>(table: Table, stretch: Stretch) =>
			Array.from(
				isStorable(stretch.from) ? stores[table].getRange(rangeOf(stretch)) : [],
				({ key, value }) => ({ key: listOf(key), value: value as Value }),
			),
		keys: (table, stretch) => Array.from(stores[table].getKeys(rangeOf(stretch)), listOf),
		count: (table, stretch) =>
			stretch ? stores[table].getKeysCount(rangeOf(stretch)) : entriesOf(stores[table]),
		isHealthy: () => writer.isHealthy(),
		close() {
			closed ??= writer.stop(closing).then(() => root.close());
			return closed;
		},
	};
}

/** LMDB knows how many entries a table has. */
function entriesOf(store: { getStats(): object }): number {
	const stats = store.getStats();
	return 'entryCount' in stats ? Number(stats.entryCount) : 0;
}

const closing: Change = { table: 'meta', key: ['running'], value: false };
