/**
 * Start records: written before turns run. After a crash of the process they say which triggers may
 * have been the reason, and how often each was started.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { readMailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { scanActorStarts, startChange } from '../../runtime/mailbox/start-rows.ts';
import { markOf, markText, type Trigger } from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { Instance } from '../turn/instance.ts';
import type { InstanceBatch } from './instance-batch.ts';
import type { Change, Key } from '../../runtime/journal/schema.ts';

/** The start records of one actor. */
export interface StartRecords {
	/** The changes to write before these run. */
	of(instanceBatches: readonly InstanceBatch[]): readonly Change[];
	/** How often each trigger was started that has not ended, by its mark. */
	read(): ReadonlyMap<string, number>;
}

/** What start records are made with. */
export interface StartRecordParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	/** Whether the state of the instance defers this event. */
	readonly defers: (instance: Instance, event: EventObject) => boolean;
}

/** Creates the start records of one actor. */
export function createStartRecords(parts: StartRecordParts): StartRecords {
	const { definition, journal } = parts;
	const { name: actor } = definition;

	/** Whether a start is counted: not of an event that is deferred, nor of a volatile message. */
	const counts = (instance: Instance, { mail, event }: Trigger): boolean => {
		if (!mail || !event || event instanceof ReeveError) return true;
		return !mail.volatile && !parts.defers(instance, event);
	};

	return {
		of(instanceBatches) {
			const { epoch } = journal;
			const marks: Key[] = [];
			const mails: number[] = [];
			const again: Change[] = [];
			for (const { instance, triggers } of instanceBatches) {
				for (const trigger of triggers) {
					if (!counts(instance, trigger)) continue;
					const { mail, attempts, runsAlone } = trigger;
					if (attempts > 0) {
						const alone = runsAlone ? { alone: true as const } : {};
						const record = { epoch, attempts: attempts + 1, ...alone };
						again.push(startChange([actor, ...markOf(trigger)], record));
					} else if (mail) mails.push(mail.arrival);
					else marks.push(markOf(trigger));
				}
			}
			const value = { epoch, arrivals: runsOf(mails), marks };
			return [startChange([actor, 'batch'], value), ...again];
		},
		read() {
			const found = new Map<string, number>();
			for (const { mark, value } of scanActorStarts(journal, actor)) {
				if (!('marks' in value)) {
					found.set(markText(mark), value.attempts);
					continue;
				}
				const { arrivals = [], marks } = value;
				for (const arrival of inRuns(arrivals)) found.set(markText([arrival]), 1);
				for (const started of marks) {
					const [arrival, id] = started;
					if (typeof arrival !== 'number') found.set(markText(started), 1);
					else if (readMailboxRow(journal, [actor, arrival])?.id === id) {
						found.set(markText([arrival]), 1);
					}
				}
			}
			return found;
		},
	};
}

/** Numbers as ranges: the first and the last of each. */
function runsOf(numbers: readonly number[]): readonly number[] {
	const runs: number[] = [];
	let last = Number.NaN;
	for (const number of numbers.toSorted((one, other) => one - other)) {
		if (number === last + 1) runs[runs.length - 1] = number;
		else runs.push(number, number);
		last = number;
	}
	return runs;
}

function* inRuns(runs: readonly number[]): Generator<number> {
	for (let at = 0; at < runs.length; at += 2) {
		const [first = 0, last = 0] = runs.slice(at, at + 2);
		for (let number = first; number <= last; number += 1) yield number;
	}
}
