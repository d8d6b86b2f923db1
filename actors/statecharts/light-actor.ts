/**
 * The actors of messages in flight, as XState actors of one system for the whole process. There are
 * very many of them and each is short, and an XState system costs more than such an actor; what
 * they share has no state, so nothing can leak from one to another.
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

/** Stands above all of them. It hears of each end, and makes nothing of it. */
const root = createActor(fromTransition((state: undefined) => state, undefined)).start();

/** Starts the actor of one message. */
export function startMessageActor<Logic extends AnyActorLogic>(
	logic: Logic,
	input: InputFrom<Logic>,
): Actor<Logic> {
	const actor = createActor(logic as AnyActorLogic, { input, parent: root });
	return actor.start() as Actor<Logic>;
}

/** Stops one that nobody will speak to again. One that is done has stopped by itself. */
export function stopMessageActor(actor: Actor<AnyActorLogic>): void {
	// What XState itself stops a child with: only the root of a system has a `stop` method.
	if (actor.getSnapshot().status === 'active') actor.send({ type: 'xstate.stop' });
}
