/**
 * The front door of the library: starts a node, and re-exports what people declare.
 *
 * ```ts
 * import { configOf, startNode } from 'reeve';
 *
 * const node = await startNode(configOf({ nodeName: 'central' }));
 * const [answer] = await node.api.accept({ toNode: 'central', method: 'REQPing' }, 'library');
 * await node.stop();
 * ```
 *
 * @module
 */
import { join } from 'node:path';
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import process from 'node:process';
import type { AnyStateMachine, EventFromLogic } from 'xstate';
import type { Addressed } from '../../actors/definition/effects.ts';
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { methodOf } from '../../actors/definition/event-message.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import { clockFor } from '../../runtime/platform/offset-clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { checkFolders } from '../../runtime/config/own-folders.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Disk } from '../../runtime/journal/disk.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import { armedPoints, type PassPoint } from '../../runtime/platform/crash-points.ts';
import { firstProcess, isFirstProcess } from '../../runtime/platform/first-process.ts';
import { hostFingerprint } from '../../runtime/platform/machine-id.ts';
import { createConsole, type ConsoleOutput } from '../../runtime/observability/console.ts';
import { startLog } from '../../runtime/observability/log.ts';
import {
	createSignals,
	type SignalFields,
	type Signals,
} from '../../runtime/observability/signals.ts';
import { version } from '../../runtime/platform/version.ts';
import type { StartOptions } from '../../runtime/config/start-options.ts';
import type { NodeApi, TransportDefinition } from '../../runtime/network/transport.ts';
import { fileBudgets } from '../otp/budget-file.ts';
import { strayReport } from '../otp/crash-report.ts';
import {
	createActorHandles,
	type ActorHandle,
	type ActorPlace,
} from '../actor-handles/actor-handle.ts';
import { createNodeApi } from './node-api.ts';
import { loadPrograms, type Programs } from './program-loading.ts';
import { exitText } from '../otp/exit-reason.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { createReload } from '../actor-hosts/definition-reload.ts';
import { catchStrays } from '../otp/stray-errors.ts';
import { startWatchdog, takeStall } from '../../runtime/platform/watchdog.ts';
import { startSupervisor, type SupervisorRef } from '../otp/supervisor.ts';
import { loadTransports } from './transport-table.ts';
import { nodeTree } from './tree.ts';
import { withPort } from '../../transports/sockets/listen-address.ts';
import type { Budgets } from '../otp/child-spec.ts';
import { composeNode } from '../composition/compose-node.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

export { defineActor } from '../../actors/definition/definition.ts';
export type {
	Answered,
	Down,
	Monitored,
	Outgoing,
	Question,
	AskTimeout,
	AskTimeoutReason,
} from '../../actors/definition/effects.ts';
export {
	answer,
	ask,
	defer,
	demonitor,
	monitor,
	publish,
	raiseAlert,
	reply,
	send,
	toActor,
} from '../../actors/definition/effects.ts';
export { step } from '../../actors/definition/step.ts';
export { defineMethod } from '../../runtime/method/method.ts';
export { configOf } from '../../runtime/config/config.ts';
export { ReeveError } from '../../runtime/platform/errors.ts';
export type { ActorReply } from '../actor-handles/ask-outcome.ts';
export type { ActorHandle, ActorPlace } from '../actor-handles/actor-handle.ts';

/** A running node. */
export interface RunningNode {
	readonly name: string;
	readonly storeId: string;
	readonly epoch: number;
	/** How many messages earlier processes had left here, to be sent or to be run. */
	readonly replayed: number;
	/** The address of its broker: another one, or the one in this node. It may hold a password. */
	readonly broker: string;
	readonly signals: Signals;
	/** The way in: messages and questions. */
	readonly api: NodeApi;
	/**
	 * An instance of a declared actor, here or on another node. What it can be sent follows from the
	 * type of its machine.
	 */
	actor<Machine extends AnyStateMachine>(
		definition: Addressed<Machine>,
		where?: ActorPlace,
	): ActorHandle<EventFromLogic<Machine>>;
	/** Resolves with the reason when the node has ended, by itself or by `stop`. */
	readonly ended: Promise<string>;
	/**
	 * Stops the node: no new messages, running methods get `stopTimeout`, and the rest stays in the
	 * journal for the next start. Stopping twice is the same as once.
	 */
	stop(reason?: string): Promise<void>;
}

/** What a node may be started with beside its configuration. */
export interface NodeOptions {
	/** By default the machine's own, see also `offset-clock.ts`. */
	readonly clock?: Clock;
	/** Declared actors, beside those of the definitions folder. */
	readonly actors?: readonly ActorDefinition[];
	/** What the operator says about this start. */
	readonly choices?: StartOptions | undefined;
	/** The fingerprint of the machine; by default the machine's own. */
	readonly host?: string;
	/** Where specs make it die; by default at the points that the variable REEVE_CRASH_AT names. */
	readonly passPoint?: PassPoint;
	/** Methods, beside the built-in ones and those of the methods folder. */
	readonly methods?: readonly MethodDefinition[];
	/** The transports to choose from; by default all there are. */
	readonly transports?: readonly TransportDefinition[];
	/** What stands between the journal and its file; see `reeve/testing`. */
	readonly disk?: Disk | undefined;
	/**
	 * Where the node prints what messages and actors ask it to, see `console.ts`. Without it nothing
	 * is printed, and each text is a signal `console.printed`.
	 */
	readonly console?: ConsoleOutput | undefined;
	/**
	 * Whether the process is there for this node alone. Then an error that no actor has thrown is
	 * told and ends nothing, and a watchdog ends a process whose event loop stands still. Otherwise
	 * such an error is told, and Node.js ends the process, as without a node in it.
	 */
	readonly ownsProcess?: boolean;
}

/**
 * Starts a node. Resolves when it is ready: everything runs, what earlier processes left is being
 * worked on, and its birth is announced (as soon as its broker can be reached).
 *
 * @throws ReeveError `storage_failed`, `address_in_use`, `bad_config` or `start_failed`
 */
export async function startNode(given: Config, options: NodeOptions = {}): Promise<RunningNode> {
	const config = await usableConfig(given, options);
	const { env } = process;
	const { clock = clockFor(env), passPoint = armedPoints(env['REEVE_CRASH_AT']) } = options;
	const signals = createSignals(clock, config.signalsKeptMax);
	const endWatching = watchProcess(config, options, { clock, signals });
	// For all connections of this process: by default Node.js gives an address 250 ms.
	setDefaultAutoSelectFamilyAttemptTimeout(config.connectAttemptMs);
	const since = clock.monotonic();
	announceStart(signals, config);
	try {
		const { actors = [] } = options;
		const { choices: asked = {}, host = hostFingerprint({ environment: process.env }) } = options;
		const others = otherMethods(actors, options);
		const { skipped, ...programs } = await loadPrograms(config, { clock, choices: asked, others });
		const { transports = await loadTransports(), disk } = options;
		const ending = deferred<string>();
		// Open the journal last: that fences the process that has it open.
		for (const each of transports) if (each.wanted(config)) await each.check?.(config);
		const parts = {
			...programs,
			config,
			print: createConsole(signals, options.console),
			clock,
			signals,
			actors,
			passPoint,
			host,
			disk,
		};
		const services = composeNode({ ...parts, onEnd: ending.resolve });
		const running = await startTree(services, transports, ending.promise);
		const { leftBehind: replayed } = services;
		const tookMs = clock.monotonic() - since;
		announceReady(signals, config, { ready: { replayed, tookMs }, skipped });
		void running.ended.then(endWatching);
		return running;
	} catch (thrown) {
		endWatching();
		throw thrown;
	}
}

/** What is told of a node that is ready. */
interface ReadyFacts extends Pick<Programs, 'skipped'> {
	readonly ready: SignalFields['node.ready'];
}

/**
 * Tells that the node is ready, which programs were left out, and what the watchdog of the process
 * before has left.
 */
function announceReady(signals: Signals, config: Config, { ready, skipped }: ReadyFacts): void {
	signals.emit('node.ready', ready);
	if (skipped) signals.emit('programs.skipped', skipped);
	const stall = takeStall(stallPath(config));
	if (stall) signals.emit('node.stalled', stall);
}

/** Starts what sees the node from outside: its log, stray errors, and the watchdog. */
function watchProcess(
	config: Config,
	{ ownsProcess = false }: NodeOptions,
	{ clock, signals }: { readonly clock: Clock; readonly signals: Signals },
): () => void {
	const { nodeName: node, logLevel: level, logBytesWaitingMax: bytesWaitingMax } = config;
	const { logLinesPerSecondMax: linesPerSecondMax } = config;
	const endLog = startLog({ node, level, signals, bytesWaitingMax, linesPerSecondMax });
	// A stray error of an actor is its crash; one of no actor is reported.
	const endStrays = catchStrays((thrown, leave) => {
		signals.emit('actor.crashed', strayReport(node, thrown));
		if (!ownsProcess) leave();
	});
	// From the beginning: what ran at a crash may run again before the node is ready.
	const watching = { after: config.watchdogAfter, recordPath: stallPath(config), clock };
	const endWatchdog = ownsProcess ? startWatchdog(watching) : () => {};
	return () => {
		endStrays();
		endLog();
		endWatchdog();
	};
}

/** Where the watchdog of a process leaves what stood still, for the next one. */
function stallPath({ databaseFolder }: Config): string {
	return join(databaseFolder, 'stalled.json');
}

function announceStart(signals: Signals, config: Config): void {
	signals.emit('node.starting', { version, dataFolder: config.subscribersDataFolder });
	if (isFirstProcess()) signals.emit('init.missing', firstProcess);
}

/** Starts the tree of a node on its services. */
async function startTree(
	services: NodeServices,
	transports: readonly TransportDefinition[],
	ending: Promise<string>,
): Promise<RunningNode> {
	const { clock, signals, journal, phase, network, names, node: name } = services;
	const reload = createReload(services);
	const api = createNodeApi(services, reload);
	const spec = nodeTree({ services, api, reload, transports });
	const budgets = budgetsOf(services);
	let tree: SupervisorRef;
	try {
		tree = await startSupervisor(spec, { clock, signals, names, budgets });
		names.register(spec.name, tree);
	} catch (thrown) {
		await journal.close();
		const cause = asReeveError(rootOf(thrown), 'start_failed');
		throw cause;
	}

	let stopping: Promise<void> | undefined;
	const stop = (reason = 'stop'): Promise<void> => {
		stopping ??= (async () => {
			signals.emit('node.stopping', { reason });
			phase.stop();
			await network.retire();
			await tree.stop('shutdown');
			// Do not wait for it; `close` does, and a fenced process writes nothing.
			journal.commit(services.ledger.unwritten()).catch(ignoreIfFenced);
			await journal.close();
			signals.emit('node.stopped', { reason });
			phase.end();
		})();
		return stopping;
	};
	const givenUp = tree.exited.then(exitText);
	const ended = Promise.race([ending, givenUp]).then(async (reason) => {
		await stop(reason);
		return reason;
	});
	const { storeId, epoch } = journal;
	const { brokerAddress, brokerListen } = services.config;
	const broker = brokerAddress || brokerListen;
	const { leftBehind: replayed } = services;
	const actor = createActorHandles(services);
	return { name, storeId, epoch, replayed, broker, signals, api, actor, ended, stop };
}

/** The error that a failed start began with, below what the supervisors wrapped around it. */
function rootOf(thrown: unknown): unknown {
	let root = thrown;
	while (root instanceof Error && root.cause !== undefined && !(root instanceof ReeveError)) {
		root = root.cause;
	}
	return root;
}

/** Restart budgets that survive the process, if they are wanted. */
function budgetsOf({ config, journal }: NodeServices): Budgets | undefined {
	const { keepRestartBudgets, databaseFolder } = config;
	if (!keepRestartBudgets) return undefined;
	return fileBudgets(join(databaseFolder, 'budgets.json'), journal.now);
}

/**
 * Methods that no folder declares: those that were handed in, and actors, which are methods too.
 */
function otherMethods(actors: readonly ActorDefinition[], { methods = [] }: NodeOptions) {
	const all = [...methods, ...actors.map(methodOf)];
	return all.map((definition) => ({ source: 'startNode', definition }));
}

/**
 * The configuration, if its folders are apart. The clients of the broker in this node must know its
 * port, so a port 0 is replaced before.
 */
async function usableConfig(config: Config, { disk }: NodeOptions): Promise<Config> {
	// A specification with a disk of its own may have all files in one folder.
	if (disk === undefined) checkFolders(config);
	if (config.brokerAddress !== '') return config;
	return { ...config, brokerListen: await withPort('brokerListen', config.brokerListen) };
}
