/**
 * The schema of actions in YAML definitions. An action is an object with one key, its name.
 *
 * @module
 */
import { z } from 'zod';
import { kinds } from '../../runtime/message/topics.ts';
import { durationPattern } from '../../runtime/text/duration.ts';
import { onCrashPolicies } from '../../runtime/message/message.ts';
import { strictObject } from './strict-object.ts';

/** A value, which may hold expressions. */
export const value = z.unknown().meta({
	title: 'Value',
	description:
		'Any value. Text that begins with = is an expression, such as =context.count + 1; ' +
		'text may have expressions in it, such as "it is ${context.celsius} °C". ' +
		'Maps and lists may hold both.',
	examples: [
		'heating',
		'=event.celsius',
		'it is ${context.celsius} °C',
		{ level: '=context.level' },
	],
});

/** A text, which may hold expressions. */
export const text = z.union([z.string(), z.number()]).meta({
	description: 'Text, =expression, or text with ${expressions} in it',
});

/** A condition. */
export const condition = z
	.string()
	.min(1)
	.meta({
		title: 'Condition',
		description:
			'A CEL expression whose value is true or false, or the name of one of the guards of this ' +
			'actor. It may use event, context, now, key and node',
		examples: ['event.celsius < context.target - 0.5', 'isCold'],
	});

/** A constant duration. */
export const duration = z
	.string()
	.regex(durationPattern, 'not a duration such as 250ms, 10s, 5m, 2h or 1d')
	.meta({ title: 'Duration', examples: ['10s', '5m'] });

/** A duration, or an expression of one. */
const anyDuration = z.union([duration, z.string().startsWith('=')]).meta({
	description: 'A duration such as 10s or 5m, or an =expression of milliseconds',
	examples: ['10s', '=context.seconds * 1000'],
});

/** An event to send: its type, or its type and fields. */
export const event = z.union([z.string().min(1), z.looseObject({ type: z.string().min(1) })]).meta({
	title: 'Event',
	description: 'The type of an event, or an event with its fields, which may be expressions',
	examples: ['START', { type: 'HEAT', to: '=context.target' }],
});

const outgoing = {
	to: text.optional().meta({ description: 'The node; this one by default' }),
	method: text.optional().meta({
		description: 'The method that takes it',
		examples: ['REQCliCommand'],
	}),
	actor: text.optional().meta({ description: 'The actor that takes it, instead of a method' }),
	key: text.optional().meta({ description: 'The instance of the actor' }),
	event: event.optional(),
	data: value.optional().meta({ description: 'The content; anything but text becomes JSON' }),
	args: z.array(text).optional().meta({ description: 'The arguments of the method' }),
	kind: z.enum(kinds).optional().meta({ description: 'CommandACK by default' }),
	ttl: z.number().positive().optional().meta({
		description: 'Seconds until it expires unaccepted',
	}),
	methodTimeout: z.number().positive().optional().meta({
		description: 'Seconds that the method may run',
	}),
	onCrash: z.enum(onCrashPolicies).optional().meta({
		description: 'What the receiver does with it if its node dies while it runs',
	}),
	note: text.optional().meta({ description: 'A remark for people' }),
};

/** Assignments to fields of the context. */
export const assignments = z.record(z.string(), value).meta({
	title: 'Assignments',
	description: 'New values of context fields; all expressions see the old values',
	examples: [{ celsius: '=event.celsius', readings: '=context.readings + 1' }],
});

/** All actions. */
const actionLibrary = {
	assign: assignments.optional(),
	send: strictObject('field of a message', outgoing)
		.optional()
		.meta({
			title: 'Send a message',
			description: 'Sends a message to a method or actor of any node, once the turn is on disk',
			examples: [{ to: 'ship1', actor: 'pump', key: 'port', event: 'START' }],
		}),
	ask: strictObject('field of an ask', {
		id: z.string().min(1),
		timeout: anyDuration.optional(),
		...outgoing,
	})
		.optional()
		.meta({
			title: 'Ask',
			description:
				'Sends a message whose outcome comes back as the event reply.<id>, or timeout.<id>',
			examples: [
				{ id: 'load', to: 'ship1', method: 'REQCliCommand', args: ['uptime'], timeout: '30s' },
			],
		}),
	monitor: strictObject('field of a monitor', {
		id: z.string().min(1),
		to: text.optional().meta({ description: 'The node; this one by default' }),
		actor: text.optional().meta({ description: 'The actor; without one, the node itself' }),
		key: text.optional().meta({ description: 'The instance of the actor' }),
	})
		.optional()
		.meta({
			title: 'Monitor',
			description:
				'Reports the end of an instance or a node as the event down.<id>, with its reason',
			examples: [{ id: 'pump', to: 'ship1', actor: 'pump', key: 'port' }],
		}),
	demonitor: z.string().min(1).optional().meta({ description: 'Ends the monitor of this id' }),
	reply: value.optional().meta({ description: 'Answers the message that is being handled' }),
	answer: value.optional().meta({ description: 'Answers the oldest message that waits' }),
	alert: strictObject('field of an alert', {
		severity: z.enum(['info', 'warning', 'critical']),
		text,
	})
		.optional()
		.meta({
			title: 'Raise an alert',
			description: 'Alerts people, in the log, on the console and at central',
			examples: [{ severity: 'warning', text: '${key}: ${context.celsius} °C' }],
		}),
	publish: strictObject('field of a publication', { topic: text, data: value })
		.optional()
		.meta({
			title: 'Publish',
			description: 'Publishes to any MQTT topic, at most once',
			examples: [{ topic: 'home/${key}/heater', data: 'on' }],
		}),
	log: value.optional().meta({ description: 'Prints on the console of the node' }),
	raise: z
		.union([
			z.string().min(1),
			strictObject('field of a raised event', {
				event,
				after: anyDuration.optional(),
				id: z.string().min(1).optional(),
			}),
		])
		.optional()
		.meta({
			title: 'Raise an event',
			description:
				'Sends an event to itself, in this turn, or after a while that survives restarts',
			examples: ['TICK', { event: 'TICK', after: '10s', id: 'tick' }],
		}),
	cancel: z.string().min(1).optional().meta({
		description: 'Cancels a raised event that is not due yet, by its id',
	}),
};

/** A side effect is not an action: a crash of its turn would lose or repeat it. */
const stepHint = (name: string): string | undefined =>
	stepNames.has(name)
		? `${name} is a raw side effect, not an action: make it the step of a state`
		: undefined;

/** The kinds of steps, see `step-schema.ts`. */
const stepNames: ReadonlySet<string> = new Set([
	'command',
	'http',
	'readFile',
	'writeFile',
	'appendFile',
]);

const one = 'an action is an object with one key, its name';

/** One action. */
export const action = z
	.union([
		z.string().min(1).meta({ description: 'The name of one of the actions of this actor' }),
		strictObject('action', actionLibrary, stepHint)
			.refine((given) => Object.keys(given).length === 1, one)
			.meta({ minProperties: 1, maxProperties: 1 }),
	])
	.meta({ id: 'action', title: 'Action' });

/** Actions, in order. */
export const actions = z.array(action).meta({ title: 'Actions' });

/** An action as it is written. */
export type ActionYaml = z.infer<typeof action>;
/** An event as it is written. */
export type EventYaml = z.infer<typeof event>;
/** A message as it is written. */
export type OutgoingYaml = NonNullable<z.infer<typeof actionLibrary.send>>;
