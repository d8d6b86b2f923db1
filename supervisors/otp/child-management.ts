/**
 * The administration of children, pure: what `supervisor:start_child/2` and its siblings do and
 * answer. See `rules.ts` for what a rule is.
 *
 * @module
 */
import type { CheckedChild, ChildSpec } from './child-spec.ts';
import type { Child } from './child.ts';
import * as children from './children.ts';
import type { Member, Children } from './children.ts';
import { begin, beginOrForget, end, type Instant, type Rule, type Started } from './rules.ts';
import { checkChild, type SpecFault } from './spec-check.ts';

/** Why a supervisor did not do what it was asked for, in OTP's words. */
export type RefusalCode =
	/** A child with this id runs, or its name is taken by another actor; `child` is that one. */
	| 'already_started'
	/** A child with this id is specified, but does not run. */
	| 'already_present'
	| 'not_found'
	| 'running'
	| 'restarting'
	/** Not for dynamic children; or, for them, not by id. */
	| 'simple_one_for_one'
	| 'bad_spec'
	/** `cause` says why. */
	| 'start_failed'
	| 'max_children'
	/** The supervisor has ended. */
	| 'noproc';

/** A refusal, with what belongs to its code. */
export interface Refusal {
	readonly error: RefusalCode;
	readonly child?: Child;
	readonly cause?: Error;
	readonly fault?: SpecFault;
	readonly detail?: string;
}

/** A child that was started; undefined if its start answered `ignore`. */
export interface StartedChild {
	readonly child: Child | undefined;
	/** What the start function returned for the caller, if anything. */
	readonly info?: unknown;
}

/** Success without a result. */
export interface Done {
	readonly ok: true;
}

/** One row of `whichChildren`. */
export interface ChildRow {
	/** The id; of dynamic children that of their template. */
	readonly id: string;
	/** Undefined unless it runs; for a `restarting` dynamic child, its last incarnation. */
	readonly child: Child | undefined;
	readonly state: Member['state'];
	readonly type: CheckedChild['type'];
	/** How often it has been restarted. */
	readonly restarts: number;
}

/** What `countChildren` counts. */
export interface ChildCounts {
	/** Specifications; 1 under `simple_one_for_one`. */
	readonly specs: number;
	/** Children that run now; of dynamic ones those whose end has not been handled yet, too. */
	readonly active: number;
	/** Children of this type, running or not. */
	readonly supervisors: number;
	readonly workers: number;
}

/** Identifies a child: its id, or for a dynamic child the child itself. */
export type ChildKey = string | Child;

const done: Done = { ok: true };

/** Starts a child, and adds its specification if the start succeeds. */
export function* startChild(
	state: Children,
	given: ChildSpec | readonly unknown[],
	now: Instant,
): Rule<StartedChild | Refusal> {
	const made = children.isSimple(state) ? dynamicMember(state, given) : staticMember(state, given);
	if ('error' in made) return made;
	const { spec, maxChildren } = { spec: made.spec, maxChildren: state.spec.maxChildren };
	const present = children.isSimple(state) ? state.byChild.size : state.byId.size;
	if (present >= maxChildren) return { error: 'max_children' };
	if (!children.isSimple(state)) state.byId.set(spec.id, made);
	const started = yield* beginOrForget(state, made, now);
	if (!('child' in started) && !('ignored' in started)) children.forget(state, made);
	return answerOf(started);
}

function dynamicMember(state: Children, args: ChildSpec | readonly unknown[]): Member | Refusal {
	if (isArgs(args)) return children.newMember(children.templateOf(state), args);
	return { error: 'simple_one_for_one', detail: 'a dynamic child is started with arguments' };
}

function staticMember(state: Children, given: ChildSpec | readonly unknown[]): Member | Refusal {
	const spec = checkChild(given, state.spec.autoShutdown);
	if ('error' in spec) return spec;
	const known = state.byId.get(spec.id);
	if (!known) return children.newMember(spec);
	const { child } = known;
	if (known.state === 'running' && child) return { error: 'already_started', child };
	return { error: 'already_present' };
}

function isArgs(given: ChildSpec | readonly unknown[]): given is readonly unknown[] {
	return Array.isArray(given);
}

function answerOf(started: Started): StartedChild | Refusal {
	if ('child' in started) {
		const { child, info } = started;
		return info === undefined ? { child } : { child, info };
	}
	if ('ignored' in started) return { child: undefined };
	if ('failed' in started) return { error: 'start_failed', cause: started.failed };
	return { error: 'already_started', child: started.alreadyStarted };
}

/** Stops a child. Its specification stays, unless it is temporary. */
export function* terminateChild(state: Children, key: ChildKey): Rule<Done | Refusal> {
	const isDynamic = children.isSimple(state);
	if (isDynamic && typeof key === 'string') return { error: 'simple_one_for_one' };
	const member = find(state, key);
	if (member) yield* end(state, member);
	// A dynamic child that ended just before the call is no error.
	else if (typeof key === 'string' || key.exitReason === undefined) return { error: 'not_found' };
	return done;
}

/**
 * Starts a stopped child again. This does not count as a restart. If its start answers `ignore`, it
 * stays listed, also a temporary child, which only a change of the specification can have added.
 */
export function* restartChild(
	state: Children,
	id: string,
	now: Instant,
): Rule<StartedChild | Refusal> {
	const member = stoppedMember(state, id);
	return 'error' in member ? member : answerOf(yield* begin(state, member, now));
}

/** Removes the specification of a child that is stopped. */
export function deleteChild(state: Children, id: string): Done | Refusal {
	const member = stoppedMember(state, id);
	if ('error' in member) return member;
	children.forget(state, member);
	return done;
}

function stoppedMember(state: Children, id: string): Member | Refusal {
	if (children.isSimple(state)) return { error: 'simple_one_for_one' };
	const member = state.byId.get(id);
	if (!member) return { error: 'not_found' };
	return member.state === 'stopped' ? member : { error: member.state };
}

function find(state: Children, key: ChildKey): Member | undefined {
	if (typeof key === 'string') return state.byId.get(key);
	return state.byChild.get(key);
}

/** All children, newest first. */
export function whichChildren(state: Children): readonly ChildRow[] {
	return children.membersOf(state).map(rowOf).toReversed();
}

/** One child. */
export function whichChild(state: Children, key: ChildKey): ChildRow | Refusal {
	if (children.isSimple(state) && typeof key === 'string') return { error: 'simple_one_for_one' };
	const member = find(state, key);
	return member ? rowOf(member) : { error: 'not_found' };
}

function rowOf({ spec: { id, type }, child, state, restarts }: Member): ChildRow {
	return { id, child, state, type, restarts };
}

/**
 * The specification of one child, defaults included. Dynamic children have that of their template,
 * which is found by its id, too, and by an actor that has ended.
 */
export function getChildSpec(state: Children, key: ChildKey): CheckedChild | Refusal {
	const member = find(state, key);
	if (member) return member.spec;
	if (!children.isSimple(state)) return { error: 'not_found' };
	const template = children.templateOf(state);
	const isKnown = typeof key === 'string' ? key === template.id : key.exitReason !== undefined;
	return isKnown ? template : { error: 'not_found' };
}

/** Counts the children. */
export function countChildren(state: Children): ChildCounts {
	const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 };
	const isDynamic = children.isSimple(state);
	const members = isDynamic ? state.byChild.values() : state.byId.values();
	for (const member of members) {
		counts.specs += 1;
		if (isActive(member, isDynamic)) counts.active += 1;
		if (member.spec.type === 'supervisor') counts.supervisors += 1;
		else counts.workers += 1;
	}
	return isDynamic ? { ...counts, specs: 1 } : counts;
}

/** As in OTP, static children are looked at; dynamic ones are as their supervisor knows them. */
function isActive({ state, child }: Member, isDynamic: boolean): boolean {
	return state === 'running' && (isDynamic || child?.exitReason === undefined);
}
