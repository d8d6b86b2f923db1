/**
 * Writes a statechart as a YAML definition.
 *
 * @module
 */
import { stringify } from 'yaml';
import { celCondition, celOf } from './cel.ts';
import { statesOf, type Action, type Chart, type ChartState } from './chart.ts';
import type { Sending, Transition } from './chart.ts';
import { millisecondsOf } from './delay.ts';
import type { Expression } from './expression.ts';
import { firstContext } from './machine.ts';
import { eventDescriptor, initialName, isPlainInitial } from './machine-names.ts';
import { Unsupported } from './unsupported.ts';

/**
 * The text of the definition.
 *
 * @throws Unsupported if YAML definitions have no word for something in it
 */
export function yamlFormOf({ root, data }: Chart, actor: string): string {
	const states = new Map([...statesOf(root)].map(({ name, path }) => [name, path.join('.')]));
	const idOf = (name: string) => `${actor}.${states.get(name) ?? name}`;
	const context = Object.entries(firstContext(data)).map(([name, value]) => [name, quoted(value)]);
	return stringify({
		actor,
		version: 1,
		autostart: true,
		context: Object.fromEntries(context) as object,
		...stateOf(root, idOf),
	});
}

type IdOf = (name: string) => string;

function stateOf(state: ChartState, idOf: IdOf): object {
	const { kind, isDeep, initial, transitions, output } = state;
	if (kind === 'history') {
		const target = initial ? { target: targetOf(initial, idOf) } : {};
		return { type: kind, history: isDeep ? 'deep' : 'shallow', ...target };
	}
	const always = transitions.filter(({ events }) => events.length === 0);
	return {
		...(kind === 'state' ? {} : { type: kind }),
		...innerOf(state, idOf),
		entry: actionsOf(state.entry),
		exit: actionsOf(state.exit),
		...(always.length > 0 ? { always: always.map((each) => transitionOf(each, idOf)) } : {}),
		on: tableOf(transitions, idOf),
		...(output ? { output: valueText(output) } : {}),
	};
}

function innerOf({ initial, states }: ChartState, idOf: IdOf): object {
	if (states.length === 0) return {};
	const inner = states.map((each): [string, object] => [each.name, stateOf(each, idOf)]);
	if (!initial) return { states: Object.fromEntries(inner) };
	if (isPlainInitial(initial, states)) {
		return { initial: initial.targets[0], states: Object.fromEntries(inner) };
	}
	const way = { always: transitionOf({ ...initial, isInternal: true }, idOf) };
	return { initial: initialName, states: { ...Object.fromEntries(inner), [initialName]: way } };
}

function tableOf(transitions: readonly Transition[], idOf: IdOf): object {
	const table: Record<string, object[]> = {};
	for (const transition of transitions) {
		for (const event of transition.events) {
			(table[eventDescriptor(event, idOf)] ??= []).push(transitionOf(transition, idOf));
		}
	}
	return table;
}

function targetOf({ targets }: Transition, idOf: IdOf): string {
	const [target = '', ...others] = targets;
	if (others.length > 0) throw new Unsupported('several targets in YAML', targets.join(' '));
	return `#${idOf(target)}`;
}

function transitionOf(transition: Transition, idOf: IdOf): object {
	const { condition, targets, isInternal, actions } = transition;
	const target = targets.length > 0 ? { target: targetOf(transition, idOf) } : {};
	const reenter = targets.length > 0 && !isInternal ? { reenter: true } : {};
	const guard = condition ? { if: celCondition(condition) } : {};
	return { ...guard, ...target, ...reenter, do: actionsOf(actions) };
}

/** A constant, in which nothing may be taken for an expression. */
function quoted(value: unknown): unknown {
	if (value === undefined) return null;
	return typeof value === 'string' && /^=|\$\{/u.test(value) ? `=${JSON.stringify(value)}` : value;
}

function valueText(part: Expression): unknown {
	return part.is === 'value' ? quoted(part.value) : `=${celOf(part)}`;
}

function actionsOf(actions: readonly Action[]): readonly object[] {
	return actions.map(actionOf);
}

function actionOf(action: Action): object {
	switch (action.does) {
		case 'send':
			return { raise: raiseOf(action) };
		case 'assign':
			return { assign: { [action.location]: valueText(action.value) } };
		case 'cancel':
			return { cancel: constantOf(action.id, 'computed ids in YAML') };
		case 'log':
			return { log: loggedOf(action) };
		case 'if':
			throw new Unsupported('if among actions in YAML', action.does);
		default:
			throw new Unsupported('loops in YAML', action.does);
	}
}

function loggedOf({ label, value }: Action & { does: 'log' }): unknown {
	try {
		return value ? valueText(value) : label;
	} catch {
		// A log decides nothing.
		return label;
	}
}

function constantOf(part: Expression, reason: string): string {
	if (part.is !== 'value') throw new Unsupported(reason, part.is);
	return String(part.value);
}

/** What waits behind all events is due at once: a timer of no time. */
function raiseOf({ event, data, delay, id, isInternal }: Sending): object {
	const type = valueText(event);
	const after = delay ? delayText(delay) : '0ms';
	return {
		event: data ? { type, data: valueText(data) } : { type },
		...(isInternal ? {} : { after }),
		...(id === undefined ? {} : { id }),
	};
}

function delayText(delay: Expression): string {
	return delay.is === 'value' ? `${millisecondsOf(delay.value)}ms` : `=${celOf(delay)}`;
}
