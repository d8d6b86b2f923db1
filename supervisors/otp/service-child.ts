/**
 * Services as children: anything that can be started and stopped without being an actor, such as a
 * socket, a timer or a journal.
 *
 * @module
 */
import type { Start, StartContext } from './child-spec.ts';
import { createChild, type ActorDescription, type Child } from './child.ts';
import { exitError, type ExitReason } from './exit-reason.ts';
import { runAs } from './stray-errors.ts';

/** The input of a service when it starts. */
export interface ServiceContext extends Omit<StartContext, 'signal'> {
	/** Raised when the service is killed; also while it still starts. */
	readonly signal: AbortSignal;
	/** The child that this service becomes; a start that registers a name registers this child. */
	readonly child: Child;
	/** Reports that the service has ended by itself; an error is a crash. */
	exit(reason: ExitReason): void;
}

/** What a service is made of. */
export interface ServiceParts<Running> {
	/** Starts it. A throw, or a rejection, is a failed start. */
	start(context: ServiceContext): Running | Promise<Running>;
	/** Stops what `start` returned. A throw, or a rejection, is an exit with that error. */
	stop?(running: Running, reason: ExitReason): void | Promise<void>;
	describe?(running: Running): ActorDescription;
}

/** What can stop itself; services that return one need no `stop`. */
export interface Stoppable {
	stop(reason: ExitReason): void | Promise<void>;
}

/** The start function of a service. Its exit reason is the one that it was asked to stop with. */
export function serviceChild<Running>(parts: ServiceParts<Running>): Start {
	return (context) => {
		let running: { value: Running } | undefined;
		const stop = async (reason: ExitReason): Promise<void> => {
			if (!running) return;
			const { value } = running;
			if (parts.stop) await parts.stop(value, reason);
			else if (isStoppable(value)) await value.stop(reason);
		};
		const end = (reason: ExitReason): void => {
			stop(reason).then(
				() => child.exit(reason),
				(thrown: unknown) => child.exit(exitError(thrown)),
			);
		};
		// A stray error is a crash. Stop the service first: what it holds must be free for a restart.
		const culprit = { fail: (thrown: unknown) => end(exitError(thrown)) };
		const child = createChild(context.id, {
			shutdown: end,
			// It is fenced already, so an error of its stop makes no difference.
			kill: () => void stop('killed').catch(() => undefined),
			describe: () => (running ? (parts.describe?.(running.value) ?? {}) : {}),
		});
		const kill = () => child.kill();
		context.signal.addEventListener('abort', kill);
		const { signal } = child;
		const exit = (reason: ExitReason) => child.exit(reason);
		const keep = (value: Running): Child => {
			running = { value };
			// It was killed while it started: stop what has started in spite of that.
			if (child.isFenced) void stop('killed').catch(() => undefined);
			return child;
		};
		const unlink = () => context.signal.removeEventListener('abort', kill);
		try {
			const started = runAs(culprit, () => parts.start({ ...context, signal, child, exit }));
			if (started instanceof Promise) return started.then(keep).finally(unlink);
			unlink();
			return keep(started);
		} catch (thrown) {
			unlink();
			throw thrown;
		}
	};
}

function isStoppable(value: unknown): value is Stoppable {
	return typeof (value as Partial<Stoppable> | undefined | null)?.stop === 'function';
}
