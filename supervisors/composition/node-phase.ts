/**
 * The phase of a node: it recovers, is open, and stops. Messages of other nodes are taken only
 * while it is open, and never in safe mode.
 *
 * @module
 */
import { setMaxListeners } from 'node:events';
import type { ErrorCode } from '../../runtime/platform/errors.ts';

/** The phase that {@link createNodePhase} keeps. */
export interface NodePhase {
	current(): 'recovering' | 'open' | 'stopping';
	/** Everything runs: messages of other nodes are taken from now on. */
	open(): void;
	/** The node ends: no message is taken any more. */
	stop(): void;
	/** Aborted by `stop`: what waits in this process waits no longer. */
	readonly stopping: AbortSignal;
	/** Everything has ended, and the journal is closed. */
	end(): void;
	/** Aborted by `end`: no question is answered any more. */
	readonly over: AbortSignal;
	/** Why messages of other nodes are not taken now; undefined if they are. */
	hindrance(): ErrorCode | undefined;
	/**
	 * The same for messages of this node's own people: they are taken while it recovers, too, because
	 * they only wait.
	 */
	ownHindrance(): ErrorCode | undefined;
}

/** Creates the phase of a node that has just been started. */
export function createNodePhase({ isSafe }: { readonly isSafe: boolean }): NodePhase {
	let current: ReturnType<NodePhase['current']> = 'recovering';
	const stopping = new AbortController();
	const over = new AbortController();
	// Each ask that waits listens.
	setMaxListeners(0, stopping.signal, over.signal);
	const hindrance = (): ErrorCode | undefined => {
		if (current === 'stopping') return 'stopping';
		if (isSafe) return 'safe_mode';
		return current === 'open' ? undefined : 'recovering';
	};
	return {
		current: () => current,
		open: () => void (current = 'open'),
		stop() {
			current = 'stopping';
			stopping.abort();
		},
		stopping: stopping.signal,
		end: () => over.abort(),
		over: over.signal,
		hindrance,
		ownHindrance: () => (current === 'recovering' && !isSafe ? undefined : hindrance()),
	};
}
