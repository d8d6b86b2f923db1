/**
 * What the command line needs of whoever runs it: a way to start a node in this process, and a way
 * to start this very program again in another one. The command line itself imports neither.
 *
 * @module
 */
import type { Difference, ForkTurn, ReplayTotals } from '../../../runtime/queries/actor-rows.ts';
import type { Config } from '../../../runtime/config/config.ts';
import type { StartOptions } from '../../../runtime/config/start-options.ts';

/** A node that runs in this process. */
export interface HostedNode {
	readonly name: string;
	readonly storeId: string;
	readonly epoch: number;
	/** How many messages earlier processes had left here, to be sent or to be run. */
	readonly replayed: number;
	/** Resolves with the reason when the node has ended, by itself or by `stop`. */
	readonly ended: Promise<string>;
	stop(reason?: string): Promise<void>;
}

/** Which copy of a journal is looked at, and with which definitions. */
export interface Replayed {
	/** The folder of the journal; nothing is written to it. */
	readonly journal: string;
	/** The folder of the definitions. */
	readonly definitions: string;
	/** The name of the node that the journal belongs to. */
	readonly node: string;
}

/** Which instance is copied, as of which turn; as of its last one by default. */
export interface ForkedInstance extends Replayed {
	readonly actor: string;
	readonly key: string;
	readonly at?: number | undefined;
}

/** A copy of an instance, with nothing around it. */
export interface Fork {
	/** The turn that it is a copy of. */
	readonly turn: number;
	show(): ForkTurn;
	feed(event: { readonly type: string }): ForkTurn;
}

/** What a check of a definition file has found. */
export interface CheckedFile {
	readonly file: string;
	readonly actor?: string;
	readonly version?: number;
	/** With file, line and column. */
	readonly problem?: string;
}

/** The program around the command line. */
export interface Host {
	startNode(config: Config, choices?: StartOptions): Promise<HostedNode>;
	/** Runs what a journal holds through definitions; tells each difference as it is found. */
	replay(what: Replayed, tell: (difference: Difference) => void): Promise<ReplayTotals>;
	/** Checks definition files, or those of a folder; a row for each. */
	checkDefinitions(path: string): Promise<readonly CheckedFile[]>;
	/** The JSON Schema of sheets. */
	definitionSchema(): Promise<object>;
	/** Makes a copy of an instance. */
	fork(what: ForkedInstance): Promise<Fork>;
	/** How this program is started again: the interpreter, its flags, and the main file. */
	readonly self: readonly string[];
}
