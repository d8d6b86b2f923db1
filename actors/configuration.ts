/**
 * Configurations: the sets of states that a machine can be in at a time, each made once, with what
 * follows from it: its value and tags, which transitions it has, and what they do.
 *
 * @module
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition, StateValue } from 'xstate';
import { nodesOf } from './definition-check.ts';
import { planStep, type StepPlan } from './step-plan.ts';

/** The active states below and with one of them. */
export interface Branch {
	readonly node: AnyStateNode;
	readonly inside: readonly Branch[];
}

/** A configuration. */
export interface Configuration {
	/** In the order in which they were entered, which decides between what is enabled at once. */
	readonly nodes: readonly AnyStateNode[];
	readonly value: StateValue;
	readonly tags: Set<string>;
	readonly tree: Branch;
	/** The transitions without an event, a list for each innermost state, its own first. */
	readonly always: readonly (readonly AnyTransitionDefinition[])[];
	/** What these transitions do; undefined if that is none of the simple things. */
	plan(enabled: readonly AnyTransitionDefinition[]): StepPlan | undefined;
	/**
	 * Types of events by whether all that may follow here is planned. It is known before a guard is
	 * evaluated, so that none is evaluated in vain.
	 */
	readonly easy: Map<string, boolean>;
	/** Whether what follows here without an event is planned; undefined until somebody asks. */
	settles: boolean | undefined;
}

/** Finds the configuration of a list of states. */
export type FindConfiguration = (nodes: readonly AnyStateNode[]) => Configuration;

/** Whether a machine has nothing that the plans do not know: history, and wildcards. */
export function isPlannable({ root }: AnyStateMachine): boolean {
	for (const { type, transitions } of nodesOf(root)) {
		if (type === 'history') return false;
		for (const event of transitions.keys()) if (event.endsWith('*')) return false;
	}
	return true;
}

/** Creates the look-up of the configurations of a machine. */
export function createConfigurations({ root }: AnyStateMachine): FindConfiguration {
	const byList = new WeakMap<readonly AnyStateNode[], Configuration>();
	const byOrder = new Map<string, Configuration>();
	return (nodes) => {
		const known = byList.get(nodes);
		if (known) return known;
		const name = nodes.map(({ order }) => order).join(' ');
		const found = byOrder.get(name) ?? configurationOf(root, nodes);
		byOrder.set(name, found);
		byList.set(nodes, found);
		return found;
	};
}

/** Whether all that may follow an event in a configuration is planned. */
export function isEasy(
	configuration: Configuration,
	type: string,
	find: FindConfiguration,
): boolean {
	const known = configuration.easy.get(type);
	if (known !== undefined) return known;
	const isPlanned = (transition: AnyTransitionDefinition): boolean => {
		const plan = configuration.plan([transition]);
		return plan !== undefined && settles(find(plan.nodes), find);
	};
	const easy =
		configuration.nodes.every((node) => (node.transitions.get(type) ?? []).every(isPlanned)) &&
		settles(configuration, find);
	configuration.easy.set(type, easy);
	return easy;
}

function settles(configuration: Configuration, find: FindConfiguration): boolean {
	if (configuration.settles !== undefined) return configuration.settles;
	// While it is looked into, a circle that leads back here is no objection.
	configuration.settles = true;
	configuration.settles = configuration.always.flat().every((transition) => {
		const plan = configuration.plan([transition]);
		return plan !== undefined && settles(find(plan.nodes), find);
	});
	return configuration.settles;
}

function configurationOf(root: AnyStateNode, nodes: readonly AnyStateNode[]): Configuration {
	const branch = (node: AnyStateNode): Branch => {
		const below = nodes.filter(({ parent }) => parent === node).map(branch);
		// In the order in which the value of the state names them.
		const inside = Object.values(Object.fromEntries(below.map((each) => [each.node.key, each])));
		return { node, inside };
	};
	const tree = branch(root);
	const innermost = nodes.filter(({ type }) => type === 'atomic' || type === 'final');
	return {
		nodes,
		value: valueOf(tree),
		tags: new Set(nodes.flatMap(({ tags }) => tags)),
		tree,
		always: innermost.map(alwaysOf).filter((transitions) => transitions.length > 0),
		plan: createPlans(nodes),
		easy: new Map(),
		settles: undefined,
	};
}

/** The state as XState writes it. */
function valueOf({ node, inside }: Branch): StateValue {
	const [only] = inside;
	if (node.type === 'compound' && only && isInnermost(only)) return only.node.key;
	return Object.fromEntries(inside.map((each) => [each.node.key, valueOf(each)]));
}

function isInnermost({ node: { type } }: Branch): boolean {
	return type === 'atomic' || type === 'final';
}

function alwaysOf(node: AnyStateNode): readonly AnyTransitionDefinition[] {
	return [...(node.always ?? []), ...(node.parent ? alwaysOf(node.parent) : [])];
}

/** Plans are made once. */
function createPlans(nodes: readonly AnyStateNode[]): Configuration['plan'] {
	const ofOne = new Map<AnyTransitionDefinition, StepPlan | undefined>();
	const ofMany = new Map<string, StepPlan | undefined>();
	const numbers = new Map<AnyTransitionDefinition, number>();
	const numberOf = (transition: AnyTransitionDefinition): number => {
		const number = numbers.get(transition) ?? numbers.size;
		numbers.set(transition, number);
		return number;
	};
	const planned = <Name>(
		plans: Map<Name, StepPlan | undefined>,
		name: Name,
		enabled: readonly AnyTransitionDefinition[],
	): StepPlan | undefined => {
		const known = plans.get(name);
		if (known || plans.has(name)) return known;
		const plan = planStep(nodes, enabled);
		plans.set(name, plan);
		return plan;
	};
	return (enabled) => {
		const [first] = enabled;
		return first && enabled.length === 1
			? planned(ofOne, first, enabled)
			: planned(ofMany, enabled.map(numberOf).join(' '), enabled);
	};
}
