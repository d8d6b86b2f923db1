/**
 * A journal with many messages that wait, made as quickly as the disk allows: by the outbox and the
 * ledger of the product, many messages in one transaction, without a node around them.
 *
 * @module
 */
import { createLedger } from '../../runtime/ledger/ledger.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { openJournal } from '../../runtime/journal/journal.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What is to wait. */
export interface Filling {
	readonly folder: string;
	readonly count: number;
	readonly method: string;
	readonly kind: 'CommandACK' | 'EventACK';
	readonly methodArgs: readonly string[];
	/** Whom the messages are for, in turn. */
	readonly receivers: readonly string[];
}

const data = 'x'.repeat(200);
/** So many changes are one transaction. */
const changesMax = 900;

/** Fills a new journal of the node `central`; returns the milliseconds that it took. */
export async function fillJournal(filling: Filling): Promise<number> {
	const { folder, count, receivers, method, kind } = filling;
	const from = performance.now();
	const signals = createSignals(realClock);
	const journal = openJournal({ folder, clock: realClock, signals });
	const shared = { journal, signals, clock: realClock, config: configOf() };
	const ledger = createLedger(shared);
	const outbox = createOutbox({ ...shared, ledger });
	let changes: Change[] = [];
	for (let number = 0; number < count; number += 1) {
		const toNode = receivers[number % receivers.length] ?? '';
		const methodArgs = [...filling.methodArgs];
		const id = newId(realClock);
		const message = { id, fromNode: 'central', toNode, method, kind, methodArgs, data };
		const { lane, seq, body, changes: filed } = outbox.append(message);
		const opened = ledger.open(message, { lane: lane.name, seq }, body);
		for (const change of opened) changes.push(change);
		for (const change of filed) changes.push(change);
		ledger.opened(id);
		if (changes.length < changesMax && number < count - 1) continue;
		await journal.commit(changes, 'committed');
		changes = [];
	}
	await journal.close();
	return performance.now() - from;
}
