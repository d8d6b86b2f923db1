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

/** The run of one message, while it can be cancelled. */
class Run implements Cancellable {
	readonly #id: string;
	readonly #runs: Map<string, Run>;
	#act: (() => void) | undefined;
	isCancelled = false;

	constructor(id: string, runs: Map<string, Run>) {
		this.#id = id;
		this.#runs = runs;
	}

	onCancel(act: () => void): void {
		this.#act = act;
		if (this.isCancelled) act();
	}

	cancel(): void {
		this.isCancelled = true;
		this.#act?.();
	}

	over(): void {
		if (this.#runs.get(this.#id) === this) this.#runs.delete(this.#id);
	}
}

/** Creates the cancellations of a node. */
export function createCancellations(): Cancellations {
	const runs = new Map<string, Run>();
	return {
		watch(id) {
			const run = new Run(id, runs);
			runs.set(id, run);
			return run;
		},
		cancel(id) {
			const run = runs.get(id);
			run?.cancel();
			return run !== undefined;
		},
	};
}
