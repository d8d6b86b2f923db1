/**
 * Why an ask of a machine has no answer at its deadline: whoever was asked is asked once more, for
 * that.
 *
 * @module
 */
import type { AnsweringReason } from '../actors/effect.ts';
import { testimonyOf } from './audit.ts';
import type { Ground } from './ground.ts';

/** How long a receiver may take to say it; one that does not is taken to be at work. */
const waitMsMax = 2000;

/** How long asks of one receiver that are over are gathered, so that it is asked about them once. */
const gatherMs = 20;

/** Creates what finds it out, by the id of the message. */
export function createWhyUnanswered(ground: Ground): (id: string) => Promise<AnsweringReason> {
	const { books, clock, node, presence } = ground;
	const gathering = new Map<string, { readonly ids: string[]; readonly parked: Parked }>();
	const isGone = (receiver: string) =>
		receiver !== node && presence.get(receiver)?.state !== 'online';

	const gather = (receiver: string, id: string): Parked => {
		const known = gathering.get(receiver);
		if (known) {
			known.ids.push(id);
			return known.parked;
		}
		const ids = [id];
		const parked = new Promise<ReadonlySet<string>>((resolve, reject) => {
			clock.after(gatherMs, () => {
				gathering.delete(receiver);
				parkedOf(ground, ids, receiver).then(resolve, reject);
			});
		});
		gathering.set(receiver, { ids, parked });
		return parked;
	};

	return async function whyUnanswered(id) {
		const { toNode: receiver } = books.get(id) ?? {};
		if (receiver === undefined) return 'deadline';
		if (isGone(receiver)) return 'noconnection';
		try {
			const parked = await gather(receiver, id);
			return parked.has(id) ? 'parked' : 'deadline';
		} catch {
			return isGone(receiver) ? 'noconnection' : 'deadline';
		}
	};
}

type Parked = Promise<ReadonlySet<string>>;

/** Those of the messages that wait for an instance which takes no turns. */
async function parkedOf(
	ground: Ground,
	ids: readonly string[],
	receiver: string,
): Promise<ReadonlySet<string>> {
	const over = new AbortController();
	const timer = ground.clock.after(waitMsMax, () => over.abort());
	const asking = { receiver, waitSeconds: Math.ceil(waitMsMax / 1000), signal: over.signal };
	try {
		const { states } = await testimonyOf(ground, ids, asking);
		return new Set(ids.filter((_, index) => states[index]?.isParked));
	} finally {
		timer.cancel();
	}
}
