/**
 * What waits for an instance, held against a definition: messages, timers and steps that it would
 * have no use for.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { unpack } from '../../runtime/message/codec.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { mailOf, stepsOf, timersOf, type Readable } from './instance-report.ts';
import type { StoredInstance } from '../turn/instance.ts';
import { monitorType } from '../definition/monitor-message.ts';
import type { Finding } from './instance-restore.ts';

/** What is held against one another. */
export interface WaitingParts {
	readonly journal: Readable;
	readonly definition: ActorDefinition;
	/** Whether the machine has any use for events of this type. */
	readonly knows: (type: string) => boolean;
}

/** Messages that wait in vain for any instance of the actor, with the keys of those. */
export function* mailFindings({
	journal,
	definition,
	knows,
}: WaitingParts): Generator<{ readonly key: string; readonly finding: Finding }> {
	for (const { key, event, row } of mailOf(journal, definition.name)) {
		// Those who watch an instance wait for its end, and not for its machine.
		if (!event || knows(event.type) || event.type === monitorType) continue;
		const detail = `the message ${row.id} waits with ${event.type}, which is not handled any more`;
		yield { key, finding: { what: 'event_unknown', event: event.type, detail } };
	}
}

/** Timers and steps of an instance that wait in vain. */
export function* waitingFindings(
	{ journal, definition, knows }: WaitingParts,
	key: string,
	stored: StoredInstance,
): Generator<Finding> {
	const { name: actor, machine } = definition;
	for (const { id, event: packed } of timersOf(journal, { actor, key, stored })) {
		const { type } = unpack(packed) as EventObject;
		if (knows(type)) continue;
		yield { what: 'event_unknown', event: type, detail: `the timer ${id} will fire into nothing` };
	}
	for (const { row } of stepsOf(journal, actor, key)) {
		if (Object.hasOwn(machine.implementations.actors, row.src)) continue;
		yield { what: 'step_gone', detail: `the step ${row.src} is under way, and is there no more` };
	}
}
