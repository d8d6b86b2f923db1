/**
 * The inert actor: what a machine gets as `self`, and the scope in which it moves. Nothing runs in
 * it and nothing is scheduled. What XState would do with a running actor, and reeve does not, is
 * refused by name instead of being lost.
 *
 * @module
 */
import { createActor, createMachine, type AnyActorRef, type AnyMachineSnapshot } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { AnyScope } from './machine-restore.ts';

/** The inert actor of one definition; all its instances share it. */
export interface InertActor {
	readonly self: AnyActorRef;
	/** Stands for the parent, to which `sendParent` would send. */
	readonly parent: object;
	/** The snapshot before the move that runs; undefined in the first move. */
	snapshot(): AnyMachineSnapshot | undefined;
	/** Runs a move: meanwhile `self.getSnapshot()` is the snapshot before it. */
	during<Result>(snapshot: AnyMachineSnapshot | undefined, run: () => Result): Result;
}

/** What may not be done with `self`, with the remedy. */
const refusals = {
	send: 'self.send would be lost: use raise, or sendTo',
	on: 'self.on hears nothing: handle the event in a state',
	subscribe: 'self.subscribe hears nothing: use entry and exit',
	stop: 'self.stop has no effect: use a final state',
} as const;

/** Creates the inert actor of a definition. */
export function createInertActor(name: string): InertActor {
	const self: AnyActorRef = createActor(createMachine({ id: name }), { id: name });
	const parent = {};
	let current: AnyMachineSnapshot | undefined;
	const refuse = (why: string) => (): never => {
		throw stray(name, why);
	};
	Object.assign(self, {
		_parent: parent,
		getSnapshot() {
			if (current) return current;
			throw stray(name, 'the snapshot is read before the machine has one');
		},
		...Object.fromEntries(Object.entries(refusals).map(([key, why]) => [key, refuse(why)])),
	});
	// XState would register the child for all instances of this process.
	Object.assign(self.system, { _set: refuse('a systemId has no system: use an id') });
	return {
		self,
		parent,
		snapshot: () => current,
		during(snapshot, run) {
			const outer = current;
			current = snapshot;
			try {
				return run();
			} finally {
				current = outer;
			}
		},
	};
}

/** What an inert scope hands on. */
export interface ScopeParts {
	readonly self: AnyActorRef;
	readonly actionExecutor: AnyScope['actionExecutor'];
	/** Called for each actor that an `assign` spawns: only that defers anything here. */
	readonly onSpawn: () => void;
}

/** A scope without effects: what XState defers is dropped, and actions are only read. */
export function inertScope({ self, actionExecutor, onSpawn }: ScopeParts): AnyScope {
	const nothing = () => {};
	return {
		self,
		id: self.id,
		sessionId: self.sessionId,
		system: self.system,
		logger: nothing,
		defer: onSpawn,
		stopChild: nothing,
		emit: nothing,
		actionExecutor,
	} as AnyScope;
}

/** The error of a machine that asks for what a declared actor does not do. */
export function stray(name: string, why: string): ReeveError {
	return new ReeveError('bad_declaration', `actor ${name}: ${why}`);
}
