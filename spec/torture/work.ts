/**
 * The load of the torture: streams of messages in all directions, each handed in by a client
 * that tries until it is answered.
 *
 * @module
 */
import { join } from 'node:path';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import type { Answer } from '../../runtime/network/transport.ts';
import { deadlyActor } from './deadly-actor.ts';
import type { Member } from './member.ts';
import { ask, talk } from './talk.ts';

/**
 * What a stream asks for. `append`: a line in a file, once and in order. `command`: a line by a
 * shell command, at most once. `reply`: the same, and its output in a file at the sender, once if
 * it is done. `impatient`: a command that may expire, and then must not have run. `again`: a
 * command that is run again after a crash, so at least once. `bulky`: a command, at times a large
 * one, that may be refused, and then must not have run. `step`: an event of an actor, whose step
 * may kill its node, and which then sends a line to a file, once and in order.
 */
export const aims = ['append', 'command', 'reply', 'impatient', 'again', 'bulky', 'step'] as const;

/** The size of a large command, and the topic of all bulky streams. */
export const bulkBytes = 60_000;
/** The kind of their messages gives them a topic of their own. */
export const bulkyTopic = /\/_lane\/REQCliCommand\/EventACK$/;
/** One in so many commands of a bulky stream is large. */
const bulkShare = 0.2;

/** One of {@link aims}. */
export type Aim = (typeof aims)[number];

/** A stream of messages from one node to one node. */
export interface Stream {
	readonly name: string;
	readonly aim: Aim;
	readonly from: string;
	readonly to: string;
	/** Streams with a key are lanes of their own. */
	readonly key?: string;
	/** The file at the receiver that its lines are written to. */
	readonly trace: string;
	/** The file at the sender that its replies are appended to. */
	readonly replies?: string;
	/** The file that the starts of its steps are noted in. */
	readonly starts?: string;
	/** How many of its messages were accepted; their numbers begin with 1, without gaps. */
	accepted: number;
}

/** The id of the message of this number; also the line that it leaves. */
export function idOf({ name }: Stream, number: number): string {
	return `${name}.${String(number).padStart(6, '0')}`;
}

/** All streams between these nodes, those from each node to itself included. */
export function createStreams(nodes: readonly Member[], folder: string): readonly Stream[] {
	return nodes.flatMap((from) => nodes.flatMap((to) => streamsBetween(from, to, folder)));
}

function streamsBetween(from: Member, to: Member, folder: string): Stream[] {
	const pair = `${from.name}-${to.name}`;
	const ends = { from: from.name, to: to.name, accepted: 0 };
	const append = (tag: string, rest: { key?: string }): Stream => {
		const name = `${pair}-${tag}`;
		const trace = join(to.dataFolder, 'torture', to.name, name);
		return { ...ends, ...rest, name, aim: 'append', trace };
	};
	const command = (aim: Aim): Stream => {
		const name = `${pair}-${aim}`;
		const trace = join(folder, `${name}.trace`);
		const replies = join(from.dataFolder, 'torture', to.name, name);
		return { ...ends, name, aim, trace, ...(aim === 'reply' ? { replies } : {}) };
	};
	return [
		append('append', {}),
		append('key1', { key: 'one' }),
		append('key2', { key: 'two' }),
		...aims.filter((aim) => aim !== 'append' && aim !== 'step').map(command),
		{ ...append('step', {}), aim: 'step', starts: join(folder, `${pair}-step.starts`) },
	];
}

/** One message of a stream, as its sender hands it in. */
function messageOf(stream: Stream, number: number, chance: () => number): object {
	const { to: toNode, name, aim, key, trace } = stream;
	const id = idOf(stream, number);
	const shared = { id, toNode, ACKTimeout: 1 + Math.floor(chance() * 3) };
	const result = { directory: 'torture', fileName: name };
	if (aim === 'append') {
		const keyed = key === undefined ? {} : { key };
		return { ...shared, ...keyed, ...result, method: 'REQToFileAppend', data: `${id}\n` };
	}
	if (aim === 'step') {
		const event = { id, starts: stream.starts, fileName: name };
		return {
			...shared,
			method: deadlyActor,
			key: name,
			methodArgs: ['RUN', JSON.stringify(event)],
		};
	}
	const naps = ['', 'sleep 0.02; ', 'sleep 0.1; '];
	const nap = () => naps[Math.floor(chance() * naps.length)] ?? '';
	// The line is written by one write, so that it cannot be torn.
	const script = `${nap()}echo "$0" >> "$1"; echo "$0"; ${nap()}:`;
	const words = ['sh', '-c', script, id, trace];
	const own = { method: 'REQCliCommand', methodArgs: words, methodTimeout: 600 };
	switch (aim) {
		case 'reply':
			return { ...shared, ...own, ...result };
		case 'impatient':
			return {
				...shared,
				...own,
				...(chance() < 0.5 ? { ttl: 1 + Math.floor(chance() * 4) } : { retries: 1, ACKTimeout: 1 }),
			};
		case 'again':
			return { ...shared, ...own, onCrash: 'retry' };
		case 'bulky': {
			const bulk = chance() < bulkShare ? ['x'.repeat(bulkBytes)] : [];
			return { ...shared, ...own, kind: 'EventACK', methodArgs: [...words, ...bulk] };
		}
		default:
			return { ...shared, ...own };
	}
}

/** What the load is made with. */
export interface WorkParts {
	readonly streams: readonly Stream[];
	readonly nodes: readonly Member[];
	readonly clock: Clock;
	readonly chance: () => number;
	/** Raised when no more messages are sent. */
	readonly enough: AbortSignal;
	/** Raised when nothing can be done any more: what was not answered then is not counted. */
	readonly abandoned: AbortSignal;
}

/** So many messages may be under way from one node. */
const openMax = 150;
const againMs = 100;
const pauseMsMax = 250;
const batchMax = 6;

/** Hands messages in until it is enough, and then goes on until all are answered. */
export async function work(parts: WorkParts): Promise<void> {
	const { streams, nodes } = parts;
	const open = new Map<string, number>();
	await Promise.all([
		...nodes.map((node) => watchOpen(parts, node, open)),
		...streams.map((stream) => feed(parts, stream, () => (open.get(stream.from) ?? 0) < openMax)),
	]);
}

/** Looks again and again how many messages of a node are not settled. */
async function watchOpen(
	{ clock, enough }: WorkParts,
	node: Member,
	open: Map<string, number>,
): Promise<void> {
	while (!enough.aborted) {
		const [row] = (await ask<{ open: number }>(node.socket, { reeve: 'node' }, clock)) ?? [];
		if (row) open.set(node.name, row.open);
		await pause(clock, againMs, enough);
	}
}

/** Whether its lines are written once and in order; so its messages are handed in one by one. */
export const isOrdered = ({ aim }: Stream): boolean => aim === 'append' || aim === 'step';

async function feed(parts: WorkParts, stream: Stream, mayGoOn: () => boolean): Promise<void> {
	const { clock, chance, enough, abandoned, nodes } = parts;
	const socket = nodes.find(({ name }) => name === stream.from)?.socket ?? '';
	while (!enough.aborted) {
		await pause(clock, chance() * pauseMsMax, enough);
		if (enough.aborted || !mayGoOn()) continue;
		const size = isOrdered(stream) ? 1 : 1 + Math.floor(chance() * batchMax);
		const numbers = Array.from({ length: size }, (_, index) => stream.accepted + index + 1);
		let batch = numbers.map((number) => messageOf(stream, number, chance));
		while (batch.length > 0 && !abandoned.aborted) {
			const answers = await talk(socket, JSON.stringify(batch), clock);
			batch = batch.slice(countAccepted(answers as Answer[], stream));
			if (batch.length > 0) await pause(clock, againMs, abandoned);
		}
		if (!abandoned.aborted) stream.accepted += size;
	}
}

/** What is over when the node has recovered. */
const passing = new Set(['recovering', 'stopping', 'storage_full', 'storage_failed']);

/** How many messages, from the first on, were accepted. */
function countAccepted(answers: readonly Answer[], { name }: Stream): number {
	const refused = answers.findIndex((answer) => 'error' in answer);
	if (refused < 0) return answers.length;
	const answer = answers[refused];
	if (answer && 'error' in answer && !passing.has(answer.error)) {
		throw new Error(`${name}: ${answer.error} ${answer.detail}`);
	}
	return refused;
}
