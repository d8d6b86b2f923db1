/**
 * Monitors: one actor learns of the end of another, here or on another node. A monitor is one-way
 * and fires exactly once; two of them on the same actor fire once each.
 *
 * @module
 */
import type { Child } from './child.ts';
import type { DownReason } from './exit-reason.ts';

/** What a monitor tells when it fires. */
export interface Down {
	/** The monitor that fires. */
	readonly monitor: Monitor;
	/** The actor, as it was given; of remote ones its name. */
	readonly target: Child | RemoteName | undefined;
	/** `noproc` if there was nobody, `noconnection` if the node is gone, else the exit reason. */
	readonly reason: DownReason;
}

/** A monitor. */
export interface Monitor {
	/** Ends it: no `DOWN` comes later, not even one that is already under way. */
	demonitor(): void;
}

/** An actor on another node. */
export interface RemoteName {
	readonly node: string;
	readonly name: string;
}

/** What is known of the presence of nodes; `runtime/network/presence.ts` knows it. */
export interface NodePresence {
	get(node: string): NodeEpoch | undefined;
	/** Calls `see` at each birth and each death. */
	onChange(see: (life: NodeEpoch & { readonly name: string }) => void): () => void;
}

/** One life of a node: from a birth to a death. */
export interface NodeEpoch {
	readonly state: 'online' | 'offline';
	readonly storeId: string;
	readonly epoch: number;
}

/**
 * Watches an actor, and calls `onDown` when it has ended: with `noproc` if it has ended already, or
 * if there is none. `onDown` is never called before this function has returned.
 */
export function monitor(target: Child | undefined, onDown: (down: Down) => void): Monitor {
	return createMonitor(target, onDown, (fire) => {
		if (target === undefined || target.exitReason !== undefined) {
			fire('noproc');
			return () => {};
		}
		return target.onExit(fire);
	});
}

/**
 * Watches an actor of another node. Its node's death, or a birth with another identity (the node
 * was restarted before its death was seen), is `noconnection`; so is a node that is not there.
 *
 * @param exits subscribes to the exits that the other node tells of, if it does
 */
export function monitorRemote(
	target: RemoteName,
	watched: {
		readonly presence: NodePresence;
		readonly exits?: (target: RemoteName, see: (reason: DownReason) => void) => () => void;
	},
	onDown: (down: Down) => void,
): Monitor {
	const { presence, exits } = watched;
	return createMonitor(target, onDown, (fire) => {
		const life = presence.get(target.node);
		if (life?.state !== 'online') {
			fire('noconnection');
			return () => {};
		}
		const ignoreNode = presence.onChange(({ name, state, storeId, epoch }) => {
			if (name !== target.node) return;
			const isSame = storeId === life.storeId && epoch === life.epoch;
			// The death of an earlier life says nothing of the one that is watched.
			const isOld = storeId === life.storeId && epoch < life.epoch;
			if (!isOld && (!isSame || state === 'offline')) fire('noconnection');
		});
		const ignoreExit = exits?.(target, fire);
		return () => {
			ignoreNode();
			ignoreExit?.();
		};
	});
}

/** Fires once, and not before it was returned; or never, once it was ended. */
function createMonitor(
	target: Down['target'],
	onDown: (down: Down) => void,
	watch: (fire: (reason: DownReason) => void) => () => void,
): Monitor {
	let isOver = false;
	let isReturned = false;
	let ignore = (): void => {};
	const created: Monitor = {
		demonitor() {
			isOver = true;
			ignore();
		},
	};
	const tell = (reason: DownReason): void => {
		if (isOver) return;
		created.demonitor();
		onDown({ monitor: created, target, reason });
	};
	let first: { reason: DownReason } | undefined;
	ignore = watch((reason) => {
		if (isReturned) tell(reason);
		else if (!first) {
			first = { reason };
			queueMicrotask(() => tell(reason));
		}
	});
	isReturned = true;
	return created;
}
