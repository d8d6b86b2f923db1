/**
 * The processes that the intake is measured with: one with all the clients of the unix socket, and
 * the baseline, which puts the same rows into LMDB by itself.
 *
 * @module
 */
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import { open, type RootDatabase } from 'lmdb';
import { createLedger } from '../../runtime/ledger/ledger.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { openJournal } from '../../runtime/journal/journal.ts';
import { createOutbox } from '../../runtime/delivery/outbox.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** Where the process finds the socket, or its file. */
interface Place {
	readonly folder: string;
	readonly name: string;
}

/** How many messages, how large, to whom. */
interface Load {
	readonly count: number;
	readonly bytes: number;
	readonly to: string;
}

type Work = (load: Load) => Promise<readonly number[]>;

const clients = 16;
/** Messages of one client that are not answered yet, at most. */
const unansweredMax = 256;
const method = 'REQTrivial';

/** The clients of the socket of a node: each keeps many messages under way. */
export async function beClients({ folder, name }: Place): Promise<Work> {
	const sockets = Array.from({ length: clients }, () => createConnection(`${folder}/${name}.sock`));
	await Promise.all(sockets.map((socket) => once(socket, 'connect')));
	return async ({ count, bytes, to }) => {
		const text = `${JSON.stringify({ toNode: to, method, data: 'x'.repeat(bytes) })}\n`;
		const line = Buffer.from(text);
		await Promise.all(sockets.map((socket) => handIn(socket, line, Math.ceil(count / clients))));
		return [];
	};
}

/** Hands in `line` so many times; resolves when each has its answer. */
function handIn(socket: Socket, line: Buffer, count: number): Promise<void> {
	const batch = unansweredMax / 4;
	const lines = Buffer.concat(Array.from({ length: batch }, () => line));
	let sent = 0;
	let answered = 0;
	return new Promise((resolve, reject) => {
		const more = (): void => {
			while (sent < count && sent - answered <= unansweredMax - batch) {
				const some = Math.min(batch, count - sent);
				socket.write(lines.subarray(0, some * line.length));
				sent += some;
			}
		};
		const hear = (chunk: Buffer): void => {
			if (chunk.includes('"error"'))
				reject(new Error(`refused: ${chunk.toString().slice(0, 200)}`));
			for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) answered += 1;
			more();
			if (answered < count) return;
			socket.off('data', hear);
			resolve();
		};
		socket.on('data', hear);
		more();
	});
}

/** Rows that an intake writes for so many messages, made by those who make them in a node. */
function createRows({ folder, name }: Place) {
	const signals = createSignals(realClock);
	const journal = openJournal({ folder: `${folder}/${name}-rows`, clock: realClock, signals });
	const shared = { journal, signals, clock: realClock, config: configOf() };
	const ledger = createLedger(shared);
	const outbox = createOutbox({ ...shared, ledger });
	return ({ count, bytes, to }: Load): readonly Change[] => {
		const data = 'x'.repeat(bytes);
		const changes: Change[] = [];
		let last: readonly Change[] = [];
		for (let number = 0; number < count; number += 1) {
			const id = newId(realClock);
			const own = { id, fromNode: 'central', toNode: to, method, kind: 'EventACK' } as const;
			const message = { ...own, methodArgs: [], data };
			const { lane, seq, body, changes: filed } = outbox.append(message);
			changes.push(...ledger.open(message, { lane: lane.name, seq }, body));
			// The journal writes the record of a lane once in a transaction; here it is once for all.
			changes.push(...filed.filter(({ table }) => table !== 'lanes'));
			last = filed;
		}
		return [...changes, ...last.filter(({ table }) => table === 'lanes')];
	};
}

/** LMDB alone: hands all rows over at once, and waits for the flush. */
export function bePuts(place: Place): Promise<Work> {
	const rowsOf = createRows(place);
	const root: RootDatabase = open({ path: `${place.folder}/${place.name}`, cache: false });
	const tables = new Map(
		['outbox', 'ledger', 'opened', 'lanes'].map((name) => [
			name,
			root.openDB<unknown, (string | number)[]>({ name, cache: false }),
		]),
	);
	return Promise.resolve(async (load: Load) => {
		const rows = rowsOf(load);
		const from = performance.now();
		let last: Promise<boolean> | undefined;
		for (const { table, key, value } of rows) last = tables.get(table)?.put([...key], value);
		await last;
		await root.flushed;
		return [performance.now() - from];
	});
}
