/**
 * Light actors: the actors of messages in flight, in one XState system for the whole process. They
 * are many and short-lived, and a system of its own would cost more than the actor. The shared root
 * has no state, so nothing leaks from one actor to another.
 *
 * @module
 */
import {
	createActor,
	fromTransition,
	type Actor,
	type AnyActorLogic,
	type InputFrom,
} from 'xstate';

/** The parent of all light actors. It is told of each end, and ignores it. */
const root = createActor(fromTransition((state: undefined) => state, undefined)).start();

/** Starts the actor of one message. */
export function startMessageActor<Logic extends AnyActorLogic>(
	logic: Logic,
	input: InputFrom<Logic>,
): Actor<Logic> {
	const actor = createActor(logic as AnyActorLogic, { input, parent: root });
	return actor.start() as Actor<Logic>;
}

/** Stops an actor that is sent no more events. One that is done has stopped by itself. */
export function stopMessageActor(actor: Actor<AnyActorLogic>): void {
	// XState stops children by this event; only the root of a system has a `stop` method.
	if (actor.getSnapshot().status === 'active') actor.send({ type: 'xstate.stop' });
}
