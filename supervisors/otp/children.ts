/**
 * The state of a supervisor: its children and its restarts. It is changed in place, because copying
 * a map of ten thousand children for each start would make starting them quadratic.
 *
 * @module
 */
import type { CheckedChild, CheckedSupervisor } from './child-spec.ts';
import type { Child } from './child.ts';

/** One child: its specification and its state. */
export interface Member {
	spec: CheckedChild;
	/** The running child; for a `restarting` dynamic child, its last incarnation. */
	child: Child | undefined;
	state: 'running' | 'restarting' | 'stopped';
	/** Of a dynamic child; undefined if they were not kept, because it was started as temporary. */
	args: readonly unknown[] | undefined;
	/** How often its start function was called. */
	incarnation: number;
	/** How often it has been restarted. */
	restarts: number;
	/** How many restarts were due in a row; the backoff grows with it. */
	failures: number;
	/** When it last started, in monotonic milliseconds. */
	startedAtMs: number;
	/** The restarts that count towards its own limit, in monotonic seconds. */
	counted: readonly number[];
}

/** A supervisor's specification, its children, and its restarts so far. */
export interface Children {
	spec: CheckedSupervisor;
	/** By id, in start order. Empty under `simple_one_for_one`. */
	byId: Map<string, Member>;
	/** By running child; a `restarting` dynamic child is found by its last incarnation. */
	readonly byChild: Map<Child, Member>;
	/** The restarts that count, newest first, in monotonic seconds. */
	restarts: readonly number[];
	/** The number of all restarts so far. */
	restartsInAll: number;
	/** The ids of the children that were `restarting` when an earlier process was killed. */
	readonly unfinished: Set<string>;
}

/** The state of a supervisor that has not started anything. */
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
	// `spec-check.ts` refuses a specification without exactly one.
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

/** Records a started child. */
export function setRunning(children: Children, member: Member, child: Child): void {
	if (member.child) children.byChild.delete(member.child);
	member.child = child;
	member.state = 'running';
	children.byChild.set(child, member);
}

function neverAgain(): never {
	throw new Error('a temporary child is not started again');
}

/** Releases what only another start would need. */
export function dropStart(children: Children, member: Member): void {
	// All dynamic children share one specification.
	if (isSimple(children)) member.args = undefined;
	else member.spec = { ...member.spec, start: neverAgain };
}

/** Marks a child `restarting`. A dynamic child is still found by its last incarnation. */
export function setRestarting(children: Children, member: Member): void {
	const { child } = member;
	member.state = 'restarting';
	if (child && isSimple(children)) children.byChild.set(child, member);
	else if (child) children.byChild.delete(child);
	if (!isSimple(children)) member.child = undefined;
}

/**
 * Marks a child stopped. A temporary child is forgotten with its specification; the others stay, so
 * that they can be started again by hand.
 */
export function setStopped(children: Children, member: Member): void {
	clearChild(children, member);
	if (member.spec.restart === 'temporary') forget(children, member);
}

/** Marks a static child stopped, and keeps its specification even if it is temporary. */
export function clearChild(children: Children, member: Member): void {
	if (member.child) children.byChild.delete(member.child);
	member.child = undefined;
	member.state = 'stopped';
}

/** Removes a child and its specification. */
export function forget(children: Children, { spec, child }: Member): void {
	if (child) children.byChild.delete(child);
	if (!isSimple(children)) children.byId.delete(spec.id);
}

/** All members; static ones in start order. */
export function membersOf(children: Children): Member[] {
	return isSimple(children) ? [...new Set(children.byChild.values())] : [...children.byId.values()];
}

/** The ids of the children that wait for another start attempt. */
export function restartingIds(children: Children): string[] {
	return membersOf(children)
		.filter(({ state }) => state === 'restarting')
		.map(({ spec }) => spec.id);
}
