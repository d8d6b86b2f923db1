/**
 * The rules of supervision, pure: what a supervisor does when a child ends, and in which order it
 * starts and stops its children. They follow OTP's `supervisor.erl` function by function.
 *
 * A rule is a generator. It changes the state of its supervisor and nothing else; everything else
 * it yields as an effect, and the engine passes the answer back. So the rules read like OTP's
 * sequential code, an effect may take time, and tests can answer the effects themselves.
 *
 * @module
 */
import type { SignalFields, SignalType } from '../../runtime/observability/signals.ts';
import type { RestartType, Shutdown } from './child-spec.ts';
import type { Child } from './child.ts';
import { exitText, isExpected, type ExitReason } from './exit-reason.ts';
import { addRestart } from './restart.ts';
import * as children from './children.ts';
import type { Member, Children } from './children.ts';

/** The effect that emits a signal. */
export type Telling = {
	[Type in SignalType]: {
		readonly effect: 'tell';
		readonly type: Type;
		readonly fields: SignalFields[Type];
	};
}[SignalType];

/** An effect that a rule requests. */
export type Effect =
	/** Call the start function; answered with a {@link Started}. */
	| { readonly effect: 'start'; readonly member: Member; readonly args: readonly unknown[] }
	/** Stop the children, all at once, by their shutdown protocol; answered when they have ended. */
	| { readonly effect: 'stop'; readonly children: readonly Child[]; readonly shutdown: Shutdown }
	/** Run {@link tryAgain} later, behind the messages that are waiting already; no answer. */
	| { readonly effect: 'again'; readonly member: Member; readonly isPaused: boolean }
	/** Emit a signal; no answer. */
	| Telling
	/** Emit the crash report of a child that has ended with an error; no answer. */
	| { readonly effect: 'report'; readonly member: Member; readonly reason: Error }
	/** Save the restarts where they survive this process; no answer. */
	| { readonly effect: 'remember' };

/** The result of a start. */
export type Started =
	| { readonly child: Child; readonly info?: unknown }
	| { readonly ignored: true }
	| { readonly failed: Error }
	| { readonly alreadyStarted: Child };

/** The answer to an effect. */
export type Answer = Started | undefined;

/** A rule that returns a `Result`. */
export type Rule<Result> = Generator<Effect, Result, Answer>;

/** Whether the supervisor goes on, or ends with a reason. */
export type Verdict = undefined | { readonly exit: ExitReason };

/** The instant at which a message is handled, in monotonic milliseconds. */
export type Instant = number;

/** The effect that emits this signal. */
export function tell<Type extends SignalType>(type: Type, fields: SignalFields[Type]): Telling {
	return { effect: 'tell', type, fields } as Telling;
}

function report(state: Children, member: Member, [what, detail]: [string, string]): Telling {
	const { name: supervisor } = state.spec;
	return tell('supervisor.report', { supervisor, report: what, child: member.spec.id, detail });
}

/** Starts a member and records the result. Failures are left to the caller. */
export function* begin(state: Children, member: Member, now: Instant): Rule<Started> {
	const isRestart = member.incarnation > 0;
	member.incarnation += 1;
	const { args } = member;
	const started = args
		? ((yield { effect: 'start', member, args }) as Started)
		: { failed: new Error('the arguments were not kept: the child was started as temporary') };
	const { name: supervisor } = state.spec;
	const { id: child, restart } = member.spec;
	if ('child' in started) {
		children.setRunning(state, member, started.child);
		member.startedAtMs = now;
		// It is never started again, and its start function may hold much memory.
		if (restart === 'temporary') children.dropStart(state, member);
		if (isRestart) member.restarts += 1;
		if (isRestart) yield tell('child.restarted', { supervisor, child, restarts: member.restarts });
		else yield tell('child.started', { supervisor, child });
	} else if ('ignored' in started) {
		if (children.isSimple(state)) children.forget(state, member);
		else children.clearChild(state, member);
	}
	return started;
}

/**
 * Like {@link begin}, and removes a temporary child whose start answers `ignore`, since nothing
 * would start it again. Only `restartChild`, which was asked for this child alone, keeps it.
 */
export function* beginOrForget(state: Children, member: Member, now: Instant): Rule<Started> {
	const started = yield* begin(state, member, now);
	if ('ignored' in started && member.spec.restart === 'temporary') children.forget(state, member);
	return started;
}

/** The failure of a start as an error; undefined if it did not fail. */
function failureOf(started: Started): Error | undefined {
	if ('failed' in started) return started.failed;
	if (!('alreadyStarted' in started)) return undefined;
	return new Error(`already started: ${started.alreadyStarted.pid}`);
}

/** Marks a member stopped; stops it first if it runs. */
export function* end(state: Children, member: Member): Rule<void> {
	const { child, spec } = member;
	if (member.state === 'running' && child) {
		// From here on its exit is ignored, even if it ends by itself before it is asked to.
		state.byChild.delete(child);
		yield { effect: 'stop', children: [child], shutdown: spec.shutdown };
		yield* tellStopped(state, member, child);
	}
	if (children.isSimple(state)) children.forget(state, member);
	else if (state.byId.get(spec.id) === member) children.setStopped(state, member);
}

function* tellStopped(state: Children, member: Member, stopped: Child): Rule<void> {
	const { exitReason: reason = 'shutdown' } = stopped;
	const { id: child, shutdown, restart } = member.spec;
	const { name: supervisor } = state.spec;
	yield tell('child.exited', { supervisor, child, reason: exitText(reason) });
	if (reason instanceof Error) yield { effect: 'report', member, reason };
	const asked = shutdown === 'brutal_kill' ? 'killed' : 'shutdown';
	// It may have ended by itself before it was asked or killed: then its own reason counts.
	if (reason === asked || (restart !== 'permanent' && isExpected(reason))) return;
	yield report(state, member, ['shutdown_error', exitText(reason)]);
}

/** Starts the children in order, up to the first failure, which is the result. */
export function* startAll(state: Children, now: Instant): Rule<Failure | undefined> {
	for (const member of state.byId.values()) {
		const error = failureOf(yield* beginOrForget(state, member, now));
		if (!error) continue;
		yield report(state, member, ['start_error', error.message]);
		if (!state.unfinished.delete(member.spec.id)) return { member, error };
		// The child could not be started before this process was killed, either: do not let that stop
		// all its siblings.
		yield* retryLater(state, member);
	}
	return undefined;
}

/** A child whose start failed. */
export interface Failure {
	readonly member: Member;
	readonly error: Error;
}

/** Stops all children: in reverse start order, dynamic ones all at once. */
export function* stopAll(state: Children): Rule<void> {
	if (!children.isSimple(state)) {
		for (const member of [...state.byId.values()].toReversed()) yield* end(state, member);
		return;
	}
	const members: Member[] = [];
	const running: Child[] = [];
	for (const [child, member] of state.byChild) {
		if (member.state !== 'running') continue;
		members.push(member);
		running.push(child);
	}
	state.byChild.clear();
	yield { effect: 'stop', children: running, shutdown: children.templateOf(state).shutdown };
	for (const member of members) if (member.child) yield* tellStopped(state, member, member.child);
}

/**
 * A child has ended. Unless this supervisor stopped it, it may be restarted, or the supervisor
 * ends.
 */
export function* onExit(state: Children, child: Child, event: Exit): Rule<Verdict> {
	const member = state.byChild.get(child);
	if (!member || member.child !== child || member.state !== 'running') return undefined;
	const { reason, now } = event;
	const { name: supervisor } = state.spec;
	const { id, restart } = member.spec;
	state.byChild.delete(child);
	if (now - member.startedAtMs > (state.spec.backoff?.maxMs ?? 0)) member.failures = 0;
	const isFailure = !isExpected(reason);
	yield tell('child.exited', { supervisor, child: id, reason: exitText(reason) });
	if (isFailure || restart === 'permanent') {
		yield report(state, member, ['child_terminated', exitText(reason)]);
	}
	if (reason instanceof Error) yield { effect: 'report', member, reason };
	if (needsRestart(restart, isFailure)) return yield* restartOrGiveUp(state, member, now);
	children.setStopped(state, member);
	return autoShutdown(state, member);
}

/** The exit of a child. */
export interface Exit {
	readonly reason: ExitReason;
	readonly now: Instant;
}

/** Whether the exit of this child, which is not restarted, ends the supervisor. */
function autoShutdown(state: Children, { spec }: Member): Verdict {
	const { autoShutdown } = state.spec;
	if (autoShutdown === 'never' || !spec.significant) return undefined;
	const isLast = () =>
		[...state.byId.values()].every((other) => !other.spec.significant || other.state === 'stopped');
	return autoShutdown === 'any_significant' || isLast() ? { exit: 'shutdown' } : undefined;
}

/** Counts a restart; then restarts, or gives up if the limit is exceeded. */
function* restartOrGiveUp(state: Children, member: Member, now: Instant): Rule<Verdict> {
	const { spec } = state;
	const decision = addRestart(state.restarts, now, spec);
	const { limit, id } = member.spec;
	const own = limit && addRestart(member.counted, now, limit);
	state.restarts = decision.restarts;
	state.restartsInAll += 1;
	if (own) member.counted = own.restarts;
	yield { effect: 'remember' };
	if (!decision.allowed || own?.allowed === false) {
		const reason = 'reached_max_restart_intensity';
		yield report(state, member, ['shutdown', reason]);
		yield tell('supervisor.gaveUp', { supervisor: spec.name, child: id, reason });
		if (children.isSimple(state)) children.forget(state, member);
		else children.setStopped(state, member);
		return { exit: 'shutdown' };
	}
	if (!spec.backoff) return yield* restart(state, member, now);
	yield* retryLater(state, member);
	return undefined;
}

/** Marks a member `restarting`, and schedules another attempt. */
function* retryLater(state: Children, member: Member): Rule<void> {
	member.failures += 1;
	children.setRestarting(state, member);
	yield { effect: 'remember' };
	yield { effect: 'again', member, isPaused: state.spec.backoff !== undefined };
}

/**
 * Another attempt for a child that could not be restarted. With a backoff the attempt has been
 * counted already; else it counts now, as in OTP.
 */
export function* tryAgain(state: Children, member: Member, now: Instant): Rule<Verdict> {
	if (member.state !== 'restarting' || !isListed(state, member)) return undefined;
	if (state.spec.backoff) return yield* restart(state, member, now);
	return yield* restartOrGiveUp(state, member, now);
}

function isListed(state: Children, member: Member): boolean {
	const { child, spec } = member;
	if (!children.isSimple(state)) return state.byId.get(spec.id) === member;
	return child !== undefined && state.byChild.get(child) === member;
}

function needsRestart(restart: RestartType, isFailure: boolean): boolean {
	return restart === 'permanent' || (restart === 'transient' && isFailure);
}

/** Restarts a child, and with it the others that the strategy names. */
function* restart(state: Children, member: Member, now: Instant): Rule<Verdict> {
	const { strategy } = state.spec;
	if (strategy === 'one_for_all' || strategy === 'rest_for_one') {
		return yield* restartGroup(state, member, now);
	}
	if (!children.isSimple(state)) children.setRestarting(state, member);
	const error = failureOf(yield* begin(state, member, now));
	return error ? yield* failedAgain(state, { member, error }, now) : undefined;
}

/** Stops the children that the strategy names, in reverse order, and starts them in order. */
function* restartGroup(state: Children, member: Member, now: Instant): Rule<Verdict> {
	const all = [...state.byId.values()];
	const group = state.spec.strategy === 'one_for_all' ? all : all.slice(all.indexOf(member));
	children.setRestarting(state, member);
	for (const other of group.toReversed()) if (other !== member) yield* end(state, other);
	// Temporary children go with the group: its siblings were forgotten when they were stopped, and
	// so is the child itself if it was made temporary since it ended.
	if (member.spec.restart === 'temporary') children.forget(state, member);
	for (const [index, each] of group.entries()) {
		if (!isListed(state, each)) continue;
		const error = failureOf(yield* beginOrForget(state, each, now));
		if (!error) continue;
		// Those after it wait for the next attempt; the child that ended first may be among them.
		for (const later of group.slice(index + 1)) {
			if (isListed(state, later)) children.setStopped(state, later);
		}
		return yield* failedAgain(state, { member: each, error }, now);
	}
	return undefined;
}

function* failedAgain(state: Children, failure: Failure, now: Instant): Rule<Verdict> {
	const { member, error } = failure;
	yield report(state, member, ['start_error', error.message]);
	// A pause must not hide that the limit is reached: with a backoff, count the attempt before it.
	if (state.spec.backoff) return yield* restartOrGiveUp(state, member, now);
	yield* retryLater(state, member);
	return undefined;
}
