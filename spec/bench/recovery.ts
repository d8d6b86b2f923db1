/**
 * Recovery: how long a node takes from its start to its birth when it finds many messages in its
 * outbox, against the time that merely reading those rows takes; and what memory it needs for them.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBooks } from '../../runtime/books.ts';
import { realClock } from '../../runtime/clock.ts';
import { newId } from '../../runtime/identity.ts';
import { openJournal, type Change } from '../../runtime/journal.ts';
import { createOutbox } from '../../runtime/outbox.ts';
import { createSignals } from '../../runtime/signal.ts';
import { configOf } from '../../supervisors/node.ts';
import { inRounds, rounded, type Figure } from './figure.ts';
import type { RecoveryMeasure, RecoveryOrder } from './recovery-host.ts';

const host = fileURLToPath(new URL('recovery-host.ts', import.meta.url));
const payload = 'x'.repeat(200);
/** How many nodes the messages wait for. */
const receivers = 100;

/** A journal with so many messages to nodes that are away. */
async function fill(folder: string, count: number): Promise<void> {
	const signals = createSignals(realClock);
	const journal = openJournal({ folder, clock: realClock, signals });
	const shared = { journal, signals, clock: realClock, config: configOf() };
	const outbox = createOutbox(shared);
	const books = createBooks(shared);
	let changes: Change[] = [];
	for (let number = 0; number < count; number += 1) {
		const message = {
			id: newId(realClock),
			fromNode: 'central',
			toNode: `ship${number % receivers}`,
			method: 'REQCliCommand',
			kind: 'CommandACK',
			methodArgs: ['true'],
			data: payload,
		} as const;
		const { lane, seq, changes: filed } = outbox.append(message);
		changes.push(...books.open(message, { lane: lane.name, seq }), ...filed);
		books.opened(message.id);
		if (changes.length < 900 && number < count - 1) continue;
		await journal.commit(changes, 'committed');
		changes = [];
	}
	await journal.close();
}

async function measure(order: RecoveryOrder): Promise<RecoveryMeasure> {
	const child = fork(host, { execArgv: [...process.execArgv, '--expose-gc'] });
	const answer = once(child, 'message') as Promise<[RecoveryMeasure]>;
	child.send(order);
	const [measured] = await answer;
	await once(child, 'exit');
	return measured;
}

/** Measures it for each of these counts. */
export async function measureRecovery(
	counts: readonly number[] = [10_000, 100_000],
	rounds = 3,
): Promise<readonly Figure[]> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-recovery-'));
	const figures: Figure[] = [];
	try {
		for (const count of counts) {
			const journal = join(folder, String(count));
			await fill(journal, count);
			let bytes = 0;
			const measured = await inRounds(rounds, async () => {
				const birth = await measure({ what: 'birth', journal });
				({ bytes } = birth);
				const scan = await measure({ what: 'scan', journal });
				return { reeve: birth.ms, baseline: scan.ms };
			});
			// The start itself takes its time, whatever it finds: the goal is for many messages.
			const goal = count >= 100_000 ? 0.2 : 1;
			const met = measured.ratio <= goal;
			figures.push({ name: `birth with ${count} queued`, unit: 'ms', ...measured, goal, met });
			const mb = rounded(bytes / 2 ** 20);
			figures.push({
				name: `memory with ${count} queued`,
				unit: 'MB more',
				reeve: mb,
				baseline: 40,
				ratio: rounded(mb / 40),
				spread: [rounded(mb / 40), rounded(mb / 40)],
				goal: 1,
				met: mb <= 40,
			});
		}
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
	return figures;
}
