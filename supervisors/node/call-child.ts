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
	});
	// The message decides what follows a crash of its call, so the call itself never comes back.
	return { id: 'call', restart: 'temporary', start };
}

/** A call, from the moment at which it is asked for. */
interface Call extends RunningCall {
	ended: Promise<CallEnd>;
	resolve: (end: CallEnd) => void;
	reject: (thrown: unknown) => void;
	child: Child | undefined;
	isStopped: boolean;
	isCancelled: boolean;
}

/** Starts calls under the supervisor `calls`. */
export function callStarter(names: Names): (input: CallInput) => RunningCall {
	return (input) => {
		// There is one for each message: its functions are shared.
		const call = Object.create(methods) as { -readonly [Key in keyof Call]: Call[Key] };
		call.child = undefined;
		call.isStopped = false;
		call.isCancelled = false;
		call.ended = new Promise<CallEnd>((resolve, reject) => {
			call.resolve = resolve;
			call.reject = reject;
		});
		startUnder(names, input, call).catch(call.reject);
		return call;
	};
}

async function startUnder(names: Names, input: CallInput, call: Call): Promise<void> {
	const args: CallArgs = [input, call];
	const answer = await supervisorNamed(names, 'calls').startChild(args);
	if ('error' in answer) throw answer.cause ?? new ReeveError('stopping', answer.error);
	if (answer.child) watch(call, answer.child);
}

function watch(call: Call, child: Child): void {
	call.child = child;
	if (call.isStopped) child.kill();
	if (call.isCancelled) call.cancel();
	child.onExit((reason) => {
		// A call that came to its end has resolved by now.
		if (reason === 'normal') return;
		call.reject(typeof reason === 'string' ? new ReeveError('stopping') : exitError(reason));
	});
}

const methods: Pick<Call, 'stop' | 'cancel'> & ThisType<Call> = {
	stop() {
		this.isStopped = true;
		this.child?.kill();
	},
	cancel() {
		this.isCancelled = true;
		if (this.child) actorOf(this.child)?.send({ type: 'CANCEL' });
	},
};
