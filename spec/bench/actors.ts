/**
 * What durable turns cost: a machine with guards and assignments, spread over many instances of
 * which few are in use at a time, against the same machine as plain XState actors in memory. Beside
 * it: what an idle instance takes in the process, and how long it takes to bring one back.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assign, createActor, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { realClock } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { composeWithActors, hostOn, mailboxOf, nodeName } from '../support/actor-node.ts';
import { atLeast, atMost, full, median, rounded, type Figure } from './figure.ts';

/** How much is measured. */
interface Effort {
	readonly rounds: number;
	readonly instances: number;
	readonly turns: number;
}

interface Account {
	readonly balance: number;
	readonly refused: number;
	readonly payments: number;
}

type AccountEvent =
	| { readonly type: 'PAY'; readonly cents: number }
	| { readonly type: 'DRAW'; readonly cents: number }
	| { readonly type: 'FREEZE' }
	| { readonly type: 'THAW' };

/**
 * As large as machines are that people write: two regions, guards, and a state that follows from
 * values.
 */
const account = defineActor({
	name: 'account',
	version: 1,
	machine: setup({
		types: { context: {} as Account, events: {} as AccountEvent },
		guards: {
			covered: ({ context, event }) => event.type === 'DRAW' && event.cents <= context.balance,
			low: ({ context }) => context.balance < 50,
			enough: ({ context }) => context.balance >= 50,
		},
		actions: {
			pay: assign({
				balance: ({ context, event }) => context.balance + (event.type === 'PAY' ? event.cents : 0),
				payments: ({ context }) => context.payments + 1,
			}),
			draw: assign({
				balance: ({ context, event }) =>
					context.balance - (event.type === 'DRAW' ? event.cents : 0),
			}),
			refuse: assign({ refused: ({ context }) => context.refused + 1 }),
		},
	}).createMachine({
		id: 'account',
		context: { balance: 0, refused: 0, payments: 0 },
		type: 'parallel',
		states: {
			access: {
				initial: 'open',
				states: {
					open: {
						on: {
							PAY: { actions: 'pay' },
							DRAW: [{ guard: 'covered', actions: 'draw' }, { actions: 'refuse' }],
							FREEZE: 'frozen',
						},
					},
					frozen: { on: { THAW: 'open', DRAW: { actions: 'refuse' } } },
				},
			},
			funds: {
				initial: 'low',
				states: {
					low: { always: { guard: 'enough', target: 'enough' } },
					enough: { always: { guard: 'low', target: 'low' } },
				},
			},
		},
	}),
});

/** The event of the `n`th turn; all of them change something. */
function eventAt(n: number): AccountEvent {
	const round = n % 4;
	if (round === 0) return { type: 'PAY', cents: 100 };
	return round === 1 ? { type: 'DRAW', cents: 30 } : { type: round === 2 ? 'FREEZE' : 'THAW' };
}

/** Turns go over a hundredth of the instances at a time, and over all of them in the end. */
function instanceAt(n: number, { instances, turns }: Effort): number {
	const crowd = Math.max(1, Math.floor(instances / 100));
	const step = Math.floor((n / turns) * (instances / crowd));
	return (step * crowd + (Math.floor(n / 4) % crowd)) % instances;
}

/** Turns per second of as many plain actors, all in memory: the same turns, in the same order. */
function plainTurns(effort: Effort): number {
	const actors = Array.from({ length: effort.instances }, () =>
		createActor(account.machine).start(),
	);
	// What making them has left behind is not to be paid by their turns.
	collectGarbage();
	const since = realClock.monotonic();
	for (let n = 0; n < effort.turns; n += 1) actors[instanceAt(n, effort)]?.send(eventAt(n));
	return (effort.turns / (realClock.monotonic() - since)) * 1000;
}

const toAccount = (key: string, event: AccountEvent): Message => ({
	id: newId(realClock),
	fromNode: 'central',
	toNode: nodeName,
	method: 'account',
	kind: 'CommandACK',
	methodArgs: [],
	data: JSON.stringify(event),
	key,
});

/** A node with durable accounts, whose mailbox can be filled and worked off. */
function openAccounts(folder: string) {
	const services = composeWithActors({
		clock: realClock,
		folder,
		actors: [account],
		config: { durability: 'disk', signalsKeptMax: 1000, activeInstancesMax: 1000 },
	});
	const { journal, signals } = services;
	const box = mailboxOf(services, account.name);
	return {
		journal,
		host: () => hostOn(services, account, { publish: () => {}, broken: () => {} }),
		/** Files messages as if they had come from another node. */
		async file(messages: readonly Message[]) {
			const filed = messages.map((message) => {
				const body = packMessage(message);
				return box.place({ message, from: 'central', body, deadline: Infinity });
			});
			for (let at = 0; at < filed.length; at += 1000) {
				await journal.commit(filed.slice(at, at + 1000).flatMap(({ changes }) => changes));
			}
			return () => {
				for (const { row } of filed) box.push(row);
			};
		},
		async workedOff() {
			// To look on every turn of the event loop would cost more than what is measured.
			await new Promise<void>((resolve) => {
				const end = signals.subscribe(({ type }) => {
					if (type !== 'journal.committed' || box.size() > 0) return;
					end();
					resolve();
				});
			});
			await journal.commit([]);
		},
	};
}

type Accounts = ReturnType<typeof openAccounts>;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
	collectGarbage();
	return process.memoryUsage().heapUsed;
}

/** One round on a journal of its own. */
async function durableRound(effort: Effort) {
	const folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'));
	try {
		const accounts = openAccounts(folder);
		const hostRuntime = accounts.host();
		const keys = Array.from({ length: effort.instances }, (_, n) => `account-${n}`);
		const before = heapBytes();
		await hostRuntime.open();
		for (let at = 0; at < keys.length; at += 10_000) {
			const first = keys.slice(at, at + 10_000).map((key) => toAccount(key, eventAt(0)));
			(await accounts.file(first))();
			await accounts.workedOff();
		}
		const turnsPerSecond = await durableTurns(accounts, keys, effort);
		const idle = effort.instances - hostRuntime.counts().active;
		const bytes = Math.max(0, heapBytes() - before) / Math.max(1, idle);
		const reactivationUs = await reactivation(accounts, keys);
		await hostRuntime.drain();
		await accounts.journal.close();
		return { turnsPerSecond, bytes, reactivationUs };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Turns per second, from messages on disk to turns on disk. */
async function durableTurns(accounts: Accounts, keys: readonly string[], effort: Effort) {
	const push = await accounts.file(
		Array.from({ length: effort.turns }, (_, n) =>
			toAccount(keys[instanceAt(n, effort)] ?? '', eventAt(n)),
		),
	);
	const since = realClock.monotonic();
	push();
	await accounts.workedOff();
	return (effort.turns / (realClock.monotonic() - since)) * 1000;
}

/**
 * Microseconds from a message to an idle instance until its turn is in memory and on disk,
 * amortised.
 */
async function reactivation(accounts: Accounts, keys: readonly string[]) {
	const some = keys.slice(0, 2000);
	(await accounts.file(some.map((key) => toAccount(key, { type: 'THAW' }))))();
	await accounts.workedOff();
	const push = await accounts.file(
		keys.slice(-2000).map((key) => toAccount(key, { type: 'THAW' })),
	);
	const since = realClock.monotonic();
	push();
	await accounts.workedOff();
	return ((realClock.monotonic() - since) / 2000) * 1000;
}

async function oneRound(effort: Effort) {
	const plain = plainTurns(effort);
	return { plain, ...(await durableRound(effort)) };
}

/** About half a minute's worth, and half of that: an instance is only seen among very many. */
const efforts = {
	full: { rounds: 3, instances: 100_000, turns: 60_000 },
	short: { rounds: 1, instances: 100_000, turns: 40_000 },
};

/** Measures. */
export async function measureActors({ short } = full): Promise<readonly Figure[]> {
	const effort = short ? efforts.short : efforts.full;
	const rounds: Awaited<ReturnType<typeof oneRound>>[] = [];
	for (let round = 0; round <= effort.rounds; round += 1) {
		const measured = await oneRound(effort);
		// The first round warms up the compiler.
		if (round > 0) rounds.push(measured);
	}
	const ratios = rounds.map(({ plain, turnsPerSecond }) => turnsPerSecond / plain);
	const middle = (pick: (round: (typeof rounds)[number]) => number) =>
		rounded(median(rounds.map(pick)));
	const spread = (values: readonly number[]) =>
		[rounded(Math.min(...values)), rounded(Math.max(...values))] as const;
	return [
		atLeast(0.3, {
			name: 'actors/turns',
			unit: 'turns/s',
			reeve: middle(({ turnsPerSecond }) => turnsPerSecond),
			baseline: middle(({ plain }) => plain),
			ratio: rounded(median(ratios)),
			spread: spread(ratios),
		}),
		atMost(100, {
			name: 'actors/idle-instance',
			compared: 'reeve',
			unit: 'bytes',
			reeve: middle(({ bytes }) => bytes),
			baseline: 1,
			ratio: middle(({ bytes }) => bytes),
			spread: spread(rounds.map(({ bytes }) => bytes)),
		}),
		atMost(1000, {
			name: 'actors/reactivation',
			compared: 'reeve',
			unit: 'us',
			reeve: middle(({ reactivationUs }) => reactivationUs),
			baseline: 1,
			ratio: middle(({ reactivationUs }) => reactivationUs),
			spread: spread(rounds.map(({ reactivationUs }) => reactivationUs)),
		}),
	];
}
