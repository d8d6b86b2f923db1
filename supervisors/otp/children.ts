/**
 * The roster: what a supervisor knows of its children. It is changed in place, because a copy of a
 * map of ten thousand children for each start would make starting them quadratic.
 *
 * @module
 */
import type { CheckedChild, CheckedSupervisor } from './child-spec.ts';
import type { Child } from './child.ts';

/** One child: its specification, and what became of it. */
export interface Member {
	spec: CheckedChild;
	/** The living child; the last one while it is `restarting` and has no name but its pid. */
	child: Child | undefined;
	state: 'running' | 'restarting' | 'stopped';
	/** The arguments of a dynamic child that may be restarted; else empty. */
	args: readonly unknown[];
	/** How often its start was called. */
	incarnation: number;
	/** How often it was restarted. */
	restarts: number;
	/** How often in a row it was to be restarted; what a backoff grows by. */
	failures: number;
	/** When it last came up, in monotonic milliseconds. */
	startedAtMs: number;
	/** The restarts that count for its own limit, in monotonic seconds. */
	counted: readonly number[];
}

/** A supervisor's children, its restarts so far, and what it was told to do with them. */
export interface Children {
	spec: CheckedSupervisor;
	/** By id, in start order. Empty under `simple_one_for_one`. */
	byId: Map<string, Member>;
	/** By living child; a `restarting` dynamic child is found by its last one. */
	readonly byChild: Map<Child, Member>;
	/** The restarts that count, newest first, in monotonic seconds. */
	restarts: readonly number[];
	/** How many restarts there were in all. */
	restartsInAll: number;
	/** Which children were `restarting` when an earlier life of the supervisor was killed. */
	readonly unfinished: Set<string>;
}

/** The roster of a supervisor that has not started anything. */
export function createChildren(spec: CheckedSupervisor): Children {
	const children: Children = {
		spec,
		byId: new Map(),
		byChild: new Map(),
		restarts: [],
		restartsInAll: 0,
		unfinished: new Set(),
	};
	if (!isSimple(children)) for (const child of spec.children) addMember(children, child);
	return children;
}

/** Whether all children are made from one template. */
export function isSimple({ spec }: Children): boolean {
	return spec.strategy === 'simple_one_for_one';
}

/** The template of dynamic children. */
export function templateOf({ spec }: Children): CheckedChild {
	// The check of specifications has counted it.
	return spec.children[0]!;
}

const noArgs: readonly unknown[] = [];

/** A member that has not been started. */
export function newMember(spec: CheckedChild, args = noArgs): Member {
	return {
		spec,
		child: undefined,
		state: 'stopped',
		args,
		incarnation: 0,
		restarts: 0,
		failures: 0,
		startedAtMs: 0,
		counted: [],
	};
}

/** Adds a child at the end of the start order. */
function addMember(children: Children, spec: CheckedChild): Member {
	const member = newMember(spec);
	children.byId.set(spec.id, member);
	return member;
}

/** Notes that a start gave a child. */
export function setRunning(children: Children, member: Member, child: Child): void {
	if (member.child) children.byChild.delete(member.child);
	member.child = child;
	member.state = 'running';
	children.byChild.set(child, member);
}

function neverAgain(): never {
	throw new Error('a temporary child is not started again');
}

/** Lets go of what only another start would need. */
export function dropStart(children: Children, member: Member): void {
	member.args = noArgs;
	// All dynamic children share one specification.
	if (!isSimple(children)) member.spec = { ...member.spec, start: neverAgain };
}

/** Notes that the child is to be started again. A dynamic child is still found by its last one. */
export function setRestarting(children: Children, member: Member): void {
	const { child } = member;
	member.state = 'restarting';
	if (child && isSimple(children)) children.byChild.set(child, member);
	else if (child) children.byChild.delete(child);
	if (!isSimple(children)) member.child = undefined;
}

/**
 * Notes that there is no child any more. Temporary and dynamic children are forgotten with their
 * specification; the others stay, to be started again by hand.
 */
export function setStopped(children: Children, member: Member): void {
	if (member.child) children.byChild.delete(member.child);
	member.child = undefined;
	member.state = 'stopped';
	if (member.spec.restart === 'temporary') forget(children, member);
}

/** Drops a member from the roster. */
export function forget(children: Children, { spec, child }: Member): void {
	if (child) children.byChild.delete(child);
	if (!isSimple(children)) children.byId.delete(spec.id);
}

/** All members, in start order as far as there is one. */
export function membersOf(children: Children): Member[] {
	return isSimple(children) ? [...new Set(children.byChild.values())] : [...children.byId.values()];
}

/** The ids of the children that are waiting for another try. */
export function restartingIds(children: Children): string[] {
	return membersOf(children)
		.filter(({ state }) => state === 'restarting')
		.map(({ spec }) => spec.id);
}
