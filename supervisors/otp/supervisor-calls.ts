/**
 * The calls of a supervisor: how others ask it to start, stop and list children.
 *
 * @module
 */
import * as admin from './child-management.ts';
import type {
	ChildCounts,
	ChildKey,
	ChildRow,
	Done,
	Refusal,
	StartedChild,
} from './child-management.ts';
import type { CheckedChild, ChildSpec, SupervisorSpec } from './child-spec.ts';
import type { Call, RuleEngine, Message } from './rule-engine.ts';
import { changeSpecs, type SpecDiff } from './hot-change.ts';
import type { Children } from './children.ts';
import type { Instant, Rule } from './rules.ts';

/**
 * What can be asked of a supervisor. Calls go through its mailbox and are answered in order; they
 * resolve with what OTP answers, refusals included, and never reject. A supervisor that has ended
 * answers `noproc`, and has no children.
 *
 * A child that asks its own supervisor while it starts waits for itself, as in OTP.
 */
export interface SupervisorCalls {
	/** Adds and starts a child; under `simple_one_for_one`, starts one with these arguments. */
	startChild(given: ChildSpec | readonly unknown[]): Promise<StartedChild | Refusal>;
	/** Stops a child, and keeps its specification unless it is temporary. */
	terminateChild(key: ChildKey): Promise<Done | Refusal>;
	/** Starts a stopped child again. */
	restartChild(id: string): Promise<StartedChild | Refusal>;
	/** Forgets a stopped child. */
	deleteChild(id: string): Promise<Done | Refusal>;
	/** All children, newest first. */
	whichChildren(): Promise<readonly ChildRow[]>;
	whichChild(key: ChildKey): Promise<ChildRow | Refusal>;
	countChildren(): Promise<ChildCounts>;
	/** The specification of a child with its defaults. */
	getChildSpec(key: ChildKey): Promise<CheckedChild | Refusal>;
	/** Takes another specification, see `hot-change.ts`. A dry run only tells the difference. */
	changeSpecs(
		spec: SupervisorSpec | 'ignore',
		options?: { readonly dryRun?: boolean },
	): Promise<SpecDiff | Refusal>;
}

/** The calls of the supervisor that `engine` runs; `send` brings it messages. */
export function callsOf(engine: RuleEngine, send: (message: Message) => void): SupervisorCalls {
	const bring = <Result>(work: Pick<Call, 'rule' | 'read'>, noproc: Result): Promise<Result> => {
		if (engine.ended !== undefined) return Promise.resolve(noproc);
		return new Promise((resolve) => {
			const answer = resolve as (result: unknown) => void;
			const call: Call = { rule: work.rule, read: work.read, answer, noproc };
			engine.openCalls.add(call);
			send({ type: 'call', call });
		});
	};
	const ask = <Result>(
		rule: (state: Children, now: Instant) => Rule<Result>,
		noproc: Result,
	): Promise<Result> => bring({ rule }, noproc);
	const tell = <Result>(read: (state: Children) => Result, noproc: Result): Promise<Result> =>
		bring({ read }, noproc);
	const gone: Refusal = { error: 'noproc' };
	const nobody: ChildCounts = { specs: 0, active: 0, supervisors: 0, workers: 0 };

	return {
		startChild: (given) =>
			ask<StartedChild | Refusal>((s, now) => admin.startChild(s, given, now), gone),
		terminateChild: (key) => ask<Done | Refusal>((state) => admin.terminateChild(state, key), gone),
		restartChild: (id) =>
			ask<StartedChild | Refusal>((s, now) => admin.restartChild(s, id, now), gone),
		deleteChild: (id) => tell<Done | Refusal>((state) => admin.deleteChild(state, id), gone),
		whichChildren: () => tell(admin.whichChildren, []),
		whichChild: (key) => tell<ChildRow | Refusal>((state) => admin.whichChild(state, key), gone),
		countChildren: () => tell(admin.countChildren, nobody),
		getChildSpec: (key) =>
			tell<CheckedChild | Refusal>((state) => admin.getChildSpec(state, key), gone),
		changeSpecs: (spec, { dryRun = false } = {}) =>
			tell<SpecDiff | Refusal>((state) => changeSpecs(state, spec, dryRun), gone),
	};
}
