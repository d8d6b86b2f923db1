/**
 * The accidents: what happens to a fleet under torture, drawn from a pack that is shuffled again
 * when it is used up. So each kind comes as often as it should, in an order that the seed decides.
 *
 * @module
 */
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import type { Proxy, Refusal } from '../support/proxy.ts';
import { setClock } from './clock-accident.ts';
import { bulkBytes, bulkyTopic } from './work.ts';
import type { Disk } from './disk.ts';
import type { Member } from './member.ts';
import type { Broker, Server } from './server.ts';

/** How often what has happened. */
export interface AccidentCounts {
	kills: number;
	freezes: number;
	partitions: number;
	wipes: number;
	fullDisks: number;
	refusals: number;
	/** How often the clock of a node was set. */
	clocks: number;
}

/** Whom accidents happen to. */
export interface AccidentParts {
	readonly folder: string;
	readonly nodes: readonly Member[];
	readonly broker: Broker;
	readonly proxies: ReadonlyMap<string, Proxy>;
	/** The small disk, and whose it is. */
	readonly disk: Disk;
	readonly diskOwner: Member;
	readonly clock: Clock;
	readonly chance: () => number;
	/** Raised when it is enough. */
	readonly signal: AbortSignal;
	readonly tell: (text: string) => void;
}

type Kind =
	| 'kill'
	| 'kill twice'
	| 'kill two'
	| 'kill broker'
	| 'wipe broker'
	| 'freeze'
	| 'freeze broker'
	| 'cut'
	| 'silence'
	| 'delay'
	| 'full disk'
	| 'refuse size'
	| 'refuse topic'
	| 'set clock';

/** How often each kind is in the pack. */
const shares: Readonly<Record<Kind, number>> = {
	kill: 3,
	'kill twice': 1,
	'kill two': 1,
	'kill broker': 1,
	'wipe broker': 1,
	freeze: 2,
	'freeze broker': 1,
	cut: 2,
	silence: 1,
	delay: 1,
	'full disk': 1,
	'refuse size': 1,
	'refuse topic': 1,
	'set clock': 2,
};
const pack = (Object.keys(shares) as Kind[]).flatMap((kind) =>
	Array.from({ length: shares[kind] }, () => kind),
);

/** The pause between two accidents, and how long one lasts, in milliseconds. */
const pauseMs = { min: 300, max: 2200 } as const;
const lastMs: Readonly<
	Record<Exclude<Kind, 'kill' | 'kill twice' | 'kill two' | 'set clock'>, number>
> = {
	'kill broker': 1500,
	'wipe broker': 1500,
	freeze: 4000,
	'freeze broker': 2500,
	cut: 4000,
	silence: 6000,
	delay: 8000,
	'full disk': 5000,
	'refuse size': 8000,
	'refuse topic': 5000,
};
const restartMsMax = 800;
/** What a broker that refuses publications hangs up on. */
const refusals = {
	size: { bytesMax: bulkBytes / 2 },
	topic: { topic: bulkyTopic },
} as const satisfies Record<string, Refusal>;

/**
 * Lets accidents happen until `signal` is raised; resolves when all of them are over and mended.
 */
export async function happen(parts: AccidentParts): Promise<AccidentCounts> {
	const { clock, chance, signal } = parts;
	const counts = {
		kills: 0,
		freezes: 0,
		partitions: 0,
		wipes: 0,
		fullDisks: 0,
		refusals: 0,
		clocks: 0,
	};
	const under = new Set<Promise<void>>();
	const failures: unknown[] = [];
	const play = createAccidents(parts, counts);
	let left: Kind[] = [];
	while (!signal.aborted && failures.length === 0) {
		const { min, max } = pauseMs;
		await pause(clock, min + chance() * (max - min), signal);
		if (signal.aborted) break;
		if (left.length === 0) left = shuffled(pack, chance);
		const kind = left.pop() ?? 'kill';
		const accident = play(kind).catch((thrown: unknown) => void failures.push(thrown));
		under.add(accident);
		void accident.finally(() => under.delete(accident));
	}
	await Promise.all(under);
	// What cannot be mended, such as a broker that does not start again, ends the torture.
	if (failures.length > 0) throw failures[0];
	return counts;
}

function shuffled<Value>(values: readonly Value[], chance: () => number): Value[] {
	const drawn = values.map((value) => ({ value, at: chance() }));
	return drawn.toSorted((a, b) => a.at - b.at).map(({ value }) => value);
}

/**
 * Plays one accident of a kind; nothing happens to whom something of the kind is happening already.
 */
function createAccidents(parts: AccidentParts, counts: AccidentCounts) {
	const { nodes, broker, clock, chance, signal, tell } = parts;
	const taken = new Set<string>();
	const pick = <Value>(values: readonly Value[]): Value | undefined =>
		values[Math.floor(chance() * values.length)];
	const during = async (
		name: string,
		longestMs: number,
		way: { begin(): unknown; end(): unknown },
	) => {
		if (taken.has(name)) return false;
		taken.add(name);
		await way.begin();
		await pause(clock, longestMs * (0.1 + chance() * 0.9), signal);
		await way.end();
		taken.delete(name);
		return true;
	};
	const kill = async (node: Member | undefined): Promise<void> => {
		if (node?.pid() === undefined) return;
		counts.kills += 1;
		tell(`kill ${node.name}${node.isReady() ? '' : ' while it starts'}`);
		await node.kill(chance() * restartMsMax);
	};
	const hasProcess = () => nodes.filter((node) => node.pid() !== undefined);

	const killServer = async (server: Server | undefined, wipe?: Broker['wipe']): Promise<void> => {
		// Of a cluster one server at a time: the others must be able to agree.
		if (!server || !broker.servers.every((each) => each.isRunning())) return;
		await during('broker', lastMs['kill broker'], {
			begin: async () => {
				counts.kills += 1;
				tell(`kill ${server.name}${wipe ? ', and all that it knew' : ''}`);
				await server.kill();
				if (wipe) {
					counts.wipes += 1;
					await wipe(server);
				}
			},
			end: () => server.start(),
		});
	};
	const freeze = (target: Member | Server | undefined, longestMs: number) =>
		during(`freeze ${target?.name ?? ''}`, longestMs, {
			begin() {
				counts.freezes += 1;
				tell(`freeze ${target?.name ?? ''}`);
				target?.signal('SIGSTOP');
			},
			end: () => target?.signal('SIGCONT'),
		});
	const disturb = (kind: 'cut' | 'silence' | 'delay') => {
		const name = pick(nodes)?.name ?? '';
		const proxy = parts.proxies.get(name);
		return during(`way ${name}`, lastMs[kind], {
			begin() {
				tell(`${kind} the way of ${name}`);
				if (kind === 'delay') proxy?.delay(20 + chance() * 400);
				else {
					counts.partitions += 1;
					proxy?.[kind]();
				}
			},
			end: () => proxy?.heal(),
		});
	};

	/** The broker hangs up on large publications, or on those of the bulky streams. */
	const refuse = (what: keyof typeof refusals) =>
		during('refusal', lastMs[`refuse ${what}`], {
			begin() {
				counts.refusals += 1;
				tell(`the broker hangs up on publications by their ${what}`);
				for (const proxy of parts.proxies.values()) proxy.refuse(refusals[what]);
			},
			end() {
				for (const proxy of parts.proxies.values()) proxy.refuse(undefined);
			},
		});

	const plays: Readonly<Record<Kind, () => Promise<unknown>>> = {
		kill: () => kill(pick(hasProcess())),
		async 'kill twice'() {
			const node = pick(hasProcess());
			await kill(node);
			await pause(clock, restartMsMax * (0.5 + chance()), signal);
			await kill(node);
		},
		'kill two': () => Promise.all(shuffled(hasProcess(), chance).slice(0, 2).map(kill)),
		'kill broker': () => killServer(pick(broker.servers)),
		'wipe broker': () => killServer(pick(broker.servers), broker.wipe),
		freeze: () => freeze(pick(hasProcess()), lastMs.freeze),
		'freeze broker': () => freeze(pick(broker.servers), lastMs['freeze broker']),
		cut: () => disturb('cut'),
		silence: () => disturb('silence'),
		delay: () => disturb('delay'),
		'full disk': () => fillDisk(parts, counts, during),
		'refuse size': () => refuse('size'),
		'refuse topic': () => refuse('topic'),
		'set clock'() {
			const { name = '' } = pick(nodes) ?? {};
			counts.clocks += 1;
			const seconds = setClock(parts.folder, name, chance);
			tell(`set the clock of ${name}: ${seconds} s from the present`);
			return Promise.resolve();
		},
	};
	return async (kind: Kind): Promise<void> => void (await plays[kind]());
}

async function fillDisk(
	{ disk, diskOwner, tell }: AccidentParts,
	counts: AccidentCounts,
	during: (
		name: string,
		longestMs: number,
		way: { begin(): unknown; end(): unknown },
	) => Promise<boolean>,
): Promise<void> {
	if (!disk.isSmall) return;
	await during('disk', lastMs['full disk'], {
		begin() {
			counts.fullDisks += 1;
			tell(`fill the disk of ${diskOwner.name}`);
			disk.fill(diskOwner.pid());
		},
		end: () => disk.free(diskOwner.pid()),
	});
}
