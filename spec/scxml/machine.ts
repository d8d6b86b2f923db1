/**
 * Makes an XState machine of a statechart.
 *
 * @module
 */
import {
	and,
	assign,
	cancel,
	createMachine,
	enqueueActions,
	log,
	not,
	or,
	raise,
	sendTo,
	stateIn,
	type AnyStateMachine,
} from 'xstate';
import type { Action, Branch, Chart, ChartState, Sending, Transition } from './chart.ts';
import { partsOf, type Expression } from './expression.ts';
import { valueOf, type Given } from './expression-value.ts';
import { eventDescriptor, initialName, isPlainInitial } from './machine-names.ts';
import { millisecondsOf } from './delay.ts';
import { Unsupported } from './unsupported.ts';

/** An action or guard of XState, untyped because the machine does not exist yet. */
type Made = object;

/** Makes the machine. */
export function machineOf({ root, data }: Chart, id: string): AnyStateMachine {
	const create = createMachine as (config: object) => AnyStateMachine;
	return create({ ...stateOf(root), id, context: () => firstContext(data) });
}

/** The variables of a case with their first values. */
export function firstContext(data: Chart['data']): Readonly<Record<string, unknown>> {
	const context: Record<string, unknown> = {};
	for (const [name, value] of data) {
		context[name] = valueOf(value, { context, event: { type: 'xstate.init' } });
	}
	return context;
}

function stateOf(state: ChartState): object {
	const { name, kind, isDeep, initial, transitions, output } = state;
	if (kind === 'history') {
		if (initial && initial.actions.length > 0) {
			throw new Unsupported('actions of history', name);
		}
		const history = isDeep ? 'deep' : 'shallow';
		return { id: name, type: kind, history, target: initial?.targets.map((each) => `#${each}`) };
	}
	return {
		id: name,
		...(kind === 'state' ? {} : { type: kind }),
		...innerOf(state),
		entry: actionsOf(state.entry),
		exit: actionsOf(state.exit),
		always: transitions.filter(({ events }) => events.length === 0).map(transitionOf),
		on: tableOf(transitions),
		...(output ? { output: (given: Given) => valueOf(output, given) } : {}),
	};
}

/** The inner states. One that is not a child is reached by way of a state of its own. */
function innerOf({ initial, states }: ChartState): object {
	const inner = states.map((each): [string, object] => [each.name, stateOf(each)]);
	if (!initial) return { states: Object.fromEntries(inner) };
	if (isPlainInitial(initial, states)) {
		return { initial: initial.targets[0], states: Object.fromEntries(inner) };
	}
	const way = { always: transitionOf({ ...initial, isInternal: true }) };
	return { initial: initialName, states: { ...Object.fromEntries(inner), [initialName]: way } };
}

function tableOf(transitions: readonly Transition[]): object {
	const table: Record<string, object[]> = {};
	for (const transition of transitions) {
		for (const event of transition.events) {
			(table[eventDescriptor(event, (name) => name)] ??= []).push(transitionOf(transition));
		}
	}
	return table;
}

function transitionOf({ condition, targets, isInternal, actions }: Transition): object {
	const reenter = targets.length > 0 && !isInternal;
	return {
		...(targets.length > 0 ? { target: targets.map((each) => `#${each}`) } : {}),
		...(reenter ? { reenter } : {}),
		...(condition ? { guard: guardOf(condition) } : {}),
		actions: actionsOf(actions),
	};
}

/** A guard: XState asks for states by guards of their own, which the others combine. */
function guardOf(condition: Expression): Made {
	if (!asksForState(condition)) return (given: Given) => Boolean(valueOf(condition, given));
	if (condition.is === 'call') {
		const [asked] = condition.given;
		if (asked?.is === 'value') return stateIn(`#${String(asked.value)}`);
	}
	if (condition.is === 'unary' && condition.sign === '!') {
		return not(guardOf(condition.of) as never);
	}
	if (condition.is === 'binary') {
		const both = [guardOf(condition.left), guardOf(condition.right)] as never;
		if (condition.sign === '&&') return and(both);
		if (condition.sign === '||') return or(both);
	}
	throw new Unsupported('In() in a value', condition.is);
}

const asksForState = (part: Expression): boolean =>
	(part.is === 'call' && part.name === 'In') || partsOf(part).some(asksForState);

function actionsOf(actions: readonly Action[]): readonly Made[] {
	return actions.map(actionOf);
}

function actionOf(action: Action): Made {
	switch (action.does) {
		case 'send':
			return sendOf(action);
		case 'assign':
			return assignOf(action.location, (given) => valueOf(action.value, given));
		case 'cancel':
			return cancel((given: Given) => String(valueOf(action.id, given)));
		case 'log': {
			const { label, value } = action;
			return log((given: Given) => (value ? valueOf(value, given) : ''), label);
		}
		case 'if':
			return choiceOf(action.branches);
		default:
			return loopOf(action);
	}
}

function assignOf(location: string, value: (given: Given) => unknown): Made {
	return assign((given: Given) => {
		if (Object.hasOwn(given.context, location)) return { [location]: value(given) };
		throw new Error(`there is no ${location}`);
	});
}

function sendOf({ event, data, delay, id, isInternal }: Sending): Made {
	const made = (given: Given) => ({
		type: String(valueOf(event, given)),
		...(data ? { data: valueOf(data, given) } : {}),
	});
	const options = {
		...(id === undefined ? {} : { id }),
		...(delay ? { delay: (given: Given) => millisecondsOf(valueOf(delay, given)) } : {}),
	};
	if (isInternal) return raise(made as never, options as never);
	const itself = ({ self }: { readonly self: unknown }) => self;
	return sendTo(itself as never, made as never, options as never);
}

/** What enqueued actions are made with. */
interface Enqueueing extends Given {
	readonly enqueue: (action: Made) => void;
	readonly check: (guard: Made) => boolean;
}

const enqueued = (work: (given: Enqueueing) => void): Made => enqueueActions(work as never);

function choiceOf(branches: readonly Branch[]): Made {
	const made = branches.map(({ condition, actions }) => ({
		guard: condition && guardOf(condition),
		actions: actionsOf(actions),
	}));
	return enqueued(({ enqueue, check }) => {
		const taken = made.find(({ guard }) => guard === undefined || check(guard));
		for (const action of taken?.actions ?? []) enqueue(action);
	});
}

function loopOf({ list, item, index, actions }: Action & { does: 'foreach' }): Made {
	const made = actionsOf(actions);
	return enqueued(({ enqueue, ...given }) => {
		const items = valueOf(list, given) as readonly unknown[];
		if (!Array.isArray(items)) throw new Error('there is no list');
		for (const [at, held] of items.entries()) {
			enqueue(
				assign({ [item]: () => held, ...(index === undefined ? {} : { [index]: () => at }) }),
			);
			for (const action of made) enqueue(action);
		}
	});
}
