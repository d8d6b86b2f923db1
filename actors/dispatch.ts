/**
 * Dispatch: brings the causes of one actor to its instances. An instance takes one turn at a time, in the
 * order of its causes; many instances share a batch, and a batch shares a transaction.
 *
 * Before a batch runs it is on disk that it does. So after a death of the process it is known which
 * messages may have been the reason; each of those then runs alone and is counted, until it is dead or it has
 * turned out to be innocent.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Clock } from '../runtime/clock.ts';
import type { Change, Journal, Key } from '../runtime/journal.ts';
import type { Post } from '../runtime/post.ts';
import { ReeveError } from '../runtime/errors.ts';
import { markText, type Cause } from './cause.ts';
import type { ActorDefinition } from './definition.ts';
import type { Instance } from './instance.ts';
import type { Instances } from './instances.ts';
import type { Batch, Run } from './turn-batch.ts';

/** What dispatch works with. */
export interface DispatchParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly post: Post;
	readonly instances: Instances;
	readonly run: Run;
	/** Whether the instance wants this event in another state. */
	readonly defers: (instance: Instance, event: EventObject) => boolean;
	readonly turnsBatchMax: number;
	/** Called with an error of our own: the host cannot go on. */
	readonly broken: (thrown: unknown) => void;
}

/** The dispatch that {@link createDispatch} makes. */
export interface Dispatch {
	/** What a crash has left in doubt: how often each cause was started, by its mark. */
	suspects(): ReadonlyMap<string, number>;
	/** Takes a cause; its `release` is called when nothing is left to be done for it. */
	offer(cause: Cause): void;
	/** From now on nothing that was begun has an effect any more. */
	fence(): void;
	/** Takes no more turns; resolves when those that were taken are on disk. */
	drain(): Promise<void>;
}

/** The pause before a failed event is tried again, for each failure so far. */
const crashPauseMs = 200;

/** What is on disk of the batch that runs. */
interface BatchRecord {
	readonly epoch: number;
	readonly marks: readonly Key[];
}

/** Causes of one instance, in order. */
interface Portion {
	readonly instance: Instance;
	readonly causes: readonly Cause[];
}

/** Creates the dispatch of one actor. */
export function createDispatch(parts: DispatchParts): Dispatch {
	const { definition, journal, clock, post, instances, run, broken } = parts;
	const { name: actor } = definition;
	const batchKey: Key = [actor, 'batch'];
	const ready: Instance[] = [];
	const suspects: Cause[] = [];
	const under = new Set<Promise<void>>();
	let isPumping = false;
	let state: 'open' | 'draining' | 'fenced' = 'open';

	const list = (instance: Instance, cause?: Cause): void => {
		if (cause) instance.queue.push(cause);
		if (instance.isListed || instance.isPausing || instance.queue.length === 0) return;
		instance.isListed = true;
		ready.push(instance);
		wake();
	};
	const wake = (): void => {
		if (isPumping || state !== 'open') return;
		isPumping = true;
		// After whoever is offering causes has offered them all.
		queueMicrotask(() => {
			pump()
				.catch(broken)
				.finally(() => {
					isPumping = false;
					if (ready.length + suspects.length > 0) wake();
				});
		});
	};

	/** The next batch: a suspect alone, or all that is ready, up to the limit. */
	const pick = (): readonly Portion[] => {
		const suspect = suspects.shift();
		if (suspect) {
			const instance = instances.use(suspect.key);
			if (instance) return [{ instance, causes: [suspect] }];
			suspect.release();
			return [];
		}
		const portions: Portion[] = [];
		let room = parts.turnsBatchMax;
		while (room > 0) {
			const instance = ready.shift();
			if (!instance) break;
			instance.isListed = false;
			const causes = instance.queue.splice(0, room);
			room -= causes.length;
			portions.push({ instance, causes });
			list(instance);
		}
		return portions;
	};

	/** Whether a cause will run as things stand. What waits, or is on no disk, is not counted. */
	const counts = (instance: Instance, { mail, event }: Cause): boolean => {
		if (!mail || !event || event instanceof ReeveError) return true;
		return !mail.row.volatile && !parts.defers(instance, event);
	};
	/** What is written before a batch runs. */
	const starts = (portions: readonly Portion[]): readonly Change[] => {
		const causes = portions.flatMap((portion) =>
			portion.causes.filter((cause) => counts(portion.instance, cause)),
		);
		const { epoch } = journal;
		// An arrival may be given out again once the mailbox is empty, so the message is named too.
		const fresh = causes
			.filter(({ attempts }) => attempts === 0)
			.map(({ mark, mail }) => (mail ? [...mark, mail.row.id] : mark));
		const value: BatchRecord = { epoch, marks: fresh };
		return [
			{ table: 'started', key: batchKey, value },
			...causes
				.filter(({ attempts }) => attempts > 0)
				.map(({ mark, attempts, isSuspect }): Change => {
					const record = { epoch, attempts: attempts + 1, ...(isSuspect ? { alone: true } : {}) };
					return { table: 'started', key: [actor, ...mark], value: record };
				}),
		];
	};

	const pause = (instance: Instance, attempts: number): void => {
		instance.isPausing = true;
		clock.after(crashPauseMs * attempts, () => {
			instance.isPausing = false;
			if (state === 'open') list(instance);
		});
	};
	const park = (instance: Instance): void => {
		const { intensity, period } = definition;
		instances.park(instance.key, `it failed more than ${intensity} times in ${period} s`);
		for (const cause of instance.queue.splice(0)) cause.release();
		for (const cause of instance.deferred.splice(0)) cause.release();
	};

	/** Runs the causes of one instance until one of them holds up the others. */
	const runPortion = ({ instance, causes }: Portion, batch: Batch): void => {
		for (const [index, cause] of causes.entries()) {
			const before = instance.snapshot?.value as unknown;
			const fate = run(instance, cause, batch);
			const rest = causes.slice(index + 1);
			if (fate === 'settled') {
				batch.afterwards.push(() => cause.release());
				if (instance.deferred.length === 0 || isSame(before, instance.snapshot?.value)) continue;
				// What has waited for another state comes before everything that came after it.
				instance.queue.unshift(...instance.deferred.splice(0), ...rest);
			} else if (fate === 'deferred') {
				instance.deferred.push(cause);
				cause.release();
				continue;
			} else if (fate === 'failed') {
				instance.queue.unshift(cause, ...rest);
				pause(instance, cause.attempts);
			} else {
				instance.queue.unshift(cause, ...rest);
				park(instance);
				return;
			}
			list(instance);
			return;
		}
	};

	const commit = async ({ messages, changes, afterwards }: Batch): Promise<void> => {
		await post.send(messages, changes);
		if (state === 'fenced') return;
		for (const finish of afterwards) finish();
		instances.makeRoom();
	};
	/** A journal that takes nothing more belongs to a process that has been replaced, or is about to end. */
	const endsHere = (): void => {
		state = 'fenced';
	};

	async function pump(): Promise<void> {
		while (state === 'open') {
			const portions = pick();
			if (portions.length === 0) return;
			const isSuspect = portions[0]?.causes[0]?.isSuspect ?? false;
			// In hand: not to be put away.
			for (const { instance } of portions) instance.unflushed += 1;
			const hasStarted = await journal
				.commit(starts(portions), 'committed')
				.then(() => true, endsHere);
			if (!hasStarted || !isOpen()) return;
			const batch: Batch = { messages: [], changes: [], written: new Map(), afterwards: [] };
			for (const portion of portions) {
				portion.instance.unflushed -= 1;
				runPortion(portion, batch);
			}
			const committed = commit(batch).catch(endsHere);
			under.add(committed);
			void committed.finally(() => under.delete(committed));
			if (isSuspect) await committed;
		}
	}
	const isOpen = () => state === 'open';

	return {
		suspects: () => readSuspects(journal, actor),
		offer(cause) {
			const instance = state === 'open' ? instances.use(cause.key) : undefined;
			if (!instance) {
				cause.release();
				return;
			}
			if (!cause.isSuspect) list(instance, cause);
			else {
				suspects.push(cause);
				wake();
			}
		},
		fence() {
			state = 'fenced';
		},
		async drain() {
			if (state === 'open') state = 'draining';
			await Promise.all(under);
		},
	};
}

function isSame(one: unknown, other: unknown): boolean {
	return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Starts that are on disk without an end: of the last batch, and of what was tried before. */
function readSuspects(journal: Journal, actor: string): ReadonlyMap<string, number> {
	const found = new Map<string, number>();
	const all = { from: [actor], to: [actor, '\uffff'] };
	for (const { key, value } of journal.scan<unknown>('started', all)) {
		const mark = key.slice(1);
		if (mark[0] === 'batch') {
			const { marks } = value as BatchRecord;
			for (const started of marks) {
				const [arrival, id] = started;
				if (typeof arrival !== 'number') found.set(markText(started), 1);
				else if (journal.get<{ id: string }>('mailbox', [actor, arrival])?.id === id) {
					found.set(markText([arrival]), 1);
				}
			}
		} else found.set(markText(mark), (value as { attempts: number }).attempts);
	}
	return found;
}
