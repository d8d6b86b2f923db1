/**
 * Steps: the side effects of a declared actor, as logic that its machine invokes like a promise.
 *
 * ```ts
 * const charge = step({
 *   onCrash: 'retry',
 *   run: (cents: number, { idempotencyKey }) => bank.charge(cents, idempotencyKey),
 * });
 * ```
 *
 * A step is started only after the turn that asked for it is on disk, and its result is on disk
 * before the machine hears of it. What a crash makes of one that was under way is declared, not
 * guessed.
 *
 * @module
 */
import { fromPromise, type AnyActorLogic, type PromiseActorLogic } from 'xstate';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';

/**
 * What follows a death of the node while the step runs. `retry`: run it again with the same
 * idempotency key. `once`: do not; the machine gets an error event with the code `ambiguous`.
 * `reconcile`: ask {@link StepParts.reconcile} what has become of it.
 */
export type StepCrashPolicy = 'retry' | 'once' | 'reconcile';

/** What a running step may use. */
export interface StepContext {
	/** The same on every retry of this step, and no other step's: hand it to the other side. */
	readonly idempotencyKey: string;
	/** Raised when the state that invoked the step is left, its time is over, or the node stops. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
}

/** What {@link StepParts.reconcile} found out. */
export type Reconciled<Output> =
	/** It was done, and this came of it. */
	| { readonly done: Output }
	/** It was not done: run it. */
	| 'retry'
	/** Nobody can tell. */
	| 'ambiguous';

/** What a step is made of. */
export interface StepParts<Input, Output> {
	/** Does the work. A rejection becomes the error event of the invocation. */
	run(input: Input, context: StepContext): Promise<Output> | Output;
	/** `retry` by default. */
	readonly onCrash?: StepCrashPolicy;
	/** For `onCrash: 'reconcile'`: looks what has become of a step that a crash cut off. */
	reconcile?(input: Input, context: StepContext): Promise<Reconciled<Output>>;
	/** After this long the signal is raised, and the step has failed with `timed_out`. */
	readonly timeoutMs?: number;
}

/** A step whose types are not known any more. */
export type AnyStep = StepParts<unknown, unknown>;

const steps = new WeakMap<object, AnyStep>();

/**
 * Declares a step. The result is ordinary actor logic: name it in `setup({ actors })` and invoke
 * it. In a plain XState actor it runs like a promise, so a machine can be tried out anywhere.
 */
export function step<Output, Input = undefined>(
	parts: StepParts<Input, Output>,
): PromiseActorLogic<Output, Input> {
	const logic = fromPromise<Output, Input>(async ({ input, self, signal }) =>
		parts.run(input, { idempotencyKey: self.sessionId, signal, clock: realClock }),
	);
	steps.set(logic, parts);
	return logic;
}

/** The declaration behind some logic; undefined if it is not a step. */
export function stepOf(logic: AnyActorLogic | undefined): AnyStep | undefined {
	return logic && steps.get(logic);
}
