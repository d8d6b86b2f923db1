/**
 * The engine: runs a supervisor's rules, one message at a time. While an effect takes its time, the
 * messages that come wait, as they do in a process's mailbox.
 *
 * @module
 */
import type { CheckedSupervisor } from './child-spec.ts';
import type { Child } from './child.ts';
import { print } from './crash-report.ts';
import { createEffects, type EffectParts } from './effects.ts';
import type { ExitReason } from './exit-reason.ts';
import { keepBudget, recallBudget } from './restart-budget.ts';
import { createRoster, isSimple, type Member, type Roster } from './roster.ts';
import * as rules from './rules.ts';
import type { Answer, Failure, Instant, Rule, Verdict } from './rules.ts';

/** What can be brought to a supervisor. */
export type Message =
	/** The first message: start the children. */
	| { readonly type: 'init'; readonly fail: (failure: Failure) => void; readonly ready: () => void }
	| { readonly type: 'exit'; readonly child: Child; readonly reason: ExitReason }
	| { readonly type: 'again'; readonly member: Member }
	| { readonly type: 'stop'; readonly reason: ExitReason }
	| { readonly type: 'call'; readonly call: Call }
	/** An effect has come to its end. */
	| { readonly type: 'resume'; readonly ticket: number; readonly answer: Answer };

/** A question to the supervisor, with the way back. */
export interface Call {
	/** Answers at once, or with a rule. It is responsible for calling back. */
	work(state: Roster, now: Instant): Rule<void> | void;
	/** The supervisor has ended, and will not answer. */
	refuse(): void;
}

/** What an engine works with. */
export interface EngineParts extends Omit<EffectParts, 'exited' | 'again'> {
	readonly spec: CheckedSupervisor;
	/** Brings a message to this engine, behind those that are waiting. */
	readonly send: (message: Message) => void;
}

/** An engine. */
export interface Engine {
	readonly state: Roster;
	/** The reason, once the supervisor has ended. */
	readonly ended: ExitReason | undefined;
	take(message: Message): void;
	/** Calls without an answer; they are refused when the supervisor ends. */
	readonly openCalls: Set<Call>;
	/** Ends at once: kills all children, and abandons the start or stop under way. */
	kill(reason: ExitReason): void;
}

/** Creates the engine of one supervisor. It does nothing until it is given `init`. */
export function createEngine(parts: EngineParts): Engine {
	const { spec, clock, send } = parts;
	const state = createRoster(spec);
	recallBudget(state, parts);
	const effects = createEffects(state, {
		...parts,
		exited: (child, reason) => send({ type: 'exit', child, reason }),
		again: (member) => send({ type: 'again', member }),
	});
	const waiting: Message[] = [];
	const openCalls = new Set<Call>();
	let current: Rule<Verdict> | undefined;
	let ended: ExitReason | undefined;
	let ticket = 0;

	const close = (reason: ExitReason): readonly Child[] => {
		ended = reason;
		current = undefined;
		waiting.length = 0;
		for (const call of openCalls) call.refuse();
		openCalls.clear();
		return effects.abandon();
	};

	/** Runs the current rule until it ends, or until an effect takes its time. */
	const drive = (first: Answer): void => {
		let next: { answer: Answer } | undefined = { answer: first };
		while (next && current) {
			const step: IteratorResult<rules.Effect, Verdict> = current.next(next.answer);
			next = undefined;
			if (step.done) {
				current = undefined;
				if (!step.value) return;
				keepBudget(state, { ...parts, spec: state.spec });
				close(step.value.exit);
				return;
			}
			const mine = (ticket += 1);
			let isReturned = false;
			effects.perform(step.value, (answer) => {
				if (isReturned) send({ type: 'resume', ticket: mine, answer });
				else next = { answer };
			});
			isReturned = true;
		}
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
			while (!current && waiting.length > 0) {
				current = ruleOf(state, waiting.shift()!, clock.monotonic());
				drive(undefined);
			}
		},
		kill(reason) {
			if (ended !== undefined) return;
			const running = [...state.byChild.keys()];
			for (const child of [...running, ...close(reason)]) child.kill();
		},
	};
}

/** The rule for a message; it ends with the children stopped if the supervisor is to end. */
function* ruleOf(state: Roster, message: Message, now: Instant): Rule<Verdict> {
	const verdict = yield* handle(state, message, now);
	if (verdict) yield* rules.stopAll(state);
	return verdict;
}

function* handle(state: Roster, message: Message, now: Instant): Rule<Verdict> {
	switch (message.type) {
		case 'init':
			return yield* init(state, message, now);
		case 'exit':
			return yield* rules.onExit(state, message.child, { reason: message.reason, now });
		case 'again':
			return yield* rules.tryAgain(state, message.member, now);
		case 'stop':
			return { exit: message.reason };
		case 'call':
			yield* message.call.work(state, now) ?? [];
			return undefined;
		default: {
			// Whoever holds the actor can send it anything. OTP logs that, and goes on.
			const { name: supervisor } = state.spec;
			const detail = print(message);
			yield* rules.tell('supervisor.report', { supervisor, report: 'unexpected_message', detail });
			return undefined;
		}
	}
}

function* init(
	state: Roster,
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
