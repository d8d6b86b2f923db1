/**
 * The call: one run of one method for one message, from its start to its outcome.
 *
 * ```text
 *              RESOLVED, REJECTED
 *   (running) --------------------------------> ((ended))
 *      |  \ CRASHED                                 ^
 *      |   +--> error: the method threw something that is no ReeveError
 *      | DEADLINE: its signal is raised             |
 *      v                RESOLVED, REJECTED          |
 *   (aborting) -------------------------------------+
 *      |                GRACE: it did not listen    |
 *      +--------------------------------------------+
 * ```
 *
 * A synchronous endless loop cannot be interrupted from within its thread. The call promises only
 * that nothing such a method does later has any effect: its outcome is settled without it. A method
 * that is declared with `isolate: 'worker'` has a thread of its own, which is ended.
 *
 * @module
 */
import type { AnyActorRef } from 'xstate';
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import type { Message, Result } from '../../runtime/message/message.ts';
import { asReeveError, ReeveError, type ErrorCode } from '../../runtime/platform/errors.ts';
import type { Chart, Silence } from '../statecharts/chart.ts';
import { compileChart } from '../statecharts/compile.ts';
import { runInWorker } from './worker-call.ts';
import { checkOutputData, type Output } from '../../runtime/message/reply.ts';

/** What a call is made from. */
export interface CallInput {
	readonly definition: MethodDefinition;
	readonly message: Message;
	readonly clock: Clock;
	/** Everything of the method's context but the signal, which is the call's own. */
	readonly context: Omit<MethodContext, 'signal'>;
}

/** How a call ended: what the message's sender is told, and what the method returned. */
export interface CallEnd {
	readonly result: Pick<Result, 'outcome' | 'code' | 'detail'>;
	readonly output?: Output;
}

type CallEvent =
	| { readonly type: 'RESOLVED'; readonly output: Output }
	| { readonly type: 'REJECTED'; readonly error: ReeveError }
	| { readonly type: 'CRASHED'; readonly error: unknown }
	| { readonly type: 'DEADLINE' }
	/** The message is taken back. */
	| { readonly type: 'CANCEL' }
	| { readonly type: 'GRACE' };

interface CallTypes {
	readonly state: 'running' | 'aborting' | 'cancelling' | 'ended';
	readonly context: { readonly input: CallInput; readonly end?: CallEnd };
	readonly input: CallInput;
	readonly event: CallEvent;
	readonly output: CallEnd | undefined;
	readonly emitted: Silence;
}

/** How long a method that was told to end may take to do so. */
const graceMs = 3000;

/** The outcome of what a method returned. A returned code means that it ran and failed. */
function endOf(output: Output): CallEnd {
	const { code, detail } = output;
	if (code === undefined) return { result: { outcome: 'done' }, output };
	return { result: { outcome: 'failed', code, ...(detail ? { detail } : {}) }, output };
}

/** `why`: what the method told when its signal was raised, such as what it had waited for. */
function timedOut({ context }: CallInput, why?: ReeveError): CallEnd['result'] {
	const isOwn = why !== undefined && !aboutSignal.has(why.code);
	const detail = `after ${context.timeoutMs} ms${isOwn ? `: ${why.message}` : ''}`;
	return { outcome: 'failed', code: 'timed_out', detail };
}

/** Codes that only repeat that the signal was raised. */
const aboutSignal: ReadonlySet<ErrorCode> = new Set(['timed_out', 'cancelled', 'killed']);

const cancelled = { end: { result: { outcome: 'cancelled', code: 'cancelled' } } } as const;
const resolved = {
	target: 'ended',
	assign: (_: unknown, { output }: { readonly output: Output }) => ({ end: endOf(output) }),
} as const;
const rejected = {
	target: 'ended',
	assign: (_: unknown, { error: { code, detail } }: { readonly error: ReeveError }) => ({
		end: { result: { outcome: 'failed', code, detail } } as const,
	}),
} as const;
const crashed = {
	assign: (_: unknown, { error }: { readonly error: unknown }): never => {
		throw error;
	},
} as const;

const chart: Chart<CallTypes> = {
	id: 'call',
	initial: 'running',
	context: (input) => ({ input }),
	states: {
		running: {
			on: {
				RESOLVED: resolved,
				REJECTED: rejected,
				CRASHED: crashed,
				DEADLINE: { target: 'aborting' },
				CANCEL: { target: 'cancelling' },
			},
		},
		cancelling: {
			on: {
				// A method that ends normally after all has done its work.
				RESOLVED: resolved,
				REJECTED: {
					target: 'ended',
					assign: (context, { error }) =>
						error.code === 'cancelled' ? cancelled : rejected.assign(context, { error }),
				},
				CRASHED: crashed,
				GRACE: { target: 'ended', assign: () => cancelled },
			},
		},
		aborting: {
			on: {
				// Its output is kept, but it has timed out, unless it is a method that runs until then.
				RESOLVED: {
					target: 'ended',
					assign: ({ input }, { output }) => ({
						end: input.definition.untilTimeout
							? endOf(output)
							: { result: timedOut(input), output },
					}),
				},
				REJECTED: {
					target: 'ended',
					assign: ({ input }, { error }) => ({ end: { result: timedOut(input, error) } }),
				},
				CRASHED: crashed,
				GRACE: {
					target: 'ended',
					assign: ({ input }) => ({ end: { result: timedOut(input) } }),
				},
			},
		},
		ended: { final: true, output: ({ end }) => end },
	},
};

/** The resources of one running call, released at its end. */
interface Work {
	/** Made when the method asks for its signal, which most do not. */
	controller?: AbortController;
	/** Why the signal is raised, once it is. */
	why?: ErrorCode;
	timer?: Timer;
	/** Ends the thread of an isolated method. */
	kill?: () => void;
}

const works = new WeakMap<AnyActorRef, Work>();

function signalOf(work: Work): AbortSignal {
	work.controller ??= new AbortController();
	if (work.why) work.controller.abort(new ReeveError(work.why));
	return work.controller.signal;
}

/** Raises the signal. The first reason counts. */
function raise(work: Work, why: ErrorCode): void {
	work.why ??= why;
	work.controller?.abort(new ReeveError(why));
}

const compiled = compileChart(chart);

/** Starts the method; its end, however it comes, is sent to the call as an event. */
function launch(self: AnyActorRef, { definition, message, context, clock }: CallInput): void {
	const work: Work = {};
	works.set(self, work);
	work.timer = deadline(clock, context.timeoutMs, () => {
		self.send({ type: 'DEADLINE' });
		raise(work, 'timed_out');
		work.timer = clock.after(graceMs, () => self.send({ type: 'GRACE' }));
	});
	const isLive = () => works.get(self) === work;
	const run = async () => {
		const whole = fenced(context, { signal: () => signalOf(work), isLive });
		if (definition.isolate !== 'worker') return await definition.run(message, whole);
		const { output, kill } = runInWorker(definition, message, whole);
		work.kill = kill;
		return await output;
	};
	run()
		.then(checkOutput)
		.then(
			(output) => self.send({ type: 'RESOLVED', output }),
			(error: unknown) =>
				self.send(
					error instanceof ReeveError ? { type: 'REJECTED', error } : { type: 'CRASHED', error },
				),
		);
}

/**
 * Checks what a method returned, which may be written without types. Another node would refuse a
 * malformed reply, and the sender would never learn how its message ended.
 */
function checkOutput(output: unknown): Output {
	const { data, code, exitCode, stderr, detail } = Object(output ?? {}) as Output;
	const isText = (value: unknown) => value === undefined || typeof value === 'string';
	const isFine =
		(typeof output === 'object' || output === undefined) &&
		(isText(data) || data instanceof Uint8Array) &&
		[code, stderr, detail].every(isText) &&
		(exitCode === undefined || Number.isInteger(exitCode));
	if (!isFine) throw new TypeError('the method returned something that is no output');
	checkOutputData(data);
	return output ?? {};
}

/** The context of a run. It has no effect any more when the call is over. */
function fenced(
	context: CallInput['context'],
	{ signal, isLive }: { readonly signal: () => AbortSignal; readonly isLive: () => boolean },
): MethodContext {
	return {
		...context,
		get signal() {
			return signal();
		},
		async reply(data, progress) {
			if (isLive()) await context.reply(data, progress);
		},
		async note(progress) {
			if (isLive()) await context.note(progress);
		},
		async ask(asked) {
			if (!isLive()) throw new ReeveError('killed', 'the call is over');
			return context.ask(asked, signal());
		},
		print(text) {
			const printed = isLive() ? untilAborted(context.print(text), signal()) : Promise.resolve();
			// A method need not wait for it.
			printed.catch(() => {});
			return printed;
		},
		async dataFile(...parts) {
			if (!isLive()) throw new ReeveError('killed', 'the call is over');
			return context.dataFile(...parts);
		},
	};
}

/** The same promise, which rejects with the reason of the signal if that is raised first. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const stop = () => reject(asReeveError(signal.reason, 'stopping'));
		if (signal.aborted) stop();
		signal.addEventListener('abort', stop, { once: true });
		const end = () => signal.removeEventListener('abort', stop);
		work.then(resolve, reject).finally(end);
	});
}

/**
 * Raises the signal of a call that was taken back; its method gets the same grace to end as one
 * that is too slow.
 */
function abort(self: AnyActorRef, { clock }: CallInput): void {
	const work = works.get(self);
	if (!work) return;
	work.timer?.cancel();
	work.timer = clock.after(graceMs, () => self.send({ type: 'GRACE' }));
	raise(work, 'cancelled');
}

/** Releases the resources of a call that is over, however it ended. */
function release(self: AnyActorRef): void {
	const work = works.get(self);
	if (!work) return;
	work.timer?.cancel();
	work.kill?.();
	raise(work, 'stopping');
	works.delete(self);
}

/** The call as actor logic: `createActor(callLogic, { input })`. Stopping it raises the signal. */
export const callLogic: typeof compiled = {
	...compiled,
	start(snapshot, { self }) {
		if (snapshot.status === 'active') launch(self, snapshot.context.input);
	},
	transition(snapshot, event, scope) {
		const isOver = (status: string) => status !== 'active';
		try {
			const next = compiled.transition(snapshot, event, scope);
			if (isOver(next.status)) release(scope.self);
			else if (event.type === 'CANCEL' && snapshot.value === 'running') {
				abort(scope.self, snapshot.context.input);
			}
			return next;
		} catch (thrown) {
			release(scope.self);
			throw thrown;
		}
	},
};

/** A call under way. */
export interface RunningCall {
	/** Rejects if the method crashed, or the call was stopped before it ended. */
	readonly ended: Promise<CallEnd>;
	/** Raises the method's signal and forgets the call. */
	stop(): void;
	/** Raises the method's signal because the message was taken back; the call then ends soon. */
	cancel(): void;
}
