/**
 * Safe logic: XState logic with three gaps closed, as far as that can be done from outside.
 *
 * - XState leaves the children of a machine running when it throws; here they are stopped.
 * - Nothing limits a cycle of `always` transitions or raised events; here the cycle is an error.
 * - A promise that an action leaves behind and that rejects crashes no actor; here it crashes the
 *   actor whose action it was.
 *
 * This holds for the logic and for the actors that its `setup` names. A machine that is written
 * inline as the `src` of an invocation is stopped with its parent, but stops its own children only
 * then.
 *
 * @module
 */
import {
	StateMachine,
	type ActorScope,
	type AnyActorLogic,
	type AnyActorRef,
	type AnyEventObject,
	type AnyStateMachine,
	type Snapshot,
} from 'xstate';
import { runAs, type Culprit } from './stray-errors.ts';

/** The owner of an XState system: the supervised actor at its root. */
export interface Owner extends Culprit {
	/** The last event that the root received. */
	lastEvent: unknown;
	/** Whether the actor goes on in its old state after this error, as if the event had not come. */
	readonly resumes: ((thrown: unknown) => boolean) | undefined;
}

type AnySystem = AnyActorRef['system'];

const ownerKey = Symbol('owner');

/** A system with its owner as a property: an entry in a weak map would cost more than the actor. */
interface OwnedSystem {
	[ownerKey]?: Owner;
}

/** Sets the owner of a system. */
export function own(system: AnySystem, owner: Owner): void {
	(system as OwnedSystem)[ownerKey] = owner;
}

const ownerOf = (system: AnySystem): Owner | undefined => (system as OwnedSystem)[ownerKey];

type AnyScope = ActorScope<Snapshot<unknown>, AnyEventObject>;
type Transition = (
	snapshot: Snapshot<unknown>,
	event: AnyEventObject,
	scope: AnyScope,
) => Snapshot<unknown>;

/** Cache of safe logic by original and limit: it holds nothing of a single actor. */
const closedLogic = new WeakMap<AnyActorLogic, Map<number, AnyActorLogic>>();

/**
 * The logic with its gaps closed. A machine may take `iterationsMax` microsteps for one event. All
 * actors of the same logic share the result: a copy of a machine takes about twenty kilobytes, and
 * there are as many publishers as lanes.
 */
export function safeLogic<Logic extends AnyActorLogic>(logic: Logic, iterationsMax: number): Logic {
	const byLimit = closedLogic.get(logic) ?? new Map<number, AnyActorLogic>();
	closedLogic.set(logic, byLimit);
	const closed = byLimit.get(iterationsMax) ?? close(logic, { iterationsMax, inside: new Set() });
	byLimit.set(iterationsMax, closed);
	return closed as Logic;
}

interface Closing {
	readonly iterationsMax: number;
	/** The machines around this one: a machine may name itself among its actors. */
	readonly inside: ReadonlySet<AnyActorLogic>;
}

function close(logic: AnyActorLogic, closing: Closing): AnyActorLogic {
	if (closing.inside.has(logic)) return logic;
	if (logic instanceof StateMachine) return closeMachine(logic as AnyStateMachine, closing);
	const transition = logic.transition.bind(logic) as Transition;
	const closed = Object.assign(Object.create(logic) as AnyActorLogic, {
		transition: guarded(transition),
	});
	if (logic.start) {
		closed.start = (snapshot: Snapshot<unknown>, scope: AnyScope) =>
			asOwner(scope, () => logic.start?.(snapshot, scope));
	}
	return closed;
}

function closeMachine(machine: AnyStateMachine, closing: Closing): AnyStateMachine {
	const inside = new Set([...closing.inside, machine]);
	const actors = Object.entries(machine.implementations.actors).map(([name, actor]) => [
		name,
		close(actor as AnyActorLogic, { ...closing, inside }),
	]);
	// Change a copy: the machine belongs to the caller.
	const copy = machine.provide({ actors: Object.fromEntries(actors) });
	const { maxIterations = Infinity } = copy.options;
	copy.options = { ...copy.options, maxIterations: Math.min(maxIterations, closing.iterationsMax) };
	const open: { transition: Transition } = copy as AnyActorLogic;
	open.transition = guarded(open.transition);
	return copy;
}

function asOwner<Result>(scope: AnyScope, run: () => Result): Result {
	const owner = ownerOf(scope.system);
	return owner ? runAs(owner, run) : run();
}

function guarded(transition: Transition): Transition {
	return (snapshot, event, scope) => {
		const owner = ownerOf(scope.system);
		if (!owner) return transition(snapshot, event, scope);
		const isRoot = scope.self._parent === undefined;
		if (isRoot) owner.lastEvent = event;
		try {
			const next =
				isRoot && owner.resumes
					? resumable(transition, owner)(snapshot, event, scope)
					: runAs(owner, () => transition(snapshot, event, scope));
			if (next.status === 'error') stopChildren(next);
			return next;
		} catch (thrown) {
			stopChildren(snapshot);
			throw thrown;
		}
	};
}

/** A transition that is undone by an error after which the actor resumes. */
function resumable(transition: Transition, owner: Owner): Transition {
	return (snapshot, event, scope) => {
		// Hold back what the transition defers, such as starting children: it must be undone, too.
		const deferred: (() => void)[] = [];
		const held = { ...scope, defer: (run: () => void) => void deferred.push(run) };
		try {
			const next = runAs(owner, () => transition(snapshot, event, held));
			for (const run of deferred) scope.defer(run);
			return next;
		} catch (thrown) {
			if (owner.resumes?.(thrown)) return snapshot;
			throw thrown;
		}
	};
}

/**
 * Stops the children of an actor that has failed; of children that have failed themselves, stops
 * their children.
 */
export function stopChildren(snapshot: Snapshot<unknown>): void {
	const { children = {} } = snapshot as { children?: Readonly<Record<string, AnyActorRef>> };
	for (const child of Object.values(children)) {
		const inner = child.getSnapshot() as Snapshot<unknown> | undefined;
		// XState itself stops a child with this event; only roots have a `stop` method.
		if (!inner || inner.status === 'active') child.send({ type: 'xstate.stop' });
		else stopChildren(inner);
	}
}
