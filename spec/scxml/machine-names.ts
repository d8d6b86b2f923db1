/**
 * The names that both forms of a machine share.
 *
 * @module
 */
import type { ChartState, Transition } from './chart.ts';

/** The state by way of which an initial state is reached that is not simply a child. */
export const initialName = 'on-the-way';

/** Whether both forms can name the initial state itself. */
export function isPlainInitial(
	{ targets, actions }: Transition,
	states: readonly ChartState[],
): boolean {
	const [target] = targets;
	const isChild = states.some(({ name, kind }) => name === target && kind !== 'history');
	return targets.length === 1 && actions.length === 0 && isChild;
}

/**
 * The descriptor of events as XState has it. In SCXML `a` means all events that begin with `a.`,
 * too; `done.state.a` is an event of XState's own, which bears the id of the state.
 */
export function eventDescriptor(descriptor: string, idOf: (name: string) => string): string {
	if (descriptor === '*') return descriptor;
	const words = descriptor.replace(/\.\*?$/u, '');
	const [, state] = /^done\.state\.(.+)$/u.exec(words) ?? [];
	if (state !== undefined) return `xstate.done.state.${idOf(state)}`;
	const isOwn = /^(?:done|error)(?:\.|$)/u.test(words);
	return `${isOwn ? 'xstate.' : ''}${words}.*`;
}
