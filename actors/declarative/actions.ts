/**
 * Compiles the actions of YAML definitions to actions of XState and effects of this runtime.
 *
 * @module
 */
import { assign, cancel, emit, log, raise, type EventObject, type MachineContext } from 'xstate';
import type { Effect, Outgoing, Payload, Severity } from '../definition/effects.ts';
import type { Values } from './expression.ts';
import type { ActionYaml, EventYaml, OutgoingYaml } from './action-schema.ts';
import type { Build, Given, Where } from './build-context.ts';
import { unknownName } from './strict-object.ts';
import { compileDuration, compileValue, inside, textOf, type Computed } from './values.ts';

/** An action of XState, untyped because the machine does not exist yet. */
export type BuiltAction = unknown;

type Library = Exclude<ActionYaml, string>;

/** Compiles a list of actions. A name stands for the list of actions of that name. */
export function compileActions(
	build: Build,
	actions: readonly ActionYaml[] | undefined,
	where: Where,
): BuiltAction[] {
	return (actions ?? []).flatMap((action, index) => {
		const here = inside(where, index);
		return typeof action === 'string'
			? compileNamed(build, action, here)
			: compileAction(build, action, here);
	});
}

function compileNamed(build: Build, name: string, where: Where): BuiltAction[] {
	const known = build.definition.actions ?? {};
	const { path, above = [] } = where;
	const found = Object.hasOwn(known, name) ? known[name] : undefined;
	if (!found) {
		build.report({ path, text: unknownName('action', name, Object.keys(known)) });
		return [];
	}
	if (above.includes(name)) {
		build.report({ path, text: `the actions ${name} contain themselves` });
		return [];
	}
	return compileActions(build, found, {
		...where,
		path: ['actions', name],
		above: [...above, name],
	});
}

function compileAction(build: Build, action: Library, where: Where): BuiltAction[] {
	const [name = ''] = Object.keys(action);
	const there = inside(where, name);
	const compile = builders[name as keyof Library];
	return [compile(build, action, there)];
}

/** An effect that is computed from the values of the turn. */
function effect(build: Build, make: (values: Values) => Effect): BuiltAction {
	return emit((given: Given) => make(build.values(given)));
}

const builders: Readonly<
	Record<keyof Library, (build: Build, action: Library, where: Where) => BuiltAction>
> = {
	assign: (build, { assign: fields = {} }, where) => compileAssign(build, fields, where),
	send(build, { send = {} }, where) {
		const message = compileOutgoing(build, send, where);
		return effect(build, (values) => ({ type: 'reeve.send', message: message(values) }));
	},
	ask(build, { ask }, where) {
		const { id = '', timeout, ...rest } = ask ?? {};
		build.asks.add(id);
		const message = compileOutgoing(build, rest, where);
		const ms = timeout && compileDuration(build, timeout, inside(where, 'timeout'));
		return effect(build, (values) => {
			const timeoutMs = typeof ms === 'function' ? ms(values) : ms;
			const question = { ...message(values), id };
			return {
				type: 'reeve.ask',
				question: typeof timeoutMs === 'number' ? { ...question, timeoutMs } : question,
			};
		});
	},
	monitor(build, { monitor = { id: '' } }, where) {
		const { id, ...given } = monitor;
		build.monitors.add(id);
		if (given.actor === undefined && given.to === undefined) {
			build.report({ path: where.path, text: 'a monitor needs an actor, or a node in to' });
		}
		const compiled = compileTexts(build, given, where);
		return effect(build, (values) => ({
			type: 'reeve.monitor',
			monitored: { id, ...textsOf(compiled, values) },
		}));
	},
	demonitor(build, { demonitor: id = '' }) {
		return effect(build, () => ({ type: 'reeve.demonitor', id }));
	},
	reply(build, { reply }, where) {
		const data = compileValue(build, reply, where);
		return effect(build, (values) => ({ type: 'reeve.reply', data: data.of(values) as Payload }));
	},
	answer(build, { answer }, where) {
		const data = compileValue(build, answer, where);
		return effect(build, (values) => ({ type: 'reeve.answer', data: data.of(values) as Payload }));
	},
	alert(build, { alert }, where) {
		const severity: Severity = alert?.severity ?? 'warning';
		const text = compileValue(build, alert?.text, inside(where, 'text'));
		return effect(build, (values) => {
			return { type: 'reeve.alert', severity, text: textOf(text.of(values)) };
		});
	},
	publish(build, { publish }, where) {
		const topic = compileValue(build, publish?.topic, inside(where, 'topic'));
		const data = compileValue(build, publish?.data, inside(where, 'data'));
		return effect(build, (values) => ({
			type: 'reeve.publish',
			topic: textOf(topic.of(values)),
			data: textOf(data.of(values)),
		}));
	},
	log(build, action, where) {
		const said = compileValue(build, action.log, where);
		return log((given: Given) => said.of(build.values(given)));
	},
	raise: (build, action, where) => compileRaise(build, action, where),
	cancel: (_build, action) => cancel(action.cancel ?? ''),
};

function compileAssign(build: Build, fields: Readonly<Record<string, unknown>>, where: Where) {
	const compiled = Object.entries(fields).map(([name, value]): [string, Computed] => {
		const there = inside(where, name);
		const computed = compileValue(build, value, there);
		const shape = build.context[name];
		if (shape === undefined) {
			const text = unknownName('field of the context', name, Object.keys(build.context));
			build.report({ path: there.path, text, part: 'key' });
		} else if (shape !== computed.shape && shape !== 'any' && computed.shape !== 'any') {
			build.report({
				path: there.path,
				text: `${name} is a ${shape} in the context, and this is a ${computed.shape}`,
			});
		}
		return [name, computed];
	});
	return assign((given: Given) => {
		const values = build.values(given);
		return Object.fromEntries(compiled.map(([name, computed]) => [name, computed.of(values)]));
	});
}

function compileRaise(build: Build, { raise: given = '' }: Library, where: Where): BuiltAction {
	const { event, after, id } =
		typeof given === 'string' ? { event: given, after: undefined, id: undefined } : given;
	const there = typeof given === 'string' ? where : inside(where, 'event');
	const made = compileEvent(build, event, there);
	checkKnown(build, event, there);
	const delay =
		after === undefined ? undefined : compileDuration(build, after, inside(where, 'after'));
	return raise<MachineContext, EventObject, EventObject, undefined, string, string>(
		(about) => made(build.values(about)),
		{
			...(id === undefined ? {} : { id }),
			...(delay === undefined
				? {}
				: { delay: typeof delay === 'number' ? delay : (about) => delay(build.values(about)) }),
		},
	);
}

/** An event that an actor sends itself must be declared, if events are. */
function checkKnown(
	{ definition: { events }, report }: Build,
	event: EventYaml,
	{ path }: Where,
): void {
	const type = typeof event === 'string' ? event : event.type;
	if (!events || Object.hasOwn(events, type) || type.startsWith('=')) return;
	report({ path, text: unknownName('event', type, Object.keys(events)) });
}

function compileEvent(build: Build, event: EventYaml, where: Where) {
	const computed = compileValue(build, typeof event === 'string' ? { type: event } : event, where);
	return (values: Values) => computed.of(values) as EventObject;
}

const texts = ['to', 'method', 'actor', 'key', 'note'] as const;
const plainFields = ['kind', 'ttl', 'methodTimeout', 'onCrash'] as const;

type Texts = Readonly<Record<string, string>>;

/** Compiles the text fields of a message or monitor. */
function compileTexts(
	build: Build,
	given: { readonly [Name in (typeof texts)[number]]?: string | number | undefined },
	where: Where,
): readonly (readonly [string, Computed])[] {
	return texts.flatMap((name): [string, Computed][] =>
		given[name] === undefined
			? []
			: [[name, compileValue(build, given[name], inside(where, name))]],
	);
}

function textsOf(named: readonly (readonly [string, Computed])[], values: Values): Texts {
	return Object.fromEntries(named.map(([name, computed]) => [name, textOf(computed.of(values))]));
}

/** Compiles a message. */
function compileOutgoing(
	build: Build,
	message: OutgoingYaml,
	where: Where,
): (values: Values) => Outgoing {
	const { method, actor, event, data, args } = message;
	const { report } = build;
	const { path } = where;
	if ((method === undefined) === (actor === undefined)) {
		report({ path, text: 'a message needs either a method or an actor' });
	}
	if (actor !== undefined && event === undefined) {
		report({ path, text: 'a message to an actor needs an event' });
	}
	if (event !== undefined && data !== undefined) {
		report({
			path: [...path, 'data'],
			text: 'a message has an event or data, not both',
			part: 'key',
		});
	}
	const named = compileTexts(build, message, where);
	const plain = Object.fromEntries(
		plainFields.flatMap((name) => (message[name] === undefined ? [] : [[name, message[name]]])),
	) as Partial<Outgoing>;
	const sent = event === undefined ? undefined : compileEvent(build, event, inside(where, 'event'));
	const carried = data === undefined ? undefined : compileValue(build, data, inside(where, 'data'));
	const words = (args ?? []).map((word, index) =>
		compileValue(build, word, inside(where, 'args', index)),
	);
	return (values) => {
		const { actor: taker, ...about } = textsOf(named, values);
		return {
			method: taker ?? '',
			...plain,
			...about,
			...(sent ? { event: sent(values) } : {}),
			...(carried ? { data: textOf(carried.of(values)) } : {}),
			...(words.length > 0 ? { args: words.map((word) => textOf(word.of(values))) } : {}),
		};
	};
}
