/**
 * Step plans: what a set of transitions does in a configuration of a machine. Which states are left
 * and entered depends on nothing else, so it is worked out once, as XState does it for every event:
 * its algorithm (that of SCXML) in its order, for machines without history.
 *
 * @module
 */
import type { AnyStateNode, AnyTransitionDefinition } from 'xstate';

/** One action of a machine, as XState has it in its definitions. */
export type Action = AnyStateNode['entry'][number];

/** A plan. */
export interface StepPlan {
	/** What is executed before states are entered. */
	readonly actions: readonly Action[];
	/** What is executed as each state is entered. */
	readonly entries: readonly (readonly Action[])[];
	/** The configuration afterwards; the same list if it stays what it is. */
	readonly nodes: readonly AnyStateNode[];
}

type Nodes = ReadonlySet<AnyStateNode>;

/**
 * Plans a step; undefined if it is none of the simple ones: it starts or stops children, or ends a
 * part of the machine.
 */
export function planStep(
	nodes: readonly AnyStateNode[],
	enabled: readonly AnyTransitionDefinition[],
): StepPlan | undefined {
	const now = new Set(nodes);
	const taken = withoutConflicts(enabled, now);
	const left = [...exitSet(taken, now)].toSorted((one, other) => other.order - one.order);
	const { entered, byDefault } = entrySet(taken);
	const inOrder = [...entered].toSorted((one, other) => one.order - other.order);
	if ([...left, ...inOrder].some(({ type, invoke }) => type === 'final' || invoke.length > 0)) {
		return undefined;
	}
	for (const node of left) now.delete(node);
	for (const node of inOrder) now.add(node);
	const isSame = now.size === nodes.length && nodes.every((node) => now.has(node));
	return {
		actions: [
			...left.flatMap(({ exit }) => [...exit]),
			...taken.flatMap(({ actions }) => [...actions]),
		],
		entries: inOrder
			.map((node) => [...node.entry, ...(byDefault.has(node) ? node.initial.actions : [])])
			.filter((actions) => actions.length > 0),
		nodes: isSame ? nodes : [...now],
	};
}

function isDescendant(node: AnyStateNode, ancestor: AnyStateNode | undefined): boolean {
	for (let above = node.parent; above; above = above.parent) if (above === ancestor) return true;
	return false;
}

/** Those above a node, the nearest first, below `end`. */
function ancestorsOf(node: AnyStateNode, end: AnyStateNode | undefined): AnyStateNode[] {
	const found: AnyStateNode[] = [];
	if (node === end) return found;
	for (let above = node.parent; above && above !== end; above = above.parent) found.push(above);
	return found;
}

/** The state in which all happens that a transition does. */
function domainOf({ target, source, reenter }: AnyTransitionDefinition): AnyStateNode | undefined {
	const targets = [...new Set(target ?? [])];
	const isInside = targets.every((each) => each === source || isDescendant(each, source));
	if (!reenter && isInside) return source;
	const [head = source, ...others] = targets;
	const common = ancestorsOf(head, undefined).find((ancestor) =>
		[...others, source].every((each) => isDescendant(each, ancestor)),
	);
	if (common) return common;
	return reenter ? undefined : source.machine.root;
}

function exitSet(transitions: readonly AnyTransitionDefinition[], nodes: Nodes): Nodes {
	const left = new Set<AnyStateNode>();
	for (const transition of transitions) {
		if (!transition.target?.length) continue;
		const domain = domainOf(transition);
		if (domain && transition.reenter && transition.source === domain) left.add(domain);
		for (const node of nodes) {
			if (!domain || isDescendant(node, domain)) left.add(node);
		}
	}
	return left;
}

/** Of transitions that would leave the same states, the inner one is taken, or the first. */
function withoutConflicts(enabled: readonly AnyTransitionDefinition[], nodes: Nodes) {
	const taken = new Set<AnyTransitionDefinition>();
	for (const one of enabled) {
		const outer: AnyTransitionDefinition[] = [];
		const leaves = exitSet([one], nodes);
		const isPreempted = [...taken].some((other) => {
			if (![...exitSet([other], nodes)].some((node) => leaves.has(node))) return false;
			if (!isDescendant(one.source, other.source)) return true;
			outer.push(other);
			return false;
		});
		if (isPreempted) continue;
		for (const other of outer) taken.delete(other);
		taken.add(one);
	}
	return [...taken];
}

/** What is entered, and in which of it the initial actions are executed. */
interface Entering {
	readonly entered: Set<AnyStateNode>;
	readonly byDefault: Set<AnyStateNode>;
}

function entrySet(transitions: readonly AnyTransitionDefinition[]): Entering {
	const entering: Entering = { entered: new Set(), byDefault: new Set() };
	for (const transition of transitions) {
		const { source, target = [], reenter } = transition;
		const domain = domainOf(transition);
		for (const node of target) {
			if (source !== node || source !== domain || reenter) {
				entering.entered.add(node);
				entering.byDefault.add(node);
			}
			addDescendants(node, entering);
		}
		for (const node of new Set(target)) {
			const ancestors = ancestorsOf(node, domain);
			if (domain?.type === 'parallel') ancestors.push(domain);
			addAncestors(ancestors, !source.parent && reenter ? undefined : domain, entering);
		}
	}
	return entering;
}

function addDescendants(node: AnyStateNode, entering: Entering): void {
	if (node.type === 'compound') {
		const [initial] = node.initial.target;
		if (!initial) return;
		entering.entered.add(initial);
		entering.byDefault.add(initial);
		addDescendants(initial, entering);
		addAncestors(ancestorsOf(initial, node), undefined, entering);
	} else if (node.type === 'parallel') addRegions(node, entering, true);
}

/** The regions of a parallel state that nothing is entered of yet. */
function addRegions(node: AnyStateNode, entering: Entering, isDefault: boolean): void {
	for (const region of Object.values<AnyStateNode>(node.states)) {
		if ([...entering.entered].some((entered) => isDescendant(entered, region))) continue;
		entering.entered.add(region);
		if (isDefault) entering.byDefault.add(region);
		addDescendants(region, entering);
	}
}

function addAncestors(
	ancestors: readonly AnyStateNode[],
	domain: AnyStateNode | undefined,
	entering: Entering,
): void {
	for (const ancestor of ancestors) {
		if (!domain || isDescendant(ancestor, domain)) entering.entered.add(ancestor);
		if (ancestor.type === 'parallel') addRegions(ancestor, entering, false);
	}
}
