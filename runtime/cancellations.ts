/**
 * Cancellations: how a message that is being run here is told that somebody takes it back.
 *
 * @module
 */

/** One run that can be cancelled. */
export interface Cancellable {
	/** Whether somebody has asked for it. */
	readonly isCancelled: boolean;
	/** What is to happen when somebody does; at once if somebody has. */
	onCancel(act: () => void): void;
	/** The message has come to its end. */
	over(): void;
}

/** The cancellations that {@link createCancellations} makes. */
export interface Cancellations {
	/** Says that this message is being run. */
	watch(id: string): Cancellable;
	/** Asks the run of a message to end; false if it is not being run here. */
	cancel(id: string): boolean;
}

interface Run {
	isCancelled: boolean;
	act?: () => void;
}

/** Creates the cancellations of a node. */
export function createCancellations(): Cancellations {
	const runs = new Map<string, Run>();
	return {
		watch(id) {
			const run: Run = { isCancelled: false };
			runs.set(id, run);
			return {
				get isCancelled() {
					return run.isCancelled;
				},
				onCancel(act) {
					run.act = act;
					if (run.isCancelled) act();
				},
				over() {
					if (runs.get(id) === run) runs.delete(id);
				},
			};
		},
		cancel(id) {
			const run = runs.get(id);
			if (!run) return false;
			run.isCancelled = true;
			run.act?.();
			return true;
		},
	};
}
