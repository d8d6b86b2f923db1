/**
 * The events of a sheet, when they come: those whose fields are not as they were declared are
 * refused.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { shapeOf } from './build-context.ts';
import type { Sheet } from './definition-schema.ts';

/** What is wrong with an event; undefined if nothing is, or nothing was declared. */
export function eventProblem({ events }: Sheet, event: EventObject): string | undefined {
	const fields = events && Object.hasOwn(events, event.type) ? events[event.type] : undefined;
	for (const [written, type] of Object.entries(fields ?? {})) {
		const name = written.replace(/\?$/, '');
		const value: unknown = Reflect.get(event, name);
		if (value === undefined && written.endsWith('?')) continue;
		if (value === undefined) return `${event.type} has no ${name}, which is a ${type}`;
		const shape = shapeOf(value);
		if (type !== 'any' && shape !== type) {
			return `the ${name} of ${event.type} is a ${value === null ? 'null' : shape}, not a ${type}`;
		}
	}
	return undefined;
}
