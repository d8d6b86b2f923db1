/**
 * Messages to declared actors: how a message carries an event, and the method as which the rest of
 * a node knows an actor.
 *
 * ```sh
 * reeve send thermostat --to ship1 -- HEAT '{"to":21}'
 * ```
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { z } from 'zod';
import { defineMethod, type MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { defersOf } from './deferral.ts';
import { handlerOf, nodesOf } from './definition-check.ts';
import type { ActorDefinition } from './definition.ts';
import { downOf } from './monitor-message.ts';

/** XState's own events and ours, which a message from outside may not carry. */
const ownTypes = /^(?:xstate|reply|timeout|down)\./;

/** An event type or an event as JSON, and the payload. */
const eventArgs = z
	.array(z.string())
	.max(2, 'at most an event type and its payload')
	.superRefine((args, context) => {
		try {
			if (args[0] !== undefined) readEvent(args, undefined);
		} catch (thrown) {
			const message = thrown instanceof ReeveError ? thrown.detail : String(thrown);
			context.addIssue({ code: 'custom', message });
		}
	});

/** The declaration under which the node's registry knows an actor. */
export function methodOf({
	name,
	summary,
}: Pick<ActorDefinition, 'name' | 'summary'>): MethodDefinition {
	return defineMethod({
		name,
		aliases: [],
		summary,
		kind: 'CommandACK',
		ordering: 'concurrent',
		onCrash: 'retry',
		replies: true,
		args: eventArgs,
		example: {},
		run: () => Promise.reject(new ReeveError('internal', `${name} is an actor, not a method`)),
	});
}

/**
 * The event that a message carries: `["TYPE"]`, `["TYPE", "{payload}"]`, `["{event}"]`, or the
 * event as JSON in `data`. With a type alone, `data` becomes the event's `data`.
 *
 * @throws ReeveError `bad_arguments`, also if a part of the message would be lost
 */
export function eventOf({ methodArgs, data }: Message): EventObject {
	const text = typeof data === 'object' ? new TextDecoder().decode(data) : data;
	return readEvent(methodArgs, text);
}

function readEvent([word, payload]: readonly string[], data: string | undefined): EventObject {
	if (word === undefined) return checked(objectOf(data ?? '', 'data'));
	const isWhole = word.startsWith('{');
	if (isWhole && payload !== undefined) {
		const what = 'the first argument is the whole event, and the second would be lost';
		throw new ReeveError('bad_arguments', `${what}: give a type and its payload, or one event`);
	}
	if (data && (isWhole || payload !== undefined)) {
		const what = 'the arguments are the whole event, and data would be lost';
		throw new ReeveError('bad_arguments', `${what}: give it in a field of the payload`);
	}
	if (isWhole) return checked(objectOf(word, 'the first argument'));
	if (payload !== undefined) return checked(eventWith(word, payload));
	return checked(data === undefined ? { type: word } : { type: word, data });
}

function eventWith(type: string, payload: string): object {
	const fields = objectOf(payload, 'the second argument');
	if (!Object.hasOwn(fields, 'type') || Reflect.get(fields, 'type') === type) {
		return { ...fields, type };
	}
	const what = 'the payload has a field type, which would be lost';
	throw new ReeveError('bad_arguments', `${what}: the type of the event is ${type}`);
}

function checked(event: object): EventObject {
	const type: unknown = Reflect.get(event, 'type');
	if (typeof type !== 'string' || type === '') {
		throw new ReeveError('bad_arguments', 'the event has no type');
	}
	if (type === '*') throw new ReeveError('bad_arguments', 'an event cannot have the type *');
	if (ownTypes.test(type)) throw new ReeveError('bad_arguments', `only the runtime sends ${type}`);
	return event as EventObject;
}

function objectOf(text: string, what: string): object {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (thrown) {
		throw new ReeveError('bad_arguments', `${what} is not JSON`, { cause: thrown });
	}
	if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
	throw new ReeveError('bad_arguments', `${what} is not a JSON object`);
}

/** The event of a message that is the outcome of an ask or of a monitor. */
export function answerOf(message: Message): EventObject {
	return downOf(message) ?? replyOf(message);
}

function replyOf({ methodArgs, result, data }: Message): EventObject {
	const { outcome = 'failed', code, detail } = result ?? {};
	const text = typeof data === 'object' ? new TextDecoder().decode(data) : data;
	return {
		type: `reply.${methodArgs[0]}`,
		outcome,
		...(code === undefined ? {} : { code }),
		...(detail === undefined ? {} : { detail }),
		...(text === undefined ? {} : { data: text }),
	} as EventObject;
}

/** Makes the check whether any state of a machine handles or defers a type of event. */
export function eventKnower({ machine }: ActorDefinition): (type: string) => boolean {
	return handlerOf(
		[...nodesOf(machine.root)].flatMap((node) => [...node.transitions.keys(), ...defersOf(node)]),
	);
}
