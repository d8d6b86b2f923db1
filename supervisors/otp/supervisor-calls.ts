/**
 * The calls of a supervisor: start, stop and list its children.
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
 * The calls of a supervisor. They go through its mailbox and are answered in order; they resolve
 * with what OTP answers, refusals included, and never reject. Of a supervisor that has ended the
 * answer is `noproc`.
 *
 * A child that calls its own supervisor while it starts blocks for ever, as in OTP.
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
	whichChildren(): Promise<readonly ChildRow[] | Refusal>;
	whichChild(key: ChildKey): Promise<ChildRow | Refusal>;
	countChildren(): Promise<ChildCounts | Refusal>;
	/** The specification of a child with its defaults. */
	getChildSpec(key: ChildKey): Promise<CheckedChild | Refusal>;
	/** Takes another specification, see `hot-change.ts`. A dry run only returns the difference. */
	changeSpecs(
		spec: SupervisorSpec | 'ignore',
		options?: { readonly dryRun?: boolean },
	): Promise<SpecDiff | Refusal>;
}

/** The calls of the supervisor that `engine` runs; `send` sends it messages. */
export function callsOf(engine: RuleEngine, send: (message: Message) => void): SupervisorCalls {
	const call = <Result>(work: Pick<Call, 'rule' | 'read'>, noproc: Result): Promise<Result> => {
		if (engine.ended !== undefined) return Promise.resolve(noproc);
		return new Promise((resolve) => {
			const answer = resolve as (result: unknown) => void;
			const open: Call = { rule: work.rule, read: work.read, answer, noproc };
			engine.openCalls.add(open);
			send({ type: 'call', call: open });
		});
	};
	const run = <Result>(
		rule: (state: Children, now: Instant) => Rule<Result>,
		noproc: Result,
	): Promise<Result> => call({ rule }, noproc);
	const read = <Result>(work: (state: Children) => Result, noproc: Result): Promise<Result> =>
		call({ read: work }, noproc);
	const gone: Refusal = { error: 'noproc' };

	return {
		startChild: (given) =>
			run<StartedChild | Refusal>((s, now) => admin.startChild(s, given, now), gone),
		terminateChild: (key) => run<Done | Refusal>((state) => admin.terminateChild(state, key), gone),
		restartChild: (id) =>
			run<StartedChild | Refusal>((s, now) => admin.restartChild(s, id, now), gone),
		deleteChild: (id) => read<Done | Refusal>((state) => admin.deleteChild(state, id), gone),
		whichChildren: () => read<readonly ChildRow[] | Refusal>(admin.whichChildren, gone),
		whichChild: (key) => read<ChildRow | Refusal>((state) => admin.whichChild(state, key), gone),
		countChildren: () => read<ChildCounts | Refusal>(admin.countChildren, gone),
		getChildSpec: (key) =>
			read<CheckedChild | Refusal>((state) => admin.getChildSpec(state, key), gone),
		changeSpecs: (spec, { dryRun = false } = {}) =>
			read<SpecDiff | Refusal>((state) => changeSpecs(state, spec, dryRun), gone),
	};
}
