/**
 * Scenarios: what happens to a simulated fleet, as data; and chance that makes them up from a seed.
 *
 * @module
 */
import { seededChance } from '../../runtime/platform/clock.ts';
import type { SimulatedFleet } from '../../supervisors/testing/simulated-fleet.ts';
import { note } from './world.ts';

/** One thing that happens. */
export type Happening =
	| { readonly send: { readonly from: string; readonly to: string; readonly arg: string } }
	| { readonly kill: string }
	| { readonly start: string; readonly crashAt?: string }
	| { readonly freeze: string }
	| { readonly thaw: string }
	| { readonly partition: string }
	| { readonly heal: true }
	| { readonly cut: string }
	| { readonly restore: string }
	| { readonly lose: number }
	| { readonly fillDisk: string }
	| { readonly freeDisk: string }
	| { readonly shiftClock: string; readonly ms: number }
	| { readonly restartBroker: true }
	| { readonly wait: number };

/** How far a clock is set: minutes to decades, back or forth, each magnitude as often. */
export function randomJump(chance: () => number): number {
	const sign = chance() < 0.5 ? -1 : 1;
	return sign * Math.round(60_000 * 10 ** (chance() * 7.4));
}

/** What was accepted: the ids of the messages, by the node that sent them. */
export type Accepted = ReadonlyMap<string, readonly string[]>;

/** A scenario of so many happenings between these nodes. */
export function randomScenario(
	seed: number,
	nodes: readonly string[],
	length: number,
): readonly Happening[] {
	const chance = seededChance(seed);
	const pick = <Item>(items: readonly Item[]): Item => {
		const item = items[Math.floor(chance() * items.length)];
		if (item === undefined) throw new Error('nothing to pick from');
		return item;
	};
	const points = [
		'journal.committed',
		'frame.accepted',
		'call.ended',
		'ack.received',
		'frame.sent',
	];
	const make = (at: number): readonly Happening[] => {
		const node = pick(nodes);
		const others = nodes.filter((name) => name !== node);
		const send = { send: { from: node, to: pick(others), arg: `${at}` } };
		const wait = { wait: Math.floor(chance() * 20_000) };
		return pick<readonly Happening[]>([
			[send, send, send],
			[send, wait, send],
			[send, { kill: node }, wait, { start: node }],
			[
				{ kill: node },
				{ start: node, crashAt: `${pick(points)}:${1 + Math.floor(chance() * 3)}` },
				send,
			],
			[{ freeze: node }, send, wait, { thaw: node }],
			[{ partition: node }, send, wait, { heal: true }],
			[{ cut: node }, send, wait, { restore: node }],
			[{ lose: chance() / 2 }, send, wait, { lose: 0 }],
			[{ fillDisk: node }, wait, send, { freeDisk: node }],
			[{ shiftClock: node, ms: randomJump(chance) }, send, wait],
			[{ restartBroker: true }, send],
		]);
	};
	return Array.from({ length }, (_, at) => make(at)).flat();
}

/**
 * Plays a scenario, then lets everything be well for a day. A node that is needed and dead is
 * started.
 */
export async function play(
	fleet: SimulatedFleet,
	nodes: readonly string[],
	scenario: readonly Happening[],
): Promise<Accepted> {
	const accepted = new Map<string, string[]>(nodes.map((name) => [name, []]));
	const revive = async (name: string): Promise<void> => {
		while (!fleet.isAlive(name)) await fleet.start(name).catch(() => undefined);
	};
	for (const happening of scenario) {
		if ('send' in happening) {
			const { from, to, arg } = happening.send;
			await revive(from);
			const answered = fleet.node(from).send(note(to, arg));
			// A node that is frozen or has a full disk does not answer, and the scenario does not wait.
			answered.then((id) => accepted.get(from)?.push(id)).catch(() => undefined);
			await fleet.clock.advance(100);
		} else await befall(fleet, happening, revive);
	}
	fleet.hub.heal();
	fleet.hub.disturb({ loss: 0 });
	for (const name of nodes) {
		await revive(name);
		fleet.thaw(name);
		fleet.node(name).disk.free();
		fleet.hub.restore(name);
	}
	await fleet.clock.advance(86_400_000);
	return accepted;
}

async function befall(
	fleet: SimulatedFleet,
	happening: Exclude<Happening, { readonly send: object }>,
	revive: (name: string) => Promise<void>,
): Promise<void> {
	const { hub } = fleet;
	if ('wait' in happening) await fleet.clock.advance(happening.wait);
	else if ('start' in happening) {
		const { start, crashAt } = happening;
		await fleet.start(start, crashAt === undefined ? {} : { crashAt }).catch(() => undefined);
	} else if ('restore' in happening) {
		await revive(happening.restore);
		hub.restore(happening.restore);
	} else if ('partition' in happening) hub.part(happening.partition);
	else if ('heal' in happening) hub.heal();
	else if ('cut' in happening) hub.cut(happening.cut);
	else if ('lose' in happening) hub.disturb({ loss: happening.lose });
	else if ('restartBroker' in happening) hub.restart();
	else befallNode(fleet, happening);
}

function befallNode(
	fleet: SimulatedFleet,
	happening: Extract<
		Happening,
		| { readonly kill: string }
		| { readonly freeze: string }
		| { readonly thaw: string }
		| { readonly fillDisk: string }
		| { readonly freeDisk: string }
		| { readonly shiftClock: string }
	>,
): void {
	if ('kill' in happening) fleet.kill(happening.kill);
	else if ('freeze' in happening) fleet.freeze(happening.freeze);
	else if ('thaw' in happening) fleet.thaw(happening.thaw);
	else if ('fillDisk' in happening) fleet.node(happening.fillDisk).disk.fill();
	else if ('freeDisk' in happening) fleet.node(happening.freeDisk).disk.free();
	else fleet.node(happening.shiftClock).shiftClock(happening.ms);
}
