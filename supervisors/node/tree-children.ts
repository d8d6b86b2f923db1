/**
 * The parts of a node, as children of its tree: each is made of the ground floor and knows how it
 * is started, restarted and stopped. Which supervisor each stands under is said in `tree.ts`.
 *
 * @module
 */
import type { CallInput } from '../../actors/inbound/call.ts';
import type { RunningCall } from '../../actors/inbound/message-run.ts';
import { killOrphans } from '../../actors/io/orphan-commands.ts';
import { publisherLogic } from '../../actors/outbound/publisher.ts';
import { subscriberLogic } from '../../actors/inbound/subscriber.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { Lane } from '../../runtime/delivery/outbox.ts';
import type { Processes } from '../../runtime/method/processes.ts';
import { startSweeping } from '../../runtime/delivery/lane-retention.ts';
import type {
	Door,
	TransportContext,
	TransportDefinition,
} from '../../runtime/network/transport.ts';
import { actorChild, actorOf } from '../otp/actor-child.ts';
import { watchMonitored } from '../actor-handles/actor-monitors.ts';
import { callStarter, callTemplate } from './call-child.ts';
import type { ChildSpec } from '../otp/child-spec.ts';
import { watchDefinitions } from '../actor-hosts/definition-watch.ts';
import { startErrorReports } from '../reports/error-report.ts';
import type { Ground } from '../composition/node-services.ts';
import { startHello } from '../reports/hello.ts';
import { hostChild } from '../actor-hosts/actor-host-child.ts';
import { createProcesses } from './processes.ts';
import { createPublishing, type PublisherRef } from './publisher-registry.ts';
import { recover } from './recovery.ts';
import { createReload } from '../actor-hosts/definition-reload.ts';
import { createRenewal } from './store-renewal.ts';
import { serviceChild } from '../otp/service-child.ts';
import { startStoreLog } from '../reports/store-log.ts';
import { isSupervisor, type SupervisorRef } from '../otp/supervisor.ts';

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
	/** Reloads definitions whose files have changed. */
	readonly definitions: ChildSpec;
	/** Tells machines that monitor other nodes when those are gone. */
	readonly monitors: ChildSpec;
	/** Starts a publisher for each lane that has something to send. */
	readonly publishing: ChildSpec;
	readonly errorReports: ChildSpec;
	readonly hello: ChildSpec;
	/** Forgets lanes that were silent for long. */
	readonly retention: ChildSpec;
	/** Keeps the record of what was sent. */
	readonly storeLog: ChildSpec;
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
	const subscriberOf = (box: Mailbox): ChildSpec =>
		subscriber(ground, box, { startCall, processes });
	const processes = createProcesses({
		ground,
		subscribers: () => under('subscribers'),
		publishers: () => under('publishers'),
		subscriber: subscriberOf,
	});
	const reload = createReload(ground, () => under('actors'));
	ground.reloading.reload = reload;
	return {
		orphans: { id: 'orphans', restart: 'transient', start: () => endOrphans(ground) },
		call: callTemplate(),
		subscribers: ground.isSafe
			? []
			: [...ground.mailboxes.values()]
					.filter(({ method }) => !ground.definitions.isActor(method))
					.map(subscriberOf),
		timers: {
			id: 'timers',
			start: serviceChild({ start: () => ground.timers, stop: (timers) => timers.stop() }),
		},
		hosts: ground.isSafe ? [] : ground.actors.map((definition) => hostChild(ground, definition)),
		definitions: {
			id: 'definitions',
			start: serviceChild({ start: () => watchDefinitions(ground, reload) }),
		},
		monitors: {
			id: 'monitors',
			start: serviceChild({ start: () => watchMonitored(ground) }),
		},
		publishing: publishing(ground, under),
		errorReports: {
			id: 'errorReports',
			start: serviceChild({ start: () => startErrorReports(ground) }),
		},
		hello: { id: 'hello', start: serviceChild({ start: () => startHello(ground) }) },
		storeLog: { id: 'storeLog', start: serviceChild({ start: () => startStoreLog(ground) }) },
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
	// The steps of actors are found by their ids as the commands of messages are by theirs.
	const steps = journal.scan('steps', { from: [''], to: ['\uffff'] });
	for (const { key } of steps) messages.add(String(key[2]));
	for (const { message, pid } of await killOrphans({ storeId: journal.storeId, messages }, clock)) {
		signals.emit('orphan.killed', { id: message, pid });
	}
	return 'ignore';
}

function recovery(ground: Ground): 'ignore' {
	recover(ground);
	return 'ignore';
}

/** How much longer than `stopTimeout` a subscriber may take to let go of what it runs. */
const drainMs = 5000;

function subscriber(
	ground: Ground,
	mailbox: Mailbox,
	calls: { startCall: (input: CallInput) => RunningCall; processes: Processes },
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
			...calls,
			print,
			onExit: (see) => void child.onExit(see),
		}),
		shutdownEvent: { type: 'SHUTDOWN' },
		describe: () => ({ mailboxLength: mailbox.size() }),
	});
	return {
		id: method,
		shutdown: ground.config.stopTimeout * 1000 + drainMs,
		async start(context) {
			const process = { kind: 'subscriber', method, node: ground.node } as const;
			if (ground.processChoices.get(process) !== 'stopped') return start(context);
			// What it has left in mid-run is decided when somebody starts it.
			ground.suspects.cleared(method);
			return 'ignore';
		},
	};
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
				const { to: node, method } = lane;
				const choice = ground.processChoices.get({ kind: 'publisher', method, node });
				if (choice === 'stopped') return 'ignore';
				const started = await start(context);
				const child = typeof started === 'object' && 'pid' in started ? started : undefined;
				const actor = child && actorOf(child);
				// One that was stopped by an operator is still known, and not told anything.
				const send: PublisherRef['send'] = (event) => {
					if (child?.exitReason === undefined) actor?.send(event);
				};
				if (actor) switchboard.register(lane, { send });
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
