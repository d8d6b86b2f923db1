/**
 * The schema of YAML definitions, by which they are checked, and by which editors complete and
 * explain them.
 *
 * @module
 */
import { z } from 'zod';
import {
	actions,
	assignments,
	condition,
	duration,
	value,
	type ActionYaml,
} from './action-schema.ts';
import { strictObject } from './strict-object.ts';
import { stepFields, type StepYaml } from './step-schema.ts';

/** A transition. */
const transition = strictObject('field of a transition', {
	if: condition.optional(),
	target: z.string().min(1).optional().meta({
		description: 'A sibling, .an inner state, or #actor.from.the.top; without it the state stays',
	}),
	do: actions.optional(),
	reenter: z.boolean().optional().meta({
		description: 'Whether a state that is its own target is left and entered again',
	}),
}).meta({ id: 'transition', title: 'Transition' });

/** All ways to write transitions. */
const transitions = z.union([z.string().min(1), transition, z.array(transition)]).meta({
	id: 'transitions',
	description: 'A state; a transition; or several: the first whose if is true',
});

/** A transition as it is written. */
export type TransitionYaml = z.infer<typeof transition>;
/** Transitions as they are written. */
export type TransitionsYaml = z.infer<typeof transitions>;

/** A step with its transitions. */
export interface FollowedStep extends StepYaml {
	readonly done?: TransitionsYaml | undefined;
	readonly failed?: TransitionsYaml | undefined;
}

const step: z.ZodType<FollowedStep> = strictObject('field of a step', {
	...stepFields,
	done: transitions.optional().meta({ description: 'With event.output' }),
	failed: transitions.optional().meta({ description: 'With event.error.code and message' }),
}).meta({ id: 'step', title: 'Step', description: 'What takes time, or touches the world' });

/** The fields of a state, without its inner states. */
const stateFields = {
	type: z.enum(['parallel', 'final', 'history']).optional(),
	initial: z
		.string()
		.min(1)
		.optional()
		.meta({ description: 'The inner state that is entered first' }),
	description: z.string().optional(),
	on: z
		.record(z.string(), transitions)
		.optional()
		.meta({
			title: 'Events',
			description:
				'The transitions by type of event; reply.<id> and timeout.<id> are those of an ask, ' +
				'down.<id> that of a monitor',
		}),
	always: transitions.optional().meta({ description: 'Taken as soon as its if is true' }),
	after: z
		.record(z.string(), transitions)
		.optional()
		.meta({
			description: 'The transitions after a time in this state: 10s, 5m, or one of the delays',
			examples: [{ '10s': 'late' }],
		}),
	entry: actions.optional().meta({ description: 'Actions when the state is entered' }),
	exit: actions.optional().meta({ description: 'Actions when the state is left' }),
	step: z
		.union([step, z.array(step)])
		.optional()
		.meta({
			description: 'Steps that run in this state, and are aborted when it is left',
		}),
	onDone: transitions.optional().meta({ description: 'Taken when the inner states are final' }),
	defer: z.array(z.string().min(1)).optional().meta({
		description: 'Events that wait for another state',
	}),
	history: z.enum(['shallow', 'deep']).optional(),
	target: z
		.string()
		.optional()
		.meta({ description: 'Of a history state: entered if there is no history' }),
	output: value
		.optional()
		.meta({ description: 'Of a final state: the answer to messages that wait' }),
};

/** A state as it is written. */
export interface StateYaml {
	readonly type?: 'parallel' | 'final' | 'history' | undefined;
	readonly initial?: string | undefined;
	readonly description?: string | undefined;
	readonly on?: Readonly<Record<string, TransitionsYaml>> | undefined;
	readonly always?: TransitionsYaml | undefined;
	readonly after?: Readonly<Record<string, TransitionsYaml>> | undefined;
	readonly entry?: readonly ActionYaml[] | undefined;
	readonly exit?: readonly ActionYaml[] | undefined;
	readonly step?: FollowedStep | readonly FollowedStep[] | undefined;
	readonly onDone?: TransitionsYaml | undefined;
	readonly defer?: readonly string[] | undefined;
	readonly history?: 'shallow' | 'deep' | undefined;
	readonly target?: string | undefined;
	readonly output?: unknown;
	readonly states?: Readonly<Record<string, StateYaml>> | undefined;
}

const stateName = z
	.string()
	.regex(/^[\w-]{1,64}$/, 'not a name of letters, digits, dash and underscore');

const state: z.ZodType<StateYaml> = strictObject('field of a state', {
	...stateFields,
	states: z.lazy(() => z.record(stateName, state)).optional(),
}).meta({ id: 'state', title: 'State' });

/** The types that a field of an event may have. */
const fieldTypes = ['number', 'string', 'boolean', 'list', 'map', 'any'] as const;

const wholeVersion = 'version must be a whole number from 1 on';

const head = {
	$schema: z.string().optional(),
	actor: z
		.string()
		.regex(/^[\w.-]{1,128}$/)
		.meta({
			title: 'Name',
			description: 'The name of the actor; messages are addressed to it as to a method',
			examples: ['thermostat'],
		}),
	version: z.int(wholeVersion).min(1, wholeVersion).meta({
		description: 'Raised with every change that stored instances must be migrated for: 1, 2, 3',
	}),
	summary: z.string().optional().meta({ description: 'One line for lists' }),
	events: z
		.record(z.string(), z.record(z.string(), z.enum(fieldTypes)).nullable())
		.optional()
		.meta({
			description:
				'The events that it takes, with the types of their fields; a field whose name ends with ' +
				'? is optional. Other events are refused, and so are those with wrong fields',
			examples: [{ READING: { celsius: 'number', 'sensor?': 'string' }, TELL: null }],
		}),
	context: z
		.record(z.string(), value)
		.optional()
		.meta({
			description: 'The data of an instance, with the first value of each field; =key is its key',
			examples: [{ target: 21, room: '=key' }],
		}),
	guards: z
		.record(z.string().regex(/^\w+$/), condition)
		.optional()
		.meta({
			description: 'Conditions with a name',
			examples: [{ isCold: 'event.celsius < context.target - 0.5' }],
		}),
	actions: z
		.record(z.string().regex(/^[\w-]+$/), actions)
		.optional()
		.meta({
			description: 'Lists of actions with a name',
		}),
	delays: z
		.record(z.string().regex(/^[\w-]+$/), z.union([duration, z.string().startsWith('=')]))
		.optional()
		.meta({ description: 'Durations with a name, which may be =expressions of milliseconds' }),
	timers: z
		.record(z.string(), z.enum(['absolute', 'remaining', 'restart']))
		.optional()
		.meta({
			description: 'Whether the time of a stop counts, by the delay as it is written under after',
		}),
	answersLater: z.array(z.string()).optional().meta({
		description: 'Events that are answered by an action of a later turn',
	}),
	autostart: z.boolean().optional().meta({ description: 'Whether it starts with the node' }),
	recovery: z.enum(['resume', 'fresh', 'ladder']).optional().meta({
		description: 'In which state a failed message is tried again',
	}),
	intensity: z.int().min(0).optional(),
	period: z.number().positive().optional(),
	whenDone: z.enum(['keep', 'forget']).optional(),
	migrate: z
		.record(
			z.string().regex(/^[1-9]\d*$/),
			strictObject('field of a migration', {
				states: z.record(z.string(), z.string()).optional().meta({
					description: 'New names of states, from the top: a.b',
				}),
				context: assignments.optional(),
			}),
		)
		.optional()
		.meta({ description: 'The migrations from a version to the next, by the old version' }),
};

/** The fields that are not those of a state. */
type Head = z.infer<z.ZodObject<typeof head>>;

/** A YAML definition: an actor, whose machine is its root state. */
export interface YamlDefinition extends Head, StateYaml {}

/** The schema of a YAML definition. */
export const definitionSchema: z.ZodType<YamlDefinition> = strictObject('field of an actor', {
	...head,
	...stateFields,
	states: z.record(stateName, state).optional(),
}).meta({ title: 'An actor of reeve', description: 'See docs/actors.md' });

/** The schema as JSON Schema, for editors. */
export function definitionJsonSchema(): object {
	return z.toJSONSchema(definitionSchema, {
		target: 'draft-7',
		io: 'input',
		unrepresentable: 'any',
	});
}
