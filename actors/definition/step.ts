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
 * A step starts after the turn that requested it is on disk, and its result is on disk before the
 * machine receives it. Its declaration says what follows if a crash interrupts it.
 *
 * @module
 */
import { fromPromise, type AnyActorLogic, type PromiseActorLogic } from 'xstate';
import { isDelay, realClock, type Clock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/**
 * What follows a death of the node while the step runs. `retry`: run it again with the same
 * idempotency key. `once`: do not; the machine gets an error event with the code `ambiguous`.
 * `reconcile`: {@link StepParts.reconcile} finds out whether it was done.
 */
export type StepCrashPolicy = 'retry' | 'once' | 'reconcile';

/** What a running step may use. */
export interface StepContext {
	/** The same on every retry of this step and unique to it: pass it to the service it calls. */
	readonly idempotencyKey: string;
	/** Aborted when the state that invoked the step is left, its time is over, or the node stops. */
	readonly signal: AbortSignal;
	readonly clock: Clock;
	/** Tells what the step waits for; its failure says so if its time is over meanwhile. */
	warn?(why: ReeveError): void;
}

/** What {@link StepParts.reconcile} found out. */
export type Reconciled<Output> =
	/** It was done, with this output. */
	| { readonly done: Output }
	/** It was not done: run it. */
	| 'retry'
	/** It is unknown whether it was done. */
	| 'ambiguous';

/** The declaration of a step. */
export interface StepParts<Input, Output> {
	/** Does the work. A rejection becomes the error event of the invocation. */
	run(input: Input, context: StepContext): Promise<Output> | Output;
	/** `retry` by default. */
	readonly onCrash?: StepCrashPolicy;
	/** For `onCrash: 'reconcile'`: finds out what became of a step that a crash interrupted. */
	reconcile?(input: Input, context: StepContext): Promise<Reconciled<Output>>;
	/** After this time the signal is aborted, and the step fails with `timed_out`. */
	readonly timeoutMs?: number;
}

/** A step of any input and output. */
export type AnyStep = StepParts<unknown, unknown>;

const steps = new WeakMap<object, AnyStep>();

/**
 * Declares a step. The result is ordinary actor logic: name it in `setup({ actors })` and invoke
 * it. A plain XState actor runs it like a promise, so a machine can be tried without a node.
 */
export function step<Output, Input = undefined>(
	parts: StepParts<Input, Output>,
): PromiseActorLogic<Output, Input> {
	const { onCrash = 'retry', timeoutMs = 0 } = parts;
	const refuse = (why: string): never => {
		throw new ReeveError('bad_declaration', `a step: ${why}`);
	};
	if (!['retry', 'once', 'reconcile'].includes(onCrash)) refuse(`onCrash is ${onCrash}`);
	if (onCrash === 'reconcile' && !('reconcile' in parts))
		refuse('onCrash is reconcile, without a reconcile');
	if (!isDelay(timeoutMs) || timeoutMs < 0) refuse(`timeoutMs is ${String(timeoutMs)}`);
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
