/**
 * A node that hosts declared actors, without a tree: composed services on a real journal and a
 * stepped clock, and the hosts on top. It can die at any instant and come up again on what is on
 * disk.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import { createHostRuntime, type HostRuntime } from '../../actors/durable/host-runtime.ts';
import { readInstance, type StoredInstance } from '../../actors/turn/instance.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Asks } from '../../runtime/pending/asks.ts';
import type { Outbox } from '../../runtime/delivery/outbox.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { rowsUnder } from '../../runtime/journal/schema.ts';
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import { scanMailbox } from '../../runtime/mailbox/mailbox-row.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { SignalFields, Signals } from '../../runtime/observability/signals.ts';
import {
	realClock,
	steppedClock,
	type Clock,
	type SteppedClock,
} from '../../runtime/platform/clock.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { NodeServices } from '../../supervisors/composition/node-services.ts';
import { composedServices } from './composed-node.ts';
import { specMethod } from './method-call.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** The method that takes what actors send; it is never run, so all of it stays to be looked at. */
export const sink = 'SINK';

/** The name of the node. */
export const nodeName = 'ship1';

/** A node in its present run. */
export interface ActorNode {
	/** What it was started with, its folder and clock included: enough to start another on them. */
	readonly parts: ActorNodeParts;
	readonly clock: SteppedClock;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly router: MessageRouter;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly asks: Asks;
	readonly published: string[];
	readonly hostRuntimes: ReadonlyMap<string, HostRuntime>;
	mailbox(name: string): Mailbox;
	/** Sends an event to an instance, as another method here would; resolves when it is on disk. */
	send(actor: string, event: object | string, more?: Partial<Message>): Promise<string>;
	/** Lets everything run until `holds`, without moving time. */
	until(holds: () => boolean): Promise<void>;
	/** Until no message waits for this actor, and all is on disk. */
	idle(actor: string): Promise<void>;
	stored(actor: string, key?: string): StoredInstance | undefined;
	/** The texts that actors have sent to the sink, in order. */
	sunk(): readonly string[];
	/** The signals of a type. */
	seen<Type extends keyof SignalFields>(type: Type): readonly SignalFields[Type][];
	/** Opens the hosts, if they were not opened at once. */
	openHosts(): Promise<void>;
	/** The process dies in this very instant; `crash` lets another one come up. */
	kill(): void;
	/** The process dies and another one comes up; what was not on disk is gone. */
	crash(definitions?: readonly ActorDefinition[]): Promise<ActorNode>;
	/** The process stops and another one comes up. */
	restart(definitions?: readonly ActorDefinition[]): Promise<ActorNode>;
	/** The host of an actor dies, and another one replaces it. */
	replaceHost(actor: string): Promise<void>;
	stop(): Promise<void>;
}

/** What a node is started with. */
export interface ActorNodeParts {
	readonly actors: readonly ActorDefinition[];
	readonly config?: Partial<Config>;
	readonly clock?: SteppedClock;
	readonly folder?: string;
	/** Whether the hosts are opened at once. */
	readonly isOpen?: boolean;
	/** Resolves when turns may be taken; by default at once. */
	readonly mayRun?: Promise<void>;
}

/** How long the disk may take. */
const patienceMs = 20_000;

/** Composes the services of a node with these actors, and a sink. No host runs yet. */
export function composeWithActors(parts: {
	readonly clock: Clock;
	readonly folder: string;
	readonly actors: readonly ActorDefinition[];
	readonly config?: Partial<Config>;
}): NodeServices {
	const values = { nodeName, durability: 'os', signalsKeptMax: 100_000, ...parts.config } as const;
	return composedServices(values, { ...parts, methods: [specMethod({ name: sink })] });
}

/** Creates the host of an actor. It runs once it is opened. */
export function hostOn(
	services: NodeServices,
	definition: ActorDefinition,
	own: Pick<Parameters<typeof createHostRuntime>[0], 'publish' | 'broken'> & {
		readonly mayRun?: Promise<void> | undefined;
	},
): HostRuntime {
	const mailbox = mailboxOf(services, definition.name);
	const { mayRun = Promise.resolve(), ...rest } = own;
	return createHostRuntime({ ...services, ...rest, definition, mailbox, mayRun });
}

/** The mailbox of a method; an error if there is none. */
export function mailboxOf({ mailboxes }: NodeServices, method: string): Mailbox {
	const mailbox = mailboxes.get(method);
	if (!mailbox) throw new Error(`no mailbox ${method}`);
	return mailbox;
}

/** Starts a node. */
export async function startActorNode(t: TestScope, parts: ActorNodeParts): Promise<ActorNode> {
	const { clock = steppedClock(7), folder = temporaryFolder(t), isOpen = true } = parts;
	const state: ProcessState = { isDead: false };
	const services = composeWithActors({ ...parts, folder, clock: mortalClock(clock, state) });
	const { signals, journal, ledger, outbox, asks, router, timers } = services;
	makeMortal(journal, state);
	const published: string[] = [];
	const broken: unknown[] = [];
	const hostRuntimes = new Map<string, HostRuntime>();
	const open = async (definition: ActorDefinition): Promise<void> => {
		const hostRuntime = hostOn(services, definition, {
			publish: (topic, text) => void published.push(`${topic} ${text}`),
			broken: (thrown) => void broken.push(thrown),
			mayRun: parts.mayRun,
		});
		hostRuntimes.set(definition.name, hostRuntime);
		if (isOpen) await hostRuntime.open();
	};
	const openHosts = async (): Promise<void> => {
		for (const hostRuntime of hostRuntimes.values()) await hostRuntime.open();
	};
	for (const definition of parts.actors) await open(definition);

	const again = (actors = parts.actors) => startActorNode(t, { ...parts, clock, folder, actors });
	const node: ActorNode = {
		parts: { ...parts, clock, folder },
		clock,
		signals,
		journal,
		router,
		ledger,
		outbox,
		asks,
		published,
		hostRuntimes,
		mailbox: (name) => mailboxOf(services, name),
		async send(actor, event, more = {}) {
			const id = newId(clock);
			const data =
				typeof event === 'string' ? { methodArgs: [event] } : { data: JSON.stringify(event) };
			const about = {
				id,
				fromNode: nodeName,
				toNode: nodeName,
				method: actor,
				kind: 'CommandACK',
			} as const;
			await router.send([{ methodArgs: [], replyMethod: sink, ...about, ...data, ...more }]);
			return more.id ?? id;
		},
		async until(holds) {
			const since = realClock.monotonic();
			while (!holds()) {
				if (broken.length > 0) throw broken[0];
				if (realClock.monotonic() - since > patienceMs) {
					const last = signals.recent().slice(-5);
					throw new Error(`it does not come to that: ${JSON.stringify(last)}`);
				}
				await new Promise((resolve) => {
					setImmediate(resolve);
				});
			}
		},
		async idle(actor) {
			await node.until(() => node.mailbox(actor).size() === 0);
			await journal.commit([]);
			await clock.settle();
		},
		stored: (actor, key = '') => readInstance(journal, actor, key),
		sunk: () =>
			scanMailbox(journal, rowsUnder(sink)).map(({ message }) => String(message.data ?? '')),
		seen: (type) =>
			signals.recent().flatMap((signal) => (signal.type === type ? [signal as never] : [])),
		openHosts,
		kill: () => void (state.isDead = true),
		async crash(actors) {
			node.kill();
			// What it had written by then is in the file.
			await journal.close();
			return again(actors);
		},
		async restart(actors) {
			await node.stop();
			return again(actors);
		},
		async replaceHost(actor) {
			hostRuntimes.get(actor)?.fence();
			const definition = parts.actors.find(({ name }) => name === actor);
			if (definition) await open(definition);
		},
		async stop() {
			for (const hostRuntime of hostRuntimes.values()) await hostRuntime.drain();
			timers.stop();
			await journal.commit([]);
			await journal.close();
		},
	};
	return node;
}

/** Whether the process of a node has died. */
interface ProcessState {
	isDead: boolean;
}

/**
 * Makes the journal that of a process that can die: then nothing more is written, and no commit
 * resolves any more. Each commit waits for a turn of the event loop and has a transaction of its
 * own, so that the process can die between any two. The services hold this object already, so it
 * is changed in place.
 */
function makeMortal(journal: Journal, state: ProcessState): void {
	const get = journal.get.bind(journal);
	const scan = journal.scan.bind(journal);
	const commit = journal.commit.bind(journal);
	const whileWriting = journal.whileWriting.bind(journal);
	let line: Promise<void> = Promise.resolve();
	const never = new Promise<never>(() => {});
	const turn = () =>
		new Promise<void>((resolve) => {
			setImmediate(resolve);
		});
	const mortal: Pick<Journal, 'get' | 'scan' | 'commit' | 'whileWriting'> = {
		get: (table, key) => (state.isDead ? undefined : get(table, key)),
		scan: (table, stretch) => (state.isDead ? [] : scan(table, stretch)) as never,
		whileWriting: (run) => whileWriting(() => void (state.isDead || run())),
		commit(changes, until) {
			const written = line.then(turn).then(async () => {
				if (state.isDead) return never;
				return { done: commit(changes, until) };
			});
			line = written.then(() => undefined);
			return written.then(async ({ done }) => {
				await done;
				return state.isDead ? never : undefined;
			});
		},
	};
	Object.assign(journal, mortal);
}

/** A clock whose timers do nothing once the process is dead. */
function mortalClock<Time extends Clock>(clock: Time, state: ProcessState): Time {
	const after: Clock['after'] = (delayMs, run) =>
		clock.after(delayMs, () => {
			if (!state.isDead) run();
		});
	return { ...clock, after };
}
