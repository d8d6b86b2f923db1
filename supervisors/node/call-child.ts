/**
 * The call as a child: starts the run of one message under its supervisor, and tells its end.
 *
 * @module
 */
import {
	callLogic,
	type CallEnd,
	type CallInput,
	type RunningCall,
} from '../../actors/inbound/call.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { actorChild, actorOf } from '../otp/actor-child.ts';
import type { ChildSpec, StartContext } from '../otp/child-spec.ts';
import type { Child } from '../otp/child.ts';
import { exitError } from '../otp/exit-reason.ts';
import type { Names } from '../otp/names.ts';
import { supervisorNamed } from '../otp/registered-supervisors.ts';

/** What a call is started with: what it runs, and who waits for its end. */
type CallArgs = readonly [input: CallInput, call: Call];

/** The template of the calls: one running message each. */
export function callTemplate(): ChildSpec {
	const argsOf = ({ args }: Pick<StartContext, 'args'>) => args as CallArgs;
	const start = actorChild({
		logic: callLogic,
		input: (context) => argsOf(context)[0],
		onDone(output, context) {
			if (output) argsOf(context)[1].resolve(output);
		},
		describe: ({ context }) => ({ initialCall: `call of ${context.input.definition.name}` }),
	});
	// The message decides what follows a crash of its call, so the call itself never comes back.
	return { id: 'call', restart: 'temporary', start };
}

/** A call, from the moment at which it is requested. */
class Call implements RunningCall {
	readonly #end = deferred<CallEnd>();
	#child: Child | undefined;
	#isStopped = false;
	#isCancelled = false;

	get ended(): Promise<CallEnd> {
		return this.#end.promise;
	}

	resolve(end: CallEnd): void {
		this.#end.resolve(end);
	}

	reject(thrown: unknown): void {
		this.#end.reject(thrown);
	}

	stop(): void {
		this.#isStopped = true;
		this.#child?.kill();
	}

	cancel(): void {
		this.#isCancelled = true;
		if (this.#child) actorOf(this.#child)?.send({ type: 'CANCEL' });
	}

	/** Its child runs: what was asked of the call before is passed on. */
	started(child: Child): void {
		this.#child = child;
		if (this.#isStopped) child.kill();
		if (this.#isCancelled) this.cancel();
		child.onExit((reason) => {
			// A call that came to its end has resolved by now.
			if (reason === 'normal') return;
			this.reject(typeof reason === 'string' ? new ReeveError('stopping') : exitError(reason));
		});
	}
}

/** Starts calls under the supervisor `calls`. */
export function callStarter(names: Names): (input: CallInput) => RunningCall {
	return (input) => {
		const call = new Call();
		startUnder(names, input, call).catch((thrown: unknown) => call.reject(thrown));
		return call;
	};
}

async function startUnder(names: Names, input: CallInput, call: Call): Promise<void> {
	const args: CallArgs = [input, call];
	const answer = await supervisorNamed(names, 'calls').startChild(args);
	if ('error' in answer) throw answer.cause ?? new ReeveError('stopping', answer.error);
	if (answer.child) call.started(answer.child);
}
