/**
 * The process whose start is measured: a node that finds messages in its journal, or one that
 * merely reads the rows of that journal. It starts twice, so that what is measured is not the
 * loading of code.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';
import { openJournal } from '../../runtime/journal/journal.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { behind, rowsUnder } from '../../runtime/journal/schema.ts';

/** What the process measures. */
export interface RecoveryOrder {
	readonly what: 'birth' | 'scan';
	/** The folder of the journal. */
	readonly journal: string;
}

/** What was measured: milliseconds, and bytes of memory that came on top. */
export interface RecoveryMeasure {
	readonly ms: number;
	readonly bytes: number;
}

const scratch = mkdtempSync(join(tmpdir(), 'reeve-recovery-'));

function birth(folder: string): Promise<RunningNode> {
	return startNode(
		configOf({
			nodeName: 'central',
			// No broker answers there: the birth must not wait for a broker.
			brokerAddress: 'mqtt://127.0.0.1:9',
			socketFolder: scratch,
			databaseFolder: folder,
			subscribersDataFolder: join(scratch, 'data'),
			startPubREQHello: 0,
			logLevel: 'silent',
			windowMessagesMax: 256,
		}),
	);
}

function scan(folder: string): void {
	const signals = createSignals(realClock);
	const journal = openJournal({ folder, clock: realClock, signals });
	for (const table of ['outbox', 'ledger'] as const) {
		for (let { from, to } = rowsUnder(); ;) {
			const rows = journal.scan(table, { from, to, limit: 1000 });
			const last = rows.at(-1);
			if (!last) break;
			from = behind(last.key);
		}
	}
}

async function measure({ what, journal }: RecoveryOrder): Promise<RecoveryMeasure> {
	const warm = await birth(join(scratch, 'empty'));
	await warm.stop();
	globalThis.gc?.();
	const before = process.memoryUsage().rss;
	const from = performance.now();
	if (what === 'birth') await birth(journal);
	else scan(journal);
	const ms = performance.now() - from;
	return { ms, bytes: process.memoryUsage().rss - before };
}

process.once('message', (order: RecoveryOrder) => {
	void measure(order).then((measured) => {
		process.send?.(measured, () => {
			rmSync(scratch, { recursive: true, force: true });
			process.kill(process.pid, 'SIGKILL');
		});
	});
});
