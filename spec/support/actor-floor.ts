/**
 * The ground floor that hosts of declared actors stand on, on a real journal, without a tree or a
 * wire.
 *
 * @module
 */
import { createHostRuntime, type HostRuntime } from '../../actors/durable/host-runtime.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { createAsks } from '../../runtime/pending/asks.ts';
import { createLedger } from '../../runtime/ledger/ledger.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { openJournal, type Journal } from '../../runtime/journal/journal.ts';
import { createMailbox, type Mailbox } from '../../runtime/mailbox/mailbox.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { createMessageRouter } from '../../runtime/intake/message-router.ts';
import { createReceipts } from '../../runtime/ledger/receipts.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import { createTimers } from '../../runtime/pending/timers.ts';

/** The method that takes what actors send; nobody runs it, so all of it stays to be looked at. */
export const sink = 'SINK';

/** The name of the node. */
export const node = 'ship1';

/** What a floor is made with. */
export interface FloorParts<Time extends Clock> {
	readonly clock: Time;
	readonly folder: string;
	readonly actors: readonly ActorDefinition[];
	readonly config?: Partial<Config>;
	/** Whether its process can die in mid-run, which costs turns of the event loop; it can. */
	readonly isMortal?: boolean;
}

/** Opens a floor. No host runs yet. */
export function openFloor<Time extends Clock>(parts: FloorParts<Time>) {
	const { folder, actors, isMortal = true } = parts;
	const t = { isDead: false };
	const clock = mortalClock(parts.clock, t);
	const config = configOf({
		nodeName: node,
		durability: 'os',
		signalsKeptMax: 100_000,
		...parts.config,
	});
	const signals = createSignals(clock, config.signalsKeptMax);
	const disk = openJournal({ folder, clock, signals, durability: config.durability });
	const journal = isMortal ? mortalJournal(disk, t) : disk;
	const kill = (): void => {
		t.isDead = true;
	};
	const boxes = new Map<string, Mailbox>();
	const shared = { journal, clock, config, signals, node };
	const mailbox = (method: string) => boxes.get(method);
	for (const method of [sink, ...actors.map(({ name }) => name)]) {
		boxes.set(method, createMailbox({ method, journal, concurrency: config.turnsAheadMax }));
	}
	const timers = createTimers(shared);
	const asks = createAsks({ ...shared, mailbox });
	const ledger = createLedger({ ...shared, asks });
	const outbox = createOutbox(shared);
	const network = {
		sendFrame() {
			throw new Error('there is no wire');
		},
	};
	const receipts = createReceipts(shared);
	const router = createMessageRouter({ ...shared, ledger, outbox, mailbox, network });
	const published: string[] = [];
	const broken: unknown[] = [];
	const boxOf = (name: string): Mailbox => {
		const box = boxes.get(name);
		if (!box) throw new Error(`no mailbox ${name}`);
		return box;
	};
	const host = (definition: ActorDefinition): HostRuntime =>
		createHostRuntime({
			...shared,
			definition,
			mailbox: boxOf(definition.name),
			router,
			receipts,
			timers,
			asks,
			publish: (topic, text) => void published.push(`${topic} ${text}`),
			mayRun: Promise.resolve(),
			broken: (thrown) => void broken.push(thrown),
		});
	/** The process dies; resolves when what it had written is on disk and the file is closed. */
	const die = async (): Promise<void> => {
		kill();
		await disk.close();
	};
	return {
		...shared,
		kill,
		die,
		timers,
		ledger,
		outbox,
		router,
		receipts,
		published,
		broken,
		boxOf,
		host,
	};
}

/**
 * A journal whose process can die: from then on nothing is written, and nobody hears of anything.
 * What was handed in a moment before may or may not have been written.
 */
function mortalJournal(disk: Journal, t: Life): Journal {
	let line: Promise<void> = Promise.resolve();
	const never = new Promise<never>(() => {});
	const turn = () =>
		new Promise<void>((resolve) => {
			setImmediate(resolve);
		});
	return {
		...disk,
		get: (table, key) => (t.isDead ? undefined : disk.get(table, key)),
		scan: (table, stretch) => (t.isDead ? [] : disk.scan(table, stretch)),
		get storeId() {
			return disk.storeId;
		},
		whileWriting: (run) => disk.whileWriting(() => void (t.isDead || run())),
		commit(changes, until) {
			const written = line.then(turn).then(async () => {
				if (t.isDead) return never;
				return { done: disk.commit(changes, until) };
			});
			line = written.then(() => undefined);
			return written.then(async ({ done }) => {
				await done;
				return t.isDead ? never : undefined;
			});
		},
	};
}

interface Life {
	isDead: boolean;
}

/** A clock whose timers do nothing once the process is dead. */
function mortalClock<Time extends Clock>(clock: Time, t: Life): Time {
	const after: Clock['after'] = (delayMs, run) =>
		clock.after(delayMs, () => {
			if (!t.isDead) run();
		});
	return { ...clock, after };
}
