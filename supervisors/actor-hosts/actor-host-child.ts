/**
 * The host of a declared actor, as a child of the tree.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { hostLogic } from '../../actors/durable/actor-host.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { actorChild } from '../otp/actor-child.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import type { Ground } from '../composition/node-services.ts';
import { createWhyUnanswered } from '../actor-handles/ask-diagnosis.ts';

/** How much longer than `stopTimeout` a host may take to write what it has begun. */
const drainMs = 5000;

/**
 * The child that hosts one actor; it takes no turn while the store is in doubt, or others are
 * suspects.
 */
export function hostChild(ground: Ground, definition: ActorDefinition): ChildSpec {
	const { name } = definition;
	const mailbox = ground.mailboxes.get(name);
	if (!mailbox) throw new ReeveError('internal', `an actor without a mailbox: ${name}`);
	const whyUnanswered = createWhyUnanswered(ground);
	const start = actorChild({
		logic: hostLogic,
		input: ({ child }) => ({
			...ground,
			mailbox,
			definition,
			publish: (topic, data) => ground.exchange.tell(topic, data),
			mayRun: ground.suspects.over,
			whyUnanswered,
			onExit: (see) => void child.onExit(see),
			onHosting(hosting) {
				const { hostings } = ground;
				hostings.set(name, hosting);
				void child.onExit(() => {
					// The next host may be there already.
					if (hostings.get(name) === hosting) hostings.delete(name);
				});
			},
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return { id: name, start, shutdown: ground.config.stopTimeout * 1000 + drainMs };
}
