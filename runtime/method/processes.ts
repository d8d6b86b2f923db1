/**
 * Processes, in steward's sense: the subscriber of each method, and the publisher of each lane.
 * Operators list, stop and start them while the node runs.
 *
 * @module
 */

/** Which end of a message a process is. */
export type ProcessKind = 'subscriber' | 'publisher';

/** A process as it is listed. */
export interface ProcessRow {
	readonly kind: ProcessKind;
	readonly method: string;
	/** The receiver of its messages; of a subscriber this node. */
	readonly node: string;
	/** Steward's subject: `<node>.<method>.<kind>`; of a publisher the name of its lane. */
	readonly name: string;
	/**
	 * The number of its run: a process that is started again has another. Absent while it does not
	 * run.
	 */
	readonly id?: string;
	/** `running`, `stopped`, or what its supervisor says. */
	readonly state: string;
	/** Messages that wait in it. */
	readonly waiting: number;
}

/** Which process is meant. */
export interface ProcessName {
	readonly kind: ProcessKind;
	readonly method: string;
	readonly node: string;
	/** If it is given, only the run of this number is meant. */
	readonly id?: string | undefined;
}

/** What can be done with the processes of a node. */
export interface Processes {
	/** All of them, subscribers first, each by name. */
	list(): Promise<readonly ProcessRow[]>;
	/**
	 * Starts a stopped process, or the subscriber of a method that the configuration leaves out.
	 * Resolves with what runs then; what runs already is left alone.
	 *
	 * @throws ReeveError `unknown_method`, `not_found`, `start_failed`
	 */
	start(name: ProcessName): Promise<readonly ProcessRow[]>;
	/**
	 * Stops a process. Its messages are kept and wait until it is started again; with `keepStopped`
	 * also over a restart of the node. Resolves with what was stopped.
	 *
	 * @throws ReeveError `not_found`; `process_needed` if it could not be started again without
	 * itself, or learn of it
	 */
	stop(name: ProcessName): Promise<readonly ProcessRow[]>;
}
