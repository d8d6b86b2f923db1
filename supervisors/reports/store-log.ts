/**
 * The store log: a record of every settled message that this node has sent, as steward keeps one.
 * Each message can be sent again from it.
 *
 * The log is written in the background from the journal, whose table `settled` numbers the settled
 * messages in order. The last line of the log says how far it has come, so what a crash leaves
 * unwritten is written at the next start, and nothing twice. Messages are lost to the log only if
 * it falls behind by more than `settledKeptMax`, because its disk is full. Messages of the kinds
 * that are sent at most once are not in the ledger, and so not in the log.
 *
 * @module
 */
import { join } from 'node:path';
import type { Timer } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import {
	newestSettled,
	scanSettled,
	type SettledRow,
} from '../../runtime/ledger/ledger-retention.ts';
import type { Entry } from '../../runtime/ledger/ledger-entry.ts';
import { readRecord, recordLine, type MessageRecord } from '../../runtime/ledger/message-record.ts';
import { createRotatingFile, type RotatingFile } from '../../runtime/files/rotating-file.ts';
import type { NodeServices } from '../composition/node-services.ts';

/** What this file needs of the node. */
type Services = Pick<NodeServices, 'clock' | 'config' | 'journal' | 'ledger' | 'signals'>;

/** The log file of a node. */
export function storeLogFile(
	config: Pick<Config, 'databaseFolder' | 'storeLogBytesMax' | 'storeLogFilesMax'>,
): RotatingFile {
	const { storeLogBytesMax: bytesMax, storeLogFilesMax: filesMax } = config;
	return createRotatingFile(join(config.databaseFolder, 'store.log'), { bytesMax, filesMax });
}

/** Messages that are settled within this time are written together. */
const gatherMs = 100;
/** After a failed write, the next attempt follows this much later. */
const retryMs = 5000;
/**
 * A gap in the numbers is waited for this long: transactions need not commit in the order of their
 * numbers. A gap that stays belongs to a message that was not settled, or was dropped by hand.
 */
const holeMs = 2000;
/** Messages written at a time. */
const pageRows = 500;

/** Starts writing the log; the result writes what it still can, and ends it. */
export function startStoreLog(services: Services): { stop(): Promise<void> } {
	const { config, clock, signals } = services;
	if (config.storeLogFilesMax === 0) return { stop: () => Promise.resolve() };
	const file = storeLogFile(config);
	let timer: Timer | undefined;
	let working: Promise<void> | undefined;
	let isStopped = false;
	let last: number | undefined;
	let isTroubled = false;

	const follow = async (): Promise<boolean> => {
		// Another process owns this folder now, and writes the log.
		if (!services.journal.isOwner()) return false;
		last ??= await lastOrder(file, services);
		for (;;) {
			const page = pageAfter(last, services);
			if (page.lines.length > 0) await file.append(page.lines);
			last = page.upTo;
			if (page.isLast) return page.isWaiting;
		}
	};
	const work = async (): Promise<void> => {
		try {
			const isWaiting = await follow();
			isTroubled = false;
			if (isWaiting) arm(holeMs / 4);
		} catch (thrown) {
			// The page may be in the file in part: read the last line again.
			last = undefined;
			const { detail } = asReeveError(thrown, 'file_failed');
			if (!isTroubled) signals.emit('record.failed', { detail });
			isTroubled = true;
			arm(retryMs);
		}
	};
	const arm = (delayMs: number): void => {
		if (isStopped) return;
		timer ??= clock.after(delayMs, () => {
			timer = undefined;
			working = (working ?? Promise.resolve()).then(work);
		});
	};
	const unsubscribe = signals.subscribe(({ type }) => {
		if (type === 'message.settled') arm(gatherMs);
	});
	arm(0);
	return {
		async stop() {
			unsubscribe();
			isStopped = true;
			timer?.cancel();
			await working;
			await work();
		},
	};
}

/** The number of the last message in the file; 0 if nothing of this store is in it. */
async function lastOrder(file: RotatingFile, services: Services): Promise<number> {
	const line = await file.lastLine();
	const record = line === undefined ? undefined : readRecord(line);
	if (!record) return 0;
	const newest = newestSettled(services.journal);
	const isSameLine = newest !== undefined && newest >= record.order;
	// An emptied table, or another store, numbers from the beginning again: compare the times.
	return isSameLine ? record.order : orderBefore(record, services);
}

/** The number of the last message that was settled before the file ended. */
function orderBefore({ settledAt }: MessageRecord, { journal, ledger }: Services): number {
	const at = Date.parse(settledAt);
	const isWritten = ({ id }: SettledRow) => journal.wallOf(ledger.get(id)?.settledAt ?? 0) <= at;
	return scanSettled(journal).filter(isWritten).at(-1)?.order ?? 0;
}

/** The entry with its instants as people read them. */
function shown(entry: Entry, { wallOf }: Services['journal']): Entry {
	const { sentAt, settledAt = sentAt } = entry;
	return { ...entry, sentAt: wallOf(sentAt), settledAt: wallOf(settledAt) };
}

interface Page {
	readonly lines: readonly string[];
	readonly upTo: number;
	readonly isLast: boolean;
	/** Whether it ends before a message that may still become visible. */
	readonly isWaiting: boolean;
}

function pageAfter(last: number, { journal, ledger }: Services): Page {
	const rows = scanSettled(journal, { after: last, limit: pageRows });
	const lines: string[] = [];
	let upTo = last;
	for (const { id, order } of rows) {
		const entry = ledger.record(id);
		const isHole = order > upTo + 1 && upTo > 0;
		const ageMs = journal.now() - (entry?.settledAt ?? 0);
		if (isHole && ageMs < holeMs) return { lines, upTo, isLast: true, isWaiting: true };
		if (entry) lines.push(recordLine(order, shown(entry, journal)));
		upTo = order;
	}
	return { lines, upTo, isLast: rows.length < pageRows, isWaiting: false };
}
