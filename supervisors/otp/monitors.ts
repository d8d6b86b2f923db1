/**
 * Monitors: one actor learns of the end of another, here or on another node. A monitor is one-way
 * and fires exactly once; two monitors of the same actor fire once each.
 *
 * @module
 */
import type { Child } from './child.ts';
import type { DownReason } from './exit-reason.ts';

/** What a monitor reports when it fires. */
export interface Down {
	/** The monitor that fires. */
	readonly monitor: Monitor;
	/** The monitored actor as it was given; the name of a remote one. */
	readonly target: Child | RemoteName | undefined;
	/** `noproc` if there is no such actor, `noconnection` if its node is gone, else why it ended. */
	readonly reason: DownReason;
}

/** A monitor. */
export interface Monitor {
	/** Ends the monitor: it does not fire any more, not even if the actor has ended already. */
	demonitor(): void;
}

/** An actor on another node. */
export interface RemoteName {
	readonly node: string;
	readonly name: string;
}

/** The presence of nodes; `runtime/network/presence.ts` implements it. */
export interface NodePresence {
	get(node: string): NodeEpoch | undefined;
	/** Calls `see` at each birth and each death. */
	onChange(see: (epoch: NodeEpoch & { readonly name: string }) => void): () => void;
}

/** One run of a node: from its birth to its death. */
export interface NodeEpoch {
	readonly state: 'online' | 'offline';
	readonly storeId: string;
	readonly epoch: number;
}

/**
 * Monitors an actor, and calls `onDown` when it has ended: with `noproc` if it has ended already,
 * or if there is none. `onDown` is never called before this function has returned.
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
 * Monitors an actor of another node. The reason is `noconnection` if the node is offline, dies, or
 * is born with another identity (it was restarted before its death was seen).
 *
 * @param exits subscribes to the exits that the other node reports, if it does
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
		const known = presence.get(target.node);
		if (known?.state !== 'online') {
			fire('noconnection');
			return () => {};
		}
		const ignoreNode = presence.onChange(({ name, state, storeId, epoch }) => {
			if (name !== target.node) return;
			const isSame = storeId === known.storeId && epoch === known.epoch;
			// The death of an earlier epoch says nothing about the monitored one.
			const isOld = storeId === known.storeId && epoch < known.epoch;
			if (!isOld && (!isSame || state === 'offline')) fire('noconnection');
		});
		const ignoreExit = exits?.(target, fire);
		return () => {
			ignoreNode();
			ignoreExit?.();
		};
	});
}

/** A monitor that fires at most once, and not before this function has returned. */
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
