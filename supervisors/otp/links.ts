/**
 * Links: two actors that live and die together. A link is two-way, and there is one for each pair.
 * When one of them ends, the other ends with the same reason, unless the reason is `normal`, or the
 * other traps exits: then it is told instead. Supervisors trap exits, and those of others than
 * their children mean nothing to them.
 *
 * @module
 */
import type { Child } from './child.ts';
import type { DownReason, ExitReason } from './exit-reason.ts';
import { isSupervisor } from './supervisor.ts';

/** Receives the exits of those that an actor is linked to, instead of dying with them. */
export type Trap = (exit: { readonly from: Child; readonly reason: DownReason }) => void;

/** The links among actors that {@link createLinks} makes. */
export interface Links {
	/** Links two actors; linking again changes nothing. Linking to the dead is an exit `noproc`. */
	link(one: Child, other: Child): void;
	/** Ends the link of two actors, from either side. */
	unlink(one: Child, other: Child): void;
	/** From now on the actor is told of exits. A kill cannot be trapped. */
	trapExits(child: Child, trap: Trap): void;
	/** Those that the actor is linked to. */
	linked(child: Child): readonly Child[];
	/**
	 * Sends an exit signal, as if a linked `from` had ended so: `normal` ends nobody, and `kill` ends
	 * everybody, trap or not; others see it as `killed`.
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
 * Ends an actor because another has ended. It is not asked: a process that does not trap exits has
 * no say either. Having been linked to nobody is an error.
 */
function end(child: Child, reason: DownReason): void {
	child.kill(reason === 'noproc' || reason === 'noconnection' ? new Error(reason) : reason);
}
