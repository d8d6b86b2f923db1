/**
 * The parts of a node, as children of its tree: each is made of the ground floor and knows how it is
 * started, restarted and stopped. Which supervisor each stands under is said in `tree.ts`.
 *
 * @module
 */
import type { ActorDefinition } from '../actors/definition.ts';
import { hostLogic } from '../actors/host.ts';
import { callLogic, type CallEnd, type CallInput } from '../actors/call.ts';
import type { RunningCall } from '../actors/message-turn.ts';
import { killOrphans } from '../actors/orphan.ts';
import { publisherLogic } from '../actors/publisher.ts';
import { subscriberLogic } from '../actors/subscriber.ts';
import { ReeveError } from '../runtime/errors.ts';
import type { Mailbox } from '../runtime/mailbox.ts';
import type { Lane } from '../runtime/outbox.ts';
import { startSweeping } from '../runtime/retention.ts';
import type { Door, TransportContext, TransportDefinition } from '../runtime/wire.ts';
import { actorChild, actorOf } from './actor-child.ts';
import type { ChildSpec, StartContext } from './child-spec.ts';
import type { Child } from './child.ts';
import { startErrorReports } from './error-report.ts';
import { exitError } from './exit-reason.ts';
import type { Ground } from './ground.ts';
import { startHello } from './hello.ts';
import { createPublishing } from './publishing.ts';
import { recover } from './recovery.ts';
import { createRenewal } from './renewal.ts';
import { serviceChild } from './service-child.ts';
import { isSupervisor, type SupervisorRef } from './supervisor.ts';

/** The children of a node's tree, by what they do. */
export interface Parts {
	/** Ends the commands that an earlier process left running; done before anything may start one. */
	readonly orphans: ChildSpec;
	/** One running message: the template of the dynamic children of `calls`. */
	readonly call: ChildSpec;
	/** One for each method that this node takes. */
	readonly subscribers: readonly ChildSpec[];
	/** Wakes instances of actors when their timers are due. */
	readonly timers: ChildSpec;
	/** One for each declared actor. */
	readonly hosts: readonly ChildSpec[];
	/** Starts a publisher for each lane that has something to send. */
	readonly publishing: ChildSpec;
	readonly errorReports: ChildSpec;
	readonly hello: ChildSpec;
	/** Forgets lanes that were silent for long. */
	readonly retention: ChildSpec;
	readonly transports: readonly ChildSpec[];
	/** Opens the node, once everything else runs. */
	readonly recovery: ChildSpec;
	/** The same child; the parts that start children under it find it by its id from then on. */
	reachable(supervisor: ChildSpec): ChildSpec;
}

/** What the parts are made of. */
export interface PartParts {
	readonly ground: Ground;
	readonly door: Door;
	readonly transports: readonly TransportDefinition[];
}

/** Makes the parts of one node. Nothing runs yet. */
export function createParts({ ground, door, transports }: PartParts): Parts {
	const supervisors = new Map<string, SupervisorRef>();
	const under = (id: string): SupervisorRef => {
		const found = supervisors.get(id);
		if (found) return found;
		throw new ReeveError('internal', `${id} is not there yet`);
	};
	const startCall = callStarter(() => under('calls'));
	return {
		orphans: { id: 'orphans', restart: 'transient', start: () => endOrphans(ground) },
		call: callTemplate(),
		subscribers: ground.isSafe
			? []
			: [...ground.mailboxes.values()]
					.filter(({ method }) => !ground.actors.some(({ name }) => name === method))
					.map((box) => subscriber(ground, box, startCall)),
		timers: {
			id: 'timers',
			start: serviceChild({ start: () => ground.timers, stop: (timers) => timers.stop() }),
		},
		hosts: ground.isSafe ? [] : ground.actors.map((definition) => host(ground, definition)),
		publishing: publishing(ground, under),
		errorReports: {
			id: 'errorReports',
			start: serviceChild({ start: () => startErrorReports(ground) }),
		},
		hello: { id: 'hello', start: serviceChild({ start: () => startHello(ground) }) },
		retention: {
			id: 'retention',
			start: serviceChild({ start: () => startSweeping(ground.retention, ground.clock) }),
		},
		transports: transports
			.filter((transport) => transport.wanted(ground.config))
			.map((transport) => transportChild(transport, transportContext(ground, door))),
		recovery: { id: 'recovery', restart: 'transient', start: () => recovery(ground) },
		reachable: (supervisor) => ({
			...supervisor,
			async start(context) {
				const started = await supervisor.start(context);
				if (typeof started === 'object' && 'onExit' in started && isSupervisor(started)) {
					supervisors.set(supervisor.id, started);
				}
				return started;
			},
		}),
	};
}

async function endOrphans({ journal, mailboxes, clock, signals }: Ground): Promise<'ignore'> {
	const messages = new Set<string>();
	for (const box of mailboxes.values()) for (const { row } of box.started()) messages.add(row.id);
	for (const { message, pid } of await killOrphans({ storeId: journal.storeId, messages }, clock)) {
		signals.emit('orphan.killed', { id: message, pid });
	}
	return 'ignore';
}

function recovery(ground: Ground): 'ignore' {
	recover(ground);
	return 'ignore';
}

/** What a call is started with: what it runs, and who waits for its end. */
type CallArgs = readonly [input: CallInput, done: (end: CallEnd) => void];

function callTemplate(): ChildSpec {
	const argsOf = ({ args }: Pick<StartContext, 'args'>) => args as CallArgs;
	const start = actorChild({
		logic: callLogic,
		input: (context) => argsOf(context)[0],
		onDone(output, context) {
			if (output) argsOf(context)[1](output);
		},
	});
	// The message decides what follows a crash of its call, so the call itself never comes back.
	return { id: 'call', restart: 'temporary', start };
}

/** Starts supervised calls. */
function callStarter(calls: () => SupervisorRef): (input: CallInput) => RunningCall {
	return (input) => {
		let child: Child | undefined;
		let isStopped = false;
		let isCancelled = false;
		const tell = (): void => {
			if (child) actorOf(child)?.send({ type: 'CANCEL' });
		};
		const ended = new Promise<CallEnd>((resolve, reject) => {
			const args: CallArgs = [input, resolve];
			void calls()
				.startChild(args)
				.then((answer) => {
					if ('error' in answer) {
						reject(answer.cause ?? new ReeveError('stopping', answer.error));
						return;
					}
					child = answer.child;
					if (isStopped) child?.kill();
					if (isCancelled) tell();
					child?.onExit((reason) => {
						// A call that came to its end has resolved by now, and this has no effect.
						reject(typeof reason === 'string' ? new ReeveError('stopping') : exitError(reason));
					});
				});
		});
		const stop = (): void => {
			isStopped = true;
			child?.kill();
		};
		const cancel = (): void => {
			isCancelled = true;
			tell();
		};
		return { ended, stop, cancel };
	};
}

/** How much longer than `stopTimeout` a subscriber may take to let go of what it runs. */
const drainMs = 5000;

function subscriber(
	ground: Ground,
	mailbox: Mailbox,
	startCall: (input: CallInput) => RunningCall,
): ChildSpec {
	const { method } = mailbox;
	const definition = ground.methods.find(method);
	if (!definition) throw new ReeveError('internal', `a mailbox without a method: ${method}`);
	const print = (from: string, text: string) =>
		ground.signals.emit('console.printed', { from, text });
	const start = actorChild({
		logic: subscriberLogic,
		input: ({ child }) => ({
			...ground,
			storeId: ground.journal.storeId,
			mailbox,
			definition,
			startCall,
			print,
			onExit: (see) => void child.onExit(see),
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return { id: method, start, shutdown: ground.config.stopTimeout * 1000 + drainMs };
}

function host(ground: Ground, definition: ActorDefinition): ChildSpec {
	const { name } = definition;
	const mailbox = ground.mailboxes.get(name);
	if (!mailbox) throw new ReeveError('internal', `an actor without a mailbox: ${name}`);
	const start = actorChild({
		logic: hostLogic,
		input: ({ child }) => ({
			...ground,
			mailbox,
			definition,
			publish: (topic, data) => ground.exchange.tell(topic, data),
			mayRun: ground.suspects.over,
			onExit: (see) => void child.onExit(see),
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return { id: name, start, shutdown: ground.config.stopTimeout * 1000 + drainMs };
}

function publishing(ground: Ground, under: (id: string) => SupervisorRef): ChildSpec {
	const switchboard = createPublishing(ground);
	const onStaleStore = createRenewal(ground, () => under('transports'));
	const publisher = (lane: Lane): ChildSpec => {
		const start = actorChild({
			logic: publisherLogic,
			input: { ...ground, lane, onStaleStore },
			shutdownEvent: { type: 'SHUTDOWN' },
			describe: () => ({ mailboxLength: lane.next - lane.lo }),
		});
		return {
			id: lane.name,
			async start(context) {
				const started = await start(context);
				const actor =
					typeof started === 'object' && 'pid' in started ? actorOf(started) : undefined;
				if (actor) switchboard.register(lane, actor);
				return started;
			},
		};
	};
	return {
		id: 'publishing',
		start: serviceChild({
			start: () => switchboard.open((lane) => void under('publishers').startChild(publisher(lane))),
		}),
	};
}

function transportContext(ground: Ground, door: Door): TransportContext {
	const { node, config, clock, signals, exchange, isSafe, ownership } = ground;
	const { listener } = exchange;
	return {
		isSafe,
		claim: ownership.claims,
		node,
		config,
		clock,
		signals,
		listener,
		door,
		// It names the store, which may get another identity.
		get will() {
			return exchange.will;
		},
	};
}

function transportChild(transport: TransportDefinition, context: TransportContext): ChildSpec {
	return {
		id: transport.name,
		start: serviceChild({
			start: () => transport.start(context),
			describe: ({ address }) => ({ state: address }),
		}),
	};
}
