/**
 * What can be asked of a running node, and the rows of the answers.
 *
 * @module
 */
import type { Facts } from '../message/facts.ts';

/** What a person or a program may ask of a running node. */
export type Question =
	| { readonly reeve: 'node' }
	| { readonly reeve: 'nodes' }
	| { readonly reeve: 'methods' }
	/** All that must be known to use a method. */
	| { readonly reeve: 'explain'; readonly method: string }
	/** Signals: those that are remembered and, with `follow`, those that come. */
	| {
			readonly reeve: 'events';
			readonly type?: string | undefined;
			readonly message?: string | undefined;
			readonly follow?: boolean | undefined;
	  }
	| { readonly reeve: 'processes' }
	| { readonly reeve: 'messages'; readonly limit?: number; readonly ids?: readonly string[] }
	| { readonly reeve: 'dead'; readonly limit?: number }
	| { readonly reeve: 'tree' }
	/** Writes a consistent copy of the journal into a new folder of the node's machine. */
	| { readonly reeve: 'backup'; readonly folder: string }
	/** What a forked store has inherited and neither sends nor runs. */
	| { readonly reeve: 'quarantine'; readonly limit?: number }
	/** Rows of the store that were found damaged, and what follows from it. */
	| { readonly reeve: 'damaged'; readonly limit?: number }
	/** Declared actors; one of them, or one of its instances; see `actor-rows.ts`. */
	| { readonly reeve: 'actors' }
	| { readonly reeve: 'actor'; readonly actor: string; readonly key?: string | undefined }
	/** Reloads the definitions folder; a row for each file, see `definition-rows.ts`. */
	| {
			readonly reeve: 'reload';
			readonly isDryRun?: boolean | undefined;
			readonly force?: boolean | undefined;
	  }
	/** Takes a parked instance into use again. */
	| {
			readonly reeve: 'unpark';
			readonly actor: string;
			readonly key: string;
			readonly fresh?: boolean | undefined;
	  }
	/** The timeline of a message. */
	| { readonly reeve: 'message'; readonly id: string }
	/**
	 * Does something to messages; answers with a row for each. Without ids, to those of the filter.
	 */
	| {
			readonly reeve: 'retry' | 'cancel' | 'drop';
			readonly ids?: readonly string[];
			readonly where?: {
				readonly state?: string | undefined;
				readonly method?: string | undefined;
				readonly node?: string | undefined;
				readonly olderThanMs?: number | undefined;
			};
	  }
	/** Sends messages of the record once more; a row for each. */
	| { readonly reeve: 'resend'; readonly ids: readonly string[] }
	/**
	 * Compares the ledger of this node with the receipts of its receivers; a row for each.
	 */
	| {
			readonly reeve: 'audit';
			readonly to?: string | undefined;
			readonly newerThanMs?: number | undefined;
			readonly waitSeconds?: number | undefined;
	  }
	/** Streams a row for each id now and at each change, and ends when all of them are settled. */
	| { readonly reeve: 'watch'; readonly ids: readonly string[] };

/** A row of `nodes`. */
export interface NodeRow {
	readonly name: string;
	readonly state: 'online' | 'offline';
	/** Wall-clock milliseconds since when, by this node's clock. */
	readonly since: number;
	readonly storeId: string;
	readonly epoch: number;
	/** Set while it is in safe mode. */
	readonly mode?: 'safe';
	/** Set while this node signs and has accepted no key of it. */
	readonly key?: 'pending';
	/** How many messages wait for it here. */
	readonly waiting: number;
	/** What is true of it, as its last birth said. */
	readonly facts?: Facts;
}

/** A row of `processes`, in steward's sense: who owns a mailbox or an outbox. */
export interface ProcessRow {
	readonly name: string;
	readonly kind: 'subscriber' | 'publisher';
	readonly method: string;
	readonly node: string;
	readonly state: string;
	readonly waiting: number;
	readonly running: number;
}

/** A node of the supervision tree as `tree` draws it. */
export interface TreeRow {
	readonly id: string;
	readonly type: 'supervisor' | 'worker';
	/** `running`, `restarting`, `stopped`; for supervisors with the strategy in `detail`. */
	readonly state: string;
	readonly detail?: string;
	/** Which of its runs it is: `<id>#<number>`; absent unless it runs. */
	readonly pid?: string;
	readonly restarts: number;
	/** Messages that wait in the actor's mailbox or outbox, where it owns one. */
	readonly mailboxLength?: number;
	readonly children?: readonly TreeRow[];
}
