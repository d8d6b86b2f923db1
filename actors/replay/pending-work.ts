/**
 * Checks the messages, timers and steps that wait for instances against a definition: finds those
 * that it no longer handles.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { unpackDurable } from '../definition/durable-value.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { mailOf, timersOf, type Readable } from './instance-report.ts';
import { scanSteps } from '../turn/step-rows.ts';
import type { StoredInstance } from '../turn/instance.ts';
import { monitorType } from '../definition/monitor-message.ts';
import type { Finding } from './instance-restore.ts';

/** What the check needs. */
export interface WaitingParts {
	readonly journal: Readable;
	readonly definition: ActorDefinition;
	/** Whether the machine handles or defers events of this type in any state. */
	readonly knows: (type: string) => boolean;
}

/** Messages of the actor whose events are not handled any more, with the keys of instances. */
export function* mailFindings({
	journal,
	definition,
	knows,
}: WaitingParts): Generator<{ readonly key: string; readonly finding: Finding }> {
	for (const { key, event, row } of mailOf(journal, definition.name)) {
		// Monitors wait for the end of an instance, and not for its machine.
		if (!event || knows(event.type) || event.type === monitorType) continue;
		const detail = `the message ${row.id} waits with ${event.type}, which is not handled any more`;
		yield { key, finding: { what: 'event_unknown', event: event.type, detail } };
	}
}

/** Timers of an instance whose events, and steps whose declarations, are gone. */
export function* waitingFindings(
	{ journal, definition, knows }: WaitingParts,
	key: string,
	stored: StoredInstance,
): Generator<Finding> {
	const { name: actor, machine } = definition;
	for (const { id, event: packed } of timersOf(journal, { actor, key, stored })) {
		const { type } = unpackDurable(packed) as EventObject;
		if (knows(type)) continue;
		yield {
			what: 'event_unknown',
			event: type,
			detail: `the event of the timer ${id} is not handled any more`,
		};
	}
	for (const { row } of scanSteps(journal, actor, key)) {
		if (Object.hasOwn(machine.implementations.actors, row.src)) continue;
		yield {
			what: 'step_gone',
			detail: `the step ${row.src} is running, and is not declared any more`,
		};
	}
}
