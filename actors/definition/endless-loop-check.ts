/**
 * Endless machines: those that would move for ever without an event, found where that is certain
 * before anything runs.
 *
 * @module
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** Where a machine would move for ever. */
export interface EndlessPlace {
	/** The state, with those around it. */
	readonly names: readonly string[];
	/** Which of its keys is to blame. */
	readonly key: 'always';
	/** What is wrong there, as a sentence without a full stop. */
	readonly text: string;
}

/**
 * Looks for circles of transitions without event and condition. With conditions there is no
 * telling: whether those end is found out by trying, see `trial.ts`.
 */
export function endlessPlace(machine: AnyStateMachine): EndlessPlace | undefined {
	for (const node of allNodes(machine.root)) {
		const circle = circleFrom(node);
		if (circle) return { names: node.path, key: 'always', text: circle };
	}
	return undefined;
}

function* allNodes(node: AnyStateNode): Generator<AnyStateNode> {
	yield node;
	for (const child of Object.values(node.states)) yield* allNodes(child);
}

/** Follows what must be taken, until it comes back to a state or to rest. */
function circleFrom(start: AnyStateNode): string | undefined {
	const seen: AnyStateNode[] = [];
	let node: AnyStateNode | undefined = start;
	while (node && !seen.includes(node)) {
		seen.push(node);
		const forced = forcedTransition(node);
		if (!forced) return undefined;
		const [target, ...others] = (forced.target ?? []) as readonly AnyStateNode[];
		if (!target) return 'always without a target and an if would be taken for ever';
		// Where there are regions, one may lead the other out.
		if (others.length > 0) return undefined;
		node = nextForced(target);
	}
	if (node !== start) return undefined;
	const names = [...seen, start].map(({ id }) => id.slice(start.machine.id.length + 1) || id);
	return `always leads in a circle without an if: ${names.join(', ')}`;
}

/**
 * The transition without event that is taken whatever the context is; undefined if there is none.
 */
function forcedTransition({ always }: AnyStateNode) {
	const [first] = always ?? [];
	return first && first.guard === undefined ? first : undefined;
}

/** Which state must move on once `target` is entered; undefined if that depends on anything. */
function nextForced(target: AnyStateNode): AnyStateNode | undefined {
	const active: AnyStateNode[] = [];
	for (let above = target.parent; above; above = above.parent) active.unshift(above);
	let innermost: AnyStateNode | undefined = target;
	while (innermost) {
		active.push(innermost);
		if (innermost.type === 'parallel' || innermost.type === 'history') return undefined;
		innermost = innermost.type === 'compound' ? innermost.initial.target[0] : undefined;
	}
	const moving = active.filter(({ always }) => (always ?? []).length > 0);
	if (moving.some((node) => !forcedTransition(node))) return undefined;
	return moving.at(-1);
}
