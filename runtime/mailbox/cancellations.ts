/**
 * Cancellations: how the run of a message is told that the message was cancelled.
 *
 * @module
 */

/** One run that can be cancelled. */
export interface Cancellable {
	/** Whether it was asked for. */
	readonly isCancelled: boolean;
	/** Sets what is called when it is asked for; at once if it was already. */
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

/** A run that can be cancelled. There is one for each message, so they share their methods. */
interface Run extends Cancellable {
	id: string;
	isCancelled: boolean;
	act: (() => void) | undefined;
	runs: Map<string, Run>;
}

const methods: Pick<Run, 'onCancel' | 'over'> & ThisType<Run> = {
	onCancel(act) {
		this.act = act;
		if (this.isCancelled) act();
	},
	over() {
		if (this.runs.get(this.id) === this) this.runs.delete(this.id);
	},
};

/** Creates the cancellations of a node. */
export function createCancellations(): Cancellations {
	const runs = new Map<string, Run>();
	return {
		watch(id) {
			const run = Object.create(methods) as Run;
			run.id = id;
			run.isCancelled = false;
			run.act = undefined;
			run.runs = runs;
			runs.set(id, run);
			return run;
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
