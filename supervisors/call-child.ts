/**
 * The call as a child: how the run of one message is started under its supervisor, and what whoever
 * waits for it is told.
 *
 * @module
 */
import { callLogic, type CallEnd, type CallInput } from '../actors/call.ts';
import type { RunningCall } from '../actors/message-turn.ts';
import { ReeveError } from '../runtime/errors.ts';
import { actorChild, actorOf } from './actor-child.ts';
import type { ChildSpec, StartContext } from './child-spec.ts';
import type { Child } from './child.ts';
import { exitError } from './exit-reason.ts';
import type { SupervisorRef } from './supervisor.ts';

/** What a call is started with: what it runs, and who waits for its end. */
type CallArgs = readonly [input: CallInput, done: (end: CallEnd) => void];

/** The template of the calls: one running message each. */
export function callTemplate(): ChildSpec {
	const argsOf = ({ args }: Pick<StartContext, 'args'>) => args as CallArgs;
	const start = actorChild({
		logic: callLogic,
		input: (context) => argsOf(context)[0],
		onDone(output, context) {
			if (output) argsOf(context)[1](output);
		},
	});
	// The message decides what follows a crash of its call, so the call itself never comes back.
	return { id: 'call', restart: 'temporary', start };
}

/** Starts supervised calls under what `calls` returns. */
export function callStarter(calls: () => SupervisorRef): (input: CallInput) => RunningCall {
	return (input) => {
		let child: Child | undefined;
		let isStopped = false;
		let isCancelled = false;
		const tell = (): void => {
			if (child) actorOf(child)?.send({ type: 'CANCEL' });
		};
		const ended = new Promise<CallEnd>((resolve, reject) => {
			const args: CallArgs = [input, resolve];
			void calls()
				.startChild(args)
				.then((answer) => {
					if ('error' in answer) {
						reject(answer.cause ?? new ReeveError('stopping', answer.error));
						return;
					}
					child = answer.child;
					if (isStopped) child?.kill();
					if (isCancelled) tell();
					child?.onExit((reason) => {
						// A call that came to its end has resolved by now, and this has no effect.
						reject(typeof reason === 'string' ? new ReeveError('stopping') : exitError(reason));
					});
				});
		});
		const stop = (): void => {
			isStopped = true;
			child?.kill();
		};
		const cancel = (): void => {
			isCancelled = true;
			tell();
		};
		return { ended, stop, cancel };
	};
}
