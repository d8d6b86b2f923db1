/**
 * The supervision tree as rows, for `reeve tree`. Reads what supervisors show, and changes nothing.
 *
 * @module
 */
import type { ChildRow } from '../otp/child-management.ts';
import { print } from '../otp/crash-report.ts';
import { isSupervisor, type SupervisorRef } from '../otp/supervisor.ts';
import type { TreeRow } from '../../runtime/queries/question.ts';

/** The most children of one supervisor that are listed; the others are counted. */
const childrenMax = 200;

/** A supervisor with everything below it. */
export function treeRow(ref: SupervisorRef, restarts = 0): TreeRow {
	const { name, strategy, children } = ref.view();
	const more = children.length - childrenMax;
	return {
		id: name,
		pid: ref.pid,
		type: 'supervisor',
		state: ref.exitReason === undefined ? 'running' : 'stopped',
		detail: more > 0 ? `${strategy}, and ${more} more children` : strategy,
		restarts,
		children: children.slice(0, childrenMax).map(childRow),
	};
}

function childRow({ id, child, state, type, restarts }: ChildRow): TreeRow {
	if (state !== 'running' || !child) return { id, type, state, restarts };
	if (isSupervisor(child)) return treeRow(child, restarts);
	const { state: inside, mailboxLength } = child.describe?.() ?? {};
	const detail = detailOf(inside);
	return {
		id,
		pid: child.pid,
		type,
		state,
		restarts,
		...(detail === '' ? {} : { detail }),
		...(mailboxLength === undefined ? {} : { mailboxLength }),
	};
}

/** The state of an actor in a word: of a machine its state value, without the context. */
function detailOf(state: unknown): string {
	const value =
		typeof state === 'object' && state !== null && 'value' in state ? state.value : state;
	if (value === undefined) return '';
	return typeof value === 'string' ? value : print(value);
}
