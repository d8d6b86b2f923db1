/**
 * Names: a registry of living actors. A unique name belongs to one actor at a time, a group to any
 * number. Both are free again when the actor ends, before its other exit listeners are called.
 *
 * @module
 */
import type { Child } from './child.ts';

/** The registry that {@link createNames} makes. */
export interface Names {
	/** Registers `child` if the name is free, else returns its owner. Ignores an ended child. */
	register(name: string, child: Child): { readonly ok: true } | { readonly taken: Child };
	/** Frees the name; true if it was registered. */
	unregister(name: string): boolean;
	/** The living owner of the name. */
	whereis(name: string): Child | undefined;
	/** All names, sorted. */
	registered(): readonly string[];
	/** Adds the actor to a group; joining twice is once. Ignores an ended actor. */
	join(group: string, child: Child): void;
	leave(group: string, child: Child): void;
	/** The living members, in the order in which they joined. */
	members(group: string): readonly Child[];
	/** All groups with members, sorted. */
	groups(): readonly string[];
}

/** Creates an empty registry. */
export function createNames(): Names {
	const owners = new Map<string, Child>();
	const groups = new Map<string, Set<Child>>();

	const leave = (group: string, child: Child): void => {
		const members = groups.get(group);
		members?.delete(child);
		if (members?.size === 0) groups.delete(group);
	};
	/** An actor that has ended owns nothing, even while its exit listeners are still being called. */
	const isAlive = (child: Child) => child.exitReason === undefined;

	return {
		register(name, child) {
			const owner = owners.get(name);
			if (owner && owner !== child && isAlive(owner)) return { taken: owner };
			if (owner === child || !isAlive(child)) return { ok: true };
			owners.set(name, child);
			child.onExit(() => {
				if (owners.get(name) === child) owners.delete(name);
			});
			return { ok: true };
		},
		unregister: (name) => owners.delete(name),
		whereis(name) {
			const owner = owners.get(name);
			return owner && isAlive(owner) ? owner : undefined;
		},
		registered: () => [...owners.keys()].filter((name) => isAlive(owners.get(name)!)).toSorted(),
		join(group, child) {
			const members = groups.get(group) ?? new Set();
			if (!isAlive(child) || members.has(child)) return;
			groups.set(group, members.add(child));
			child.onExit(() => leave(group, child));
		},
		leave,
		members: (group) => [...(groups.get(group) ?? [])].filter(isAlive),
		groups: () => [...groups.keys()].toSorted(),
	};
}
