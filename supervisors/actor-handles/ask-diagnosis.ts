/**
 * Finds out why an ask has no answer at its deadline: asks the receiver what became of the message.
 *
 * @module
 */
import type { AskTimeoutReason } from '../../actors/definition/effects.ts';
import type { ReceivedState } from '../../runtime/ledger/received-messages.ts';
import { testimonyOf } from '../operations/audit.ts';
import type { NodeServices } from '../composition/node-services.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	| 'clock'
	| 'config'
	| 'intake'
	| 'journal'
	| 'ledger'
	| 'methods'
	| 'node'
	| 'outbox'
	| 'presence'
	| 'received'
	| 'signals'
>;

/** How long a receiver may take to say it; one that does not is taken to be at work. */
const waitMsMax = 2000;

/** How long asks of one receiver that are over are gathered, to ask it about them once. */
const gatherMs = 20;

/** Creates what finds it out, by the id of the message. */
export function createAskDiagnosis(services: Services): (id: string) => Promise<AskTimeoutReason> {
	const { ledger, clock, methods, node, presence } = services;
	const gathering = new Map<string, { readonly ids: string[]; readonly states: States }>();
	const isGone = (receiver: string) =>
		receiver !== node && presence.get(receiver)?.state !== 'online';
	const isTaken = (receiver: string, method: string) => {
		const name = methods.find(method)?.name ?? method;
		return receiver === node || presence.get(receiver)?.methods.includes(name);
	};

	const gather = (receiver: string, id: string): States => {
		const known = gathering.get(receiver);
		if (known) {
			known.ids.push(id);
			return known.states;
		}
		const ids = [id];
		const states = new Promise<Awaited<States>>((resolve, reject) => {
			clock.after(gatherMs, () => {
				gathering.delete(receiver);
				statesOf(services, ids, receiver).then(resolve, reject);
			});
		});
		gathering.set(receiver, { ids, states });
		return states;
	};

	return async function askDiagnosis(id) {
		const { toNode: receiver, method } = ledger.get(id) ?? {};
		if (receiver === undefined || method === undefined) return 'deadline';
		if (isGone(receiver)) return 'noconnection';
		try {
			const { state, isParked } = (await gather(receiver, id)).get(id) ?? {};
			if (isParked) return 'parked';
			return state === 'unknown' && !isTaken(receiver, method) ? 'noproc' : 'deadline';
		} catch {
			return isGone(receiver) ? 'noconnection' : 'deadline';
		}
	};
}

type States = Promise<ReadonlyMap<string, Partial<ReceivedState>>>;

/** What the receiver says of these messages. */
async function statesOf(services: Services, ids: readonly string[], receiver: string): States {
	const over = new AbortController();
	const timer = services.clock.after(waitMsMax, () => over.abort());
	const asking = { receiver, waitSeconds: Math.ceil(waitMsMax / 1000), signal: over.signal };
	try {
		const { states } = await testimonyOf(services, ids, asking);
		return new Map(ids.map((id, index) => [id, states[index] ?? {}]));
	} finally {
		timer.cancel();
	}
}
