/**
 * The step runner: runs the steps of one actor's instances, at most `stepsMax` at a time, and
 * writes the result of each before its machine receives it.
 *
 * A row of the table `steps` is written by the turn that requests the step and removed by the turn
 * that takes its result, or that leaves its state. So every row that a new process finds is a step
 * that has not run, that a crash interrupted, or whose result was not taken.
 *
 * @module
 */
import type { AnyActorLogic } from 'xstate';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { askedByOf, noPrincipals } from '../../runtime/message/principal.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import type { Config } from '../../runtime/config/config.ts';
import { ReeveError, traceOf, type ErrorCode, reasonOf } from '../../runtime/platform/errors.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { durable, packDurable, unpackDurable } from '../definition/durable-value.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { stepOf, type AnyStep, type StepContext } from '../definition/step.ts';
import { scanSteps, stepChange, type StepRow } from '../turn/step-rows.ts';
import { plainly, type RunAs, type StepName, type TurnSteps } from '../turn/turn-draft.ts';
import { deferred, type Deferred } from '../../runtime/platform/deferred.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** The result of a step. */
export type StepResult =
	| { readonly output: unknown }
	| { readonly error: { readonly message: string; readonly code: string } };

/** What a step runner needs. */
export interface StepRunnerParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	/** Where specs let the node die, see `crash-points.ts`. */
	readonly passPoint?: PassPoint;
	/** Finds the step of an error that is not caught. */
	readonly runAs?: RunAs;
	/** Hands the result of a step to its instance. */
	readonly ended: (name: StepName, result: StepResult) => void;
}

/** The runner that {@link createStepRunner} makes. */
export interface StepRunner extends TurnSteps {
	/** Resumes the steps that earlier processes have left. */
	resume(): void;
	running(): number;
	/** Gives running steps `graceMs`, then aborts them; later results are dropped. */
	stop(graceMs: number): Promise<void>;
}

/** A step that waits to run, or runs. */
interface Job extends StepName {
	readonly src: string;
	readonly input: unknown;
	/** The row that an earlier process has left, if this is not the first run. */
	left?: StepRow;
}

/** Whether a step may be the reason why an earlier process has died, see {@link StepRow.starts}. */
function mayHaveKilled({ left }: Job): boolean {
	return (left?.starts ?? 0) > 0;
}

interface Running {
	readonly abort: AbortController;
	readonly job: Job;
	readonly runsAlone: boolean;
}

/** Creates the runner of one actor. */
export function createStepRunner(parts: StepRunnerParts): StepRunner {
	const { definition, journal, clock, config, signals, runAs = plainly } = parts;
	const { name: actor } = definition;
	const logics = definition.machine.implementations.actors as Record<string, AnyActorLogic>;
	const waiting = new Map<string, Job>();
	const running = new Map<string, Running>();
	let isStopped = false;
	let idle: Deferred | undefined;

	const placeOf = ({ key, stepId }: Pick<StepName, 'key' | 'stepId'>) => ({ actor, key, stepId });
	const newRow = (name: StepName, src: string, input: unknown): StepRow => {
		const { child, isInvoked, askedBy = noPrincipals } = name;
		const packed = packDurable(input);
		const marked = isInvoked ? { isInvoked } : {};
		return { child, src, input: packed, ...marked, ...askedByOf(askedBy) };
	};
	const rowOf = (job: Job): StepRow => job.left ?? newRow(job, job.src, job.input);

	/** Writes the result, and hands it on at once: its turn commits after this or with it. */
	const file = (job: Job, given: StepResult): void => {
		if (isStopped || !running.has(job.stepId)) return;
		const { result, bytes } = storable(given, config.messageBytesMax);
		const value: StepRow = { ...rowOf(job), result: bytes };
		journal.commit([stepChange(placeOf(job), value)], 'committed').catch(ignoreIfFenced);
		const outcome = 'error' in result ? result.error.code : 'done';
		const { key, stepId, src: step } = job;
		signals.emit('step.ended', { actor, key, step, stepId, outcome });
		parts.ended(job, result);
	};

	/** Notes one more start of a step that an earlier process has left; the row as it is then. */
	const noteStart = async (job: Job, left: StepRow): Promise<void> => {
		job.left = { ...left, starts: (left.starts ?? 0) + 1 };
		await journal.commit([stepChange(placeOf(job), job.left)]);
	};
	/** A stop is no death: a step that it interrupts counts none. */
	const forgetStart = ({ job }: Running): void => {
		const { left } = job;
		if (!left?.starts) return;
		const value: StepRow = { ...left, starts: left.starts - 1 };
		journal.commit([stepChange(placeOf(job), value)], 'committed').catch(ignoreIfFenced);
	};

	const run = async (
		job: Job,
		abort: AbortController,
		warn: (why: ReeveError) => void,
	): Promise<StepResult> => {
		const step = stepOf(logics[job.src]);
		if (!step) return failure('unknown_method', `the machine has no step ${job.src}`);
		const { left } = job;
		// The first start is not noted: it was that of the process which made the row.
		if (left && (left.starts ?? 0) + 1 >= config.attemptsMax) {
			return failure('max_attempts', 'the process died each time while it ran');
		}
		if (left) await noteStart(job, left);
		if (abort.signal.aborted) return failure('cancelled', '');
		const context: StepContext = {
			idempotencyKey: `${journal.storeId}:${job.stepId}`,
			signal: abort.signal,
			clock,
			warn,
		};
		const verdict = await reconciled(step, job, context);
		if (verdict) return verdict;
		if ((step.onCrash ?? 'retry') !== 'retry') {
			const value: StepRow = { ...rowOf(job), begunBy: journal.epoch };
			await journal.commit([stepChange(placeOf(job), value)]);
		}
		if (abort.signal.aborted) return failure('cancelled', '');
		const { key, stepId, src } = job;
		signals.emit('step.started', { actor, key, step: src, stepId });
		const output = await step.run(job.input, context);
		parts.passPoint?.('step.ran');
		return { output };
	};

	const begin = (job: Job): void => {
		const abort = new AbortController();
		running.set(job.stepId, { abort, job, runsAlone: mayHaveKilled(job) });
		let wait = '';
		const timeoutMs = stepOf(logics[job.src])?.timeoutMs ?? config.stepTimeout * 1000;
		const timer = deadline(clock, timeoutMs, () => {
			abort.abort();
			end(failure('timed_out', `after ${timeoutMs} ms${wait}`));
		});
		const end = (result: StepResult): void => {
			timer.cancel();
			file(job, result);
			running.delete(job.stepId);
			if (running.size === 0) idle?.resolve();
			next();
		};
		const warn = (why: ReeveError): void => {
			wait = `: ${why.message}`;
		};
		const fail = (thrown: unknown): void => {
			if (running.get(job.stepId)?.abort === abort) {
				abort.abort();
				end(failureOf(thrown));
				return;
			}
			// The step has ended, and its result stays what it is.
			const about = { actor, key: job.key, event: `step ${job.src}`, recovery: 'resume' } as const;
			signals.emit('instance.failed', { ...about, detail: traceOf(thrown), attempts: 1 });
		};
		runAs({ fail }, () => run(job, abort, warn)).then(end, (thrown: unknown) =>
			end(failureOf(thrown)),
		);
	};

	const next = (): void => {
		let isAlone = [...running.values()].some(({ runsAlone }) => runsAlone);
		for (const [stepId, job] of waiting) {
			if (isStopped || running.size >= config.stepsMax) return;
			// They run one after the other, so that the deaths of one are not counted against all.
			if (isAlone && mayHaveKilled(job)) continue;
			isAlone ||= mayHaveKilled(job);
			waiting.delete(stepId);
			begin(job);
		}
	};
	const take = (job: Job): void => {
		waiting.set(job.stepId, job);
		next();
	};

	return {
		put: (name, src, input) => stepChange(placeOf(name), newRow(name, src, input)),
		start: (name, src, input) => take({ ...name, src, input }),
		remove: (name) => stepChange(placeOf(name)),
		cancel(stepId) {
			waiting.delete(stepId);
			const abort = running.get(stepId)?.abort;
			// Removed from `running`, its result will be dropped.
			running.delete(stepId);
			abort?.abort();
			if (running.size === 0) idle?.resolve();
			next();
		},
		resume() {
			for (const { key, stepId, row: left } of scanSteps(journal, actor)) {
				const { child, src, result, askedBy = noPrincipals } = left;
				const name = { key, stepId, child, ...askedByOf(askedBy) };
				if (result) parts.ended(name, unpackDurable(result) as StepResult);
				else take({ ...name, src, input: unpackDurable(left.input), left });
			}
		},
		running: () => running.size + waiting.size,
		async stop(graceMs) {
			waiting.clear();
			// A host that was replaced must have no effect from this call on, so there is no wait.
			if (graceMs > 0 && running.size > 0) {
				idle = deferred();
				await Promise.race([idle.promise, pause(clock, graceMs)]);
			}
			isStopped = true;
			for (const each of running.values()) {
				if (graceMs > 0) forgetStart(each);
				each.abort.abort();
			}
		},
	};
}

/** The result of a step that a crash interrupted; undefined if it must run. */
async function reconciled(
	step: AnyStep,
	{ left, input }: Job,
	context: StepContext,
): Promise<StepResult | undefined> {
	if (left?.begunBy === undefined) return undefined;
	if (step.onCrash === 'retry') return undefined;
	if (!step.reconcile) return failure('ambiguous', 'the node died while it ran');
	const verdict = await step.reconcile(input, context);
	if (context.signal.aborted) return failure('cancelled', '');
	if (verdict === 'retry') return undefined;
	if (verdict === 'ambiguous') return failure('ambiguous', 'reconcile could not decide it');
	return { output: verdict.done };
}

function failure(code: ErrorCode, message: string): StepResult {
	return { error: { code, message } };
}

/** The error as plain data, so that a machine receives the same after a restart. */
function failureOf(thrown: unknown): StepResult {
	if (thrown instanceof ReeveError) return failure(thrown.code, thrown.detail);
	const message = reasonOf(thrown);
	return { error: { code: 'failed', message } };
}

/** A result that can be stored, and its bytes. */
function storable(result: StepResult, bytesMax: number): { result: StepResult; bytes: Uint8Array } {
	try {
		const own = 'error' in result ? result : { output: durable(result.output, 'the output') };
		const bytes = packDurable(own);
		if (bytes.byteLength <= bytesMax) return { result: own, bytes };
		const large = failure('output_too_large', `${bytes.byteLength} bytes`);
		return { result: large, bytes: packDurable(large) };
	} catch (thrown) {
		const failed = failureOf(thrown);
		return { result: failed, bytes: packDurable(failed) };
	}
}
