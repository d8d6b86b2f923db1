/**
 * The program around the command line, as an interface: it starts a node in this process, works on
 * definitions and journals, and says how to start this program again. So the command line imports
 * no node.
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
	/** The number of messages from earlier processes that are still to be sent or run. */
	readonly replayed: number;
	/** The address of its broker: another one, or the one in this node. It may hold a password. */
	readonly broker: string;
	/** Resolves with the reason when the node has ended, by itself or by `stop`. */
	readonly ended: Promise<string>;
	stop(reason?: string): Promise<void>;
}

/** The copy of a journal to replay, and the definitions to replay it with. */
export interface Replayed {
	/** The folder of the journal; nothing is written to it. */
	readonly journal: string;
	/** The folder of the definitions. */
	readonly definitions: string;
	/** The name of the node that the journal belongs to. */
	readonly node: string;
}

/** The instance to copy, and the turn after which; the last turn by default. */
export interface ForkedInstance extends Replayed {
	readonly actor: string;
	readonly key: string;
	readonly at?: number | undefined;
}

/** A copy of an instance, in which no effect happens. */
export interface Fork {
	/** The turn that it is a copy of. */
	readonly turn: number;
	show(): ForkTurn;
	feed(event: { readonly type: string }): ForkTurn;
}

/** The result of the check of a definition file. */
export interface CheckedFile {
	readonly file: string;
	readonly actor?: string;
	readonly version?: number;
	/** With file, line and column. */
	readonly problem?: string;
}

/** The names of a method. */
export interface NamedMethod {
	readonly name: string;
	readonly aliases: readonly string[];
}

/** The program around the command line. */
export interface Host {
	/** `print` writes on the console of the node; it rejects if it could not. */
	startNode(
		config: Config,
		choices?: StartOptions,
		print?: (text: string) => Promise<void>,
	): Promise<HostedNode>;
	/** The methods that a node of this configuration has, without starting it. */
	methods(config: Config): Promise<readonly NamedMethod[]>;
	/** Replays the instances of a journal with definitions; calls `tell` for each difference. */
	replay(what: Replayed, tell: (difference: Difference) => void): Promise<ReplayTotals>;
	/** Checks definition files, or those of a folder; a row for each. */
	checkDefinitions(path: string): Promise<readonly CheckedFile[]>;
	/** The JSON Schema of YAML definitions. */
	definitionSchema(): Promise<object>;
	/** Makes a copy of an instance. */
	fork(what: ForkedInstance): Promise<Fork>;
	/** How this program is started again: the interpreter, its flags, and the main file. */
	readonly self: readonly string[];
}
