/**
 * Handles: how a program sends to instances of declared actors, here or on other nodes.
 *
 * ```ts
 * const shelf = node.actor(counter, { to: 'ship1', key: 'shelf-7' });
 * await shelf.send({ type: 'ADD', by: 2 });
 * const reply = await shelf.ask({ type: 'TELL' });
 * ```
 *
 * A sent message gets its outcome, whether the program waits for it or not. A program waits in this
 * process only; an actor that asks waits on disk.
 *
 * @module
 */
import type { AnyStateMachine, EventFromLogic, EventObject } from 'xstate';
import { jsonOf } from '../../actors/definition/json-data.ts';
import type { Addressed, AskTimeoutReason } from '../../actors/definition/effects.ts';
import { checkName } from '../../runtime/message/topics.ts';
import type { Message } from '../../runtime/message/message.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { Neighbour } from '../../runtime/network/presence.ts';
import { watchAsk, type ActorReply, type ActorTarget } from './ask-outcome.ts';
import type { NodeServices } from '../composition/node-services.ts';

/** What this file needs of the node. */
type Services = Pick<
	NodeServices,
	| 'clock'
	| 'config'
	| 'hostRuntimes'
	| 'intake'
	| 'journal'
	| 'ledger'
	| 'mailboxes'
	| 'network'
	| 'node'
	| 'outbox'
	| 'phase'
	| 'presence'
	| 'received'
	| 'router'
	| 'signals'
>;

/** Which instance is meant; by default the one without a key, on this node. */
export interface ActorPlace {
	readonly to?: string;
	readonly key?: string;
}

/** One instance, as it is talked to. */
export interface ActorHandle<Event extends EventObject> {
	/**
	 * Sends an event, and resolves with the id of its message once that is on disk.
	 *
	 * @throws ReeveError what the message is refused with; `not_sendable` if JSON cannot carry it
	 */
	send(event: Event): Promise<string>;
	/**
	 * Sends an event and waits for its answer, `timeoutMs` at most (`defaultMethodTimeout` unless it
	 * is given). One that is not accepted by then expires.
	 *
	 * @throws ReeveError what the message is refused with here; `stopping` if the node stops
	 * meanwhile
	 */
	ask(event: Event, options?: { readonly timeoutMs?: number }): Promise<ActorReply>;
}

/** Makes handles for the instances of one actor. */
export type MakeHandle = <Machine extends AnyStateMachine>(
	definition: Addressed<Machine>,
	where?: ActorPlace,
) => ActorHandle<EventFromLogic<Machine>>;

/** Creates what makes handles. */
export function createActorHandles(services: Services): MakeHandle {
	return ({ name }, { to = services.node, key = '' } = {}) => {
		const target = { to, name, key };
		return {
			send: (event) => file(services, target, { event }),
			ask(event, { timeoutMs = services.config.defaultMethodTimeout * 1000 } = {}) {
				return askInstance(services, target, { event, timeoutMs });
			},
		};
	};
}

interface Sent {
	readonly event: EventObject;
	readonly ttl?: number;
}

/** Files the message; resolves with its id. */
async function file(
	services: Services,
	target: ActorTarget,
	{ event, ttl }: Sent,
): Promise<string> {
	const { to: toNode, name: method, key } = target;
	const fields = {
		toNode,
		method,
		kind: 'CommandACK',
		data: jsonOf(event, `the event ${event.type}`),
		replyMethod: 'REQNone',
		...(key === '' ? {} : { key }),
		...(ttl === undefined ? {} : { ttl }),
	} as const;
	if (toNode !== services.node) return fileAbroad(services, fields);
	const [answer] = await services.intake.accept(fields, 'library');
	if (answer && 'id' in answer) return answer.id;
	throw new ReeveError(answer?.error ?? 'internal', answer?.detail);
}

/**
 * A message to another node. The definition says what the method is, so the message is accepted
 * even for a node that this one has not heard of, unlike messages from outside.
 */
async function fileAbroad(
	{ node, clock, config, outbox, phase, router, signals }: Services,
	fields: Pick<Message, 'toNode' | 'method' | 'kind'> & { readonly data: string },
): Promise<string> {
	const { toNode, method, data } = fields;
	checkName('node', toNode);
	if (phase.current() === 'stopping') throw new ReeveError('stopping');
	if (outbox.waiting() >= config.outboxMessagesMax) throw new ReeveError('outbox_full');
	if (Buffer.byteLength(data) > config.messageBytesMax) throw new ReeveError('too_large', method);
	const id = newId(clock);
	await router.send([{ ...fields, id, fromNode: node, methodArgs: [] }]);
	signals.emit('message.accepted', { id, method, from: node, to: toNode, via: 'library' });
	return id;
}

async function askInstance(
	services: Services,
	target: ActorTarget,
	asked: Asked,
): Promise<ActorReply> {
	const { stopping } = services.phase;
	const waiting = new AbortController();
	const stopped = deferred<never>();
	const stop = (): void => {
		stopped.reject(new ReeveError('stopping', target.name));
		waiting.abort();
	};
	stopping.addEventListener('abort', stop);
	if (stopping.aborted) stop();
	try {
		const { signal } = waiting;
		// From now on, also while the message is written, a stop of the node ends the wait.
		return await Promise.race([stopped.promise, answerOf(services, target, { ...asked, signal })]);
	} finally {
		stopping.removeEventListener('abort', stop);
		waiting.abort();
	}
}

interface Asked {
	readonly event: EventObject;
	readonly timeoutMs: number;
}

async function answerOf(
	services: Services,
	target: ActorTarget,
	{ event, timeoutMs, signal }: Asked & { readonly signal: AbortSignal },
): Promise<ActorReply> {
	const since = services.clock.monotonic();
	const absence = await absenceOf(services, target, { timeoutMs, signal });
	if (absence) return { id: '', outcome: 'unanswered', reason: absence };
	const leftMs = Math.max(1, timeoutMs - (services.clock.monotonic() - since));
	// A little longer than the wait, so that the deadline ends it, and not the expiry.
	const ttl = Math.ceil(leftMs / 1000) + 1;
	const id = await file(services, target, { event, ttl });
	if (signal.aborted) throw new ReeveError('stopping', id);
	return new Promise((resolve) => {
		const none = (reason: AskTimeoutReason): void => {
			resolve({ id, outcome: 'unanswered', reason });
		};
		watchAsk(services, { id, target, timeoutMs: leftMs, resolve, none, signal });
	});
}

interface Waiting {
	readonly timeoutMs: number;
	/** Aborted when the wait is over. */
	readonly signal: AbortSignal;
}

/** Why the receiver need not be asked; undefined if it is there. */
async function absenceOf(
	services: Services,
	{ to, name }: ActorTarget,
	waiting: Waiting,
): Promise<AskTimeoutReason | undefined> {
	if (to === services.node) return services.mailboxes.has(name) ? undefined : 'noproc';
	const neighbour = await neighbourOf(services, to, waiting);
	if (neighbour?.state !== 'online') return 'noconnection';
	return neighbour.methods.includes(name) ? undefined : 'noproc';
}

/** A node that is unknown may only not have been heard of yet: its birth is waited for. */
function neighbourOf(
	{ presence, clock, network }: Services,
	name: string,
	{ timeoutMs, signal }: Waiting,
): Promise<Neighbour | undefined> {
	const known = presence.get(name);
	if (known) return Promise.resolve(known);
	network.follow(name);
	return new Promise((resolve) => {
		const end = (neighbour?: Neighbour): void => {
			timer.cancel();
			ignore();
			resolve(neighbour);
		};
		const timer = deadline(clock, timeoutMs, () => end());
		const ignore = presence.onChange((seen) => {
			if (seen.name === name) end(seen);
		});
		signal.addEventListener('abort', () => end());
	});
}
