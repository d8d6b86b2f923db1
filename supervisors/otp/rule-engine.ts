/**
 * The engine runs a supervisor's rules, one message at a time. While an effect is in progress,
 * further messages wait, as in the mailbox of an Erlang process.
 *
 * @module
 */
import type { CheckedSupervisor } from './child-spec.ts';
import type { Child } from './child.ts';
import { print } from './crash-report.ts';
import { createEffects, type EffectParts } from './rule-effects.ts';
import type { ExitReason } from './exit-reason.ts';
import { keepBudget, recallBudget } from './restart-budget.ts';
import { createChildren, isSimple, type Member, type Children } from './children.ts';
import * as rules from './rules.ts';
import type { Answer, Failure, Instant, Rule, Verdict } from './rules.ts';

/** A message to a supervisor. */
export type Message =
	/** The first message: start the children. */
	| { readonly type: 'init'; readonly fail: (failure: Failure) => void; readonly ready: () => void }
	| { readonly type: 'exit'; readonly child: Child; readonly reason: ExitReason }
	| { readonly type: 'again'; readonly member: Member }
	| { readonly type: 'stop'; readonly reason: ExitReason }
	| { readonly type: 'call'; readonly call: Call }
	/** An effect has ended. */
	| { readonly type: 'resume'; readonly ticket: number; readonly answer: Answer };

type Waiting = Exclude<Message, { type: 'resume' }>;

/** A call to the supervisor, with the function that takes its answer. */
export interface Call {
	/** The rule that finds the answer; or, if the state of the children is enough, `read`. */
	readonly rule?: (state: Children, now: Instant) => Rule<unknown>;
	readonly read?: (state: Children) => unknown;
	readonly answer: (result: unknown) => void;
	/** The answer if the supervisor has ended. */
	readonly noproc: unknown;
}

/** What an engine works with. */
export interface RuleEngineParts extends Omit<EffectParts, 'exited' | 'again'> {
	readonly spec: CheckedSupervisor;
	/** Sends a message to this engine, behind those that are waiting. */
	readonly send: (message: Message) => void;
}

/** An engine. */
export interface RuleEngine {
	readonly state: Children;
	/** The reason, once the supervisor has ended. */
	readonly ended: ExitReason | undefined;
	take(message: Message): void;
	/** Calls without an answer yet; they get `noproc` when the supervisor ends. */
	readonly openCalls: Set<Call>;
	/** Ends at once: kills all children, and abandons the start or stop in progress. */
	kill(reason: ExitReason): void;
}

/** Creates the engine of one supervisor. It does nothing until it is given `init`. */
export function createRuleEngine(parts: RuleEngineParts): RuleEngine {
	const { spec, clock, send } = parts;
	const state = createChildren(spec);
	recallBudget(state, parts);
	const effects = createEffects(state, {
		...parts,
		exited: (child, reason) => send({ type: 'exit', child, reason }),
		again: (member) => send({ type: 'again', member }),
	});
	const waiting: Waiting[] = [];
	const openCalls = new Set<Call>();
	/** The rule in progress, and what takes its result. */
	let current: Rule<unknown> | undefined;
	let conclude: (result: unknown) => void = end;
	let ended: ExitReason | undefined;
	let ticket = 0;

	const close = (reason: ExitReason): readonly Child[] => {
		ended = reason;
		current = undefined;
		waiting.length = 0;
		for (const call of openCalls) call.answer(call.noproc);
		openCalls.clear();
		return effects.abandon();
	};
	/** Takes the verdict of a rule; if it is an exit, stops all children first. */
	function end(verdict: unknown): void {
		if (!verdict) return;
		const { exit } = verdict as NonNullable<Verdict>;
		begin(rules.stopAll(state), () => {
			keepBudget(state, { ...parts, spec: state.spec });
			close(exit);
		});
	}
	const begin = (rule: Rule<unknown>, then: (result: unknown) => void): void => {
		current = rule;
		conclude = then;
		drive(undefined);
	};
	const drive = (first: Answer): void => {
		let answer = first;
		while (current) {
			const step = current.next(answer);
			if (step.done) {
				const then = conclude;
				// Release the generator: it may hold the arguments of a child.
				current = undefined;
				conclude = end;
				then(step.value);
				return;
			}
			const result = effects.perform(step.value);
			if (typeof result === 'function') {
				const mine = (ticket += 1);
				result((late) => send({ type: 'resume', ticket: mine, answer: late }));
				return;
			}
			answer = result;
		}
	};
	const handle = (message: Waiting): void => {
		if (message.type === 'stop') {
			end({ exit: message.reason });
			return;
		}
		if (message.type !== 'call') {
			begin(ruleOf(state, message, clock.monotonic()), end);
			return;
		}
		const { call } = message;
		const reply = (result: unknown): void => {
			openCalls.delete(call);
			call.answer(result);
		};
		if (call.rule) begin(call.rule(state, clock.monotonic()), reply);
		else reply(call.read?.(state));
	};

	return {
		state,
		openCalls,
		get ended() {
			return ended;
		},
		take(message) {
			if (ended !== undefined) return;
			if (message.type !== 'resume') waiting.push(message);
			else if (message.ticket === ticket) drive(message.answer);
			while (!current && waiting.length > 0) handle(waiting.shift()!);
		},
		kill(reason) {
			if (ended !== undefined) return;
			const running = [...state.byChild.keys()];
			for (const child of [...running, ...close(reason)]) child.kill();
		},
	};
}

/** The rule for a message. */
function ruleOf(
	state: Children,
	message: Exclude<Waiting, { type: 'call' | 'stop' }>,
	now: Instant,
): Rule<Verdict> {
	switch (message.type) {
		case 'init':
			return init(state, message, now);
		case 'exit':
			return rules.onExit(state, message.child, { reason: message.reason, now });
		case 'again':
			return rules.tryAgain(state, message.member, now);
		default:
			return unexpected(state, message);
	}
}

/** Other code can send the actor anything. As in OTP, that is logged and ignored. */
function* unexpected(state: Children, message: unknown): Rule<Verdict> {
	const { name: supervisor } = state.spec;
	const report = { supervisor, report: 'unexpected_message', detail: print(message) };
	yield rules.tell('supervisor.report', report);
	return undefined;
}

function* init(
	state: Children,
	{ fail, ready }: Extract<Message, { type: 'init' }>,
	now: Instant,
): Rule<Verdict> {
	const failure = isSimple(state) ? undefined : yield* rules.startAll(state, now);
	if (!failure) {
		ready();
		return undefined;
	}
	fail(failure);
	return { exit: { shutdown: { failedToStartChild: failure.member.spec.id } } };
}
