/**
 * Runs cases as durable actors: all of them on one node, step by step together, so that one crash
 * of the node is a crash for all of them.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { startActorNode, type ActorNode } from '../support/actor-node.ts';
import type { TestScope } from '../support/temporary.ts';
import { innermostOf } from './seen-states.ts';
import type { Look } from './plain-run.ts';
import type { CaseStep } from './suite.ts';

/** A case as an actor. */
export interface DurableCase {
	readonly definition: ActorDefinition;
	readonly steps: readonly CaseStep[];
}

/**
 * What happens to the node. `between`: it dies between every two events, and between every two
 * instants at which a timer is due. `under way`: it dies as soon as an event is on disk.
 * `passivated`: instances are removed from memory between every two events.
 */
export type Fate = 'nothing' | 'between' | 'under way' | 'passivated';

/** What was seen of cases, and how often their node died. */
export interface DurableRun {
	/** By the name of the actor. */
	readonly looks: ReadonlyMap<string, readonly Look[]>;
	readonly crashes: number;
}

interface Round {
	readonly atMs: number;
	readonly due: readonly { readonly name: string; readonly step: CaseStep }[];
}

/** The steps of all cases by their instants; those of one case and instant follow one another. */
function roundsOf(cases: readonly DurableCase[]): readonly Round[] {
	const rounds = new Map<string, { atMs: number; nth: number; due: Round['due'][number][] }>();
	for (const { definition, steps } of cases) {
		const counts = new Map<number, number>();
		for (const step of steps) {
			const { atMs } = step;
			const nth = counts.get(atMs) ?? 0;
			counts.set(atMs, nth + 1);
			const round = rounds.get(`${atMs} ${nth}`) ?? { atMs, nth, due: [] };
			round.due.push({ name: definition.name, step });
			rounds.set(`${atMs} ${nth}`, round);
		}
	}
	return [...rounds.values()].toSorted(
		(one, other) => one.atMs - other.atMs || one.nth - other.nth,
	);
}

const namesIn = ({ due }: Round) => due.map(({ name }) => name);

/** Runs cases. */
export async function runDurably(
	t: TestScope,
	cases: readonly DurableCase[],
	fate: Fate,
): Promise<DurableRun> {
	const actors = cases.map(({ definition }) => definition);
	const world = await startWorld(t, actors, fate);
	const looks = new Map<string, Look[]>();
	const rounds = roundsOf(cases);
	for (const [at, { atMs, due }] of rounds.entries()) {
		await world.passUntil(atMs);
		await world.send(due.filter(({ step }) => step.event !== undefined));
		for (const { name } of due) looks.set(name, [...(looks.get(name) ?? []), world.look(name)]);
		await world.endRound(new Set(rounds.slice(at + 1).flatMap(namesIn)));
	}
	await world.stop();
	return { looks, crashes: world.crashes() };
}

/** Long enough for an instance to be removed from memory. */
const pauseMs = 3000;
const dueAll = { from: [0], to: [1e15] };

/** The node of some cases, and its fate. */
async function startWorld(t: TestScope, actors: readonly ActorDefinition[], fate: Fate) {
	const passivateAfter = fate === 'passivated' ? 1 : 86_400;
	let node: ActorNode = await startActorNode(t, { actors, config: { passivateAfter } });
	let running = actors;
	let crashes = 0;
	let pausedMs = 0;
	/** Waits as long as they become fewer: all of it may take long where many things run. */
	const untilNone = async (count: () => number): Promise<void> => {
		for (let most = count(); most > 0; most = count()) {
			const before = most;
			await node.until(() => count() < before);
		}
	};
	await untilNone(() => actors.filter(({ name }) => !node.stored(name)).length);
	const since = node.clock.monotonic();
	const left = (atMs: number) => since + pausedMs + atMs - node.clock.monotonic();

	const untilDue = () => {
		const [first] = node.journal.scan('timers', { ...dueAll, limit: 1 });
		return Number(first?.key[0] ?? Number.POSITIVE_INFINITY) - node.clock.now();
	};
	const isActive = (name: string) => node.stored(name)?.state.status === 'active';
	/** How many timers are due, which fire only in a step of the clock. */
	const dueNow = (): number => {
		void node.clock.advance(0);
		const due = { from: [0], to: [node.clock.now() + 0.5] };
		return [...node.journal.scan('timers', due)].length;
	};
	/** Until no event waits and no timer is due. */
	const rest = async (): Promise<void> => {
		const mailboxes = running.map(({ name }) => node.mailbox(name));
		await untilNone(() => mailboxes.reduce((sum, mailbox) => sum + mailbox.size(), dueNow()));
		await node.journal.commit([]);
		await node.clock.settle();
	};
	const crash = async (): Promise<void> => {
		crashes += 1;
		node = await node.crash(running);
		await rest();
	};
	/** Timer by timer: the turn of one is written before the next is due, as in memory. */
	const passUntil = async (atMs: number): Promise<void> => {
		await rest();
		while (untilDue() <= left(atMs)) {
			await node.clock.advance(untilDue());
			await rest();
			if (fate === 'between') await crash();
		}
		await node.clock.advance(left(atMs));
		await rest();
	};
	const passivate = async (): Promise<void> => {
		await node.clock.advance(pauseMs);
		await rest();
		pausedMs += pauseMs;
		const isAway = [...node.hostRuntimes.values()].every((host) => host.counts().active === 0);
		if (!isAway) throw new Error('some instances are still in memory');
	};
	// What instances send themselves at their start is on disk by now, and has not come.
	if (fate === 'between') await crash();
	return {
		crashes: () => crashes,
		passUntil,
		async send(due: Round['due']): Promise<void> {
			const active = due.filter(({ name }) => isActive(name));
			await Promise.all(active.map(({ name, step }) => node.send(name, step.event ?? {})));
			if (fate === 'under way' && active.length > 0) await crash();
			await rest();
		},
		/** What is on disk. */
		look(name: string): Look {
			const stored = node.stored(name);
			if (!stored) throw new Error(`${name} is not there`);
			const { value, context } = stored.state;
			return { states: innermostOf(value), context };
		},
		/** Between two steps; only these actors are needed from then on. */
		async endRound(needed: ReadonlySet<string>): Promise<void> {
			running = running.filter(({ name }) => needed.has(name) && isActive(name));
			if (fate === 'between' && running.length > 0) await crash();
			if (fate === 'passivated') await passivate();
		},
		stop: () => node.stop(),
	};
}
