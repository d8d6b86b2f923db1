/**
 * What the command line needs of whoever runs it: a way to start a node in this process, and a way
 * to start this very program again in another one. The command line itself imports neither.
 *
 * @module
 */
import type { Config } from '../../runtime/config.ts';
import type { StartChoices } from '../../runtime/start-choices.ts';

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

/** The program around the command line. */
export interface Host {
	startNode(config: Config, choices?: StartChoices): Promise<HostedNode>;
	/** How this program is started again: the interpreter, its flags, and the main file. */
	readonly self: readonly string[];
}
