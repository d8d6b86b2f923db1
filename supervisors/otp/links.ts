/**
 * Links: two actors that end together. A link is two-way, and there is at most one for each pair.
 * When one actor ends, the other ends with the same reason, unless the reason is `normal`. An actor
 * that traps exits receives the exit instead. Supervisors ignore exits of linked actors that are
 * not their children.
 *
 * @module
 */
import type { Child } from './child.ts';
import type { DownReason, ExitReason } from './exit-reason.ts';
import { isSupervisor } from './supervisor.ts';

/** Receives the exits of linked actors, instead of ending with them. */
export type Trap = (exit: { readonly from: Child; readonly reason: DownReason }) => void;

/** The links among actors that {@link createLinks} makes. */
export interface Links {
	/** Links two actors; linking twice is once. Linking to an ended actor is an exit `noproc`. */
	link(one: Child, other: Child): void;
	/** Ends the link of two actors, from either side. */
	unlink(one: Child, other: Child): void;
	/** From now on `trap` receives the exits. A kill cannot be trapped. */
	trapExits(child: Child, trap: Trap): void;
	/** The actors that this one is linked to. */
	linked(child: Child): readonly Child[];
	/**
	 * Sends an exit signal, as if a linked `from` had ended with this reason. `normal` ends no actor;
	 * `kill` ends even one that traps exits, and its links and monitors see `killed`.
	 */
	exit(to: Child, reason: ExitReason | 'kill', from: Child): void;
}

/** Creates an empty set of links. */
export function createLinks(): Links {
	const peers = new WeakMap<Child, Set<Child>>();
	const traps = new WeakMap<Child, Trap>();

	const peersOf = (child: Child): Set<Child> => {
		let known = peers.get(child);
		if (!known) {
			known = new Set();
			peers.set(child, known);
			child.onExit((reason) => spread(child, reason));
		}
		return known;
	};
	const cut = (one: Child, other: Child): void => {
		peers.get(one)?.delete(other);
		peers.get(other)?.delete(one);
	};
	const spread = (from: Child, reason: ExitReason): void => {
		for (const peer of peers.get(from) ?? []) {
			cut(from, peer);
			signal(peer, reason, from);
		}
	};
	/** An exit signal arrives. */
	const signal = (to: Child, reason: DownReason, from: Child): void => {
		if (to.exitReason !== undefined) return;
		const trap = traps.get(to);
		if (trap) trap({ from, reason });
		else if (reason !== 'normal' && !isSupervisor(to)) end(to, reason);
	};

	return {
		link(one, other) {
			if (one === other || one.exitReason !== undefined) return;
			if (other.exitReason !== undefined) {
				signal(one, 'noproc', other);
				return;
			}
			peersOf(one).add(other);
			peersOf(other).add(one);
		},
		unlink: cut,
		trapExits: (child, trap) => void traps.set(child, trap),
		linked: (child) => [...(peers.get(child) ?? [])],
		exit(to, reason, from) {
			if (reason === 'kill') to.kill();
			else signal(to, reason, from);
		},
	};
}

/**
 * Ends an actor because a linked one has ended. It is killed without a shutdown request, like an
 * Erlang process that does not trap exits. `noproc` and `noconnection` become errors.
 */
function end(child: Child, reason: DownReason): void {
	child.kill(reason === 'noproc' || reason === 'noconnection' ? new Error(reason) : reason);
}
