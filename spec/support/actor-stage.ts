/**
 * A stage for declared actors: their hosts on a real journal and a stepped clock, without a tree or
 * a wire, that can die at any instant and come up again on what is on disk.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import type { HostRuntime } from '../../actors/durable/host-runtime.ts';
import { readInstance, type StoredInstance } from '../../actors/turn/instance.ts';
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import { realClock, steppedClock, type SteppedClock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Message } from '../../runtime/message/message.ts';
import { newId } from '../../runtime/platform/ids.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { scanMailbox } from '../../runtime/mailbox/mailbox-row.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { Outbox } from '../../runtime/delivery/outbox.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { SignalFields, Signals } from '../../runtime/observability/signals.ts';
import { node, openFloor, sink } from './actor-floor.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';
import { rowsUnder } from '../../runtime/journal/schema.ts';

/** A stage. */
export interface ActorStage {
	/** What it was set with, its folder and clock included: enough to set another on them. */
	readonly parts: StageParts;
	readonly clock: SteppedClock;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly router: MessageRouter;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
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
	crash(definitions?: readonly ActorDefinition[]): Promise<ActorStage>;
	/** The process stops and another one comes up. */
	restart(definitions?: readonly ActorDefinition[]): Promise<ActorStage>;
	/** The host of an actor dies, and another one takes its place. */
	replaceHost(actor: string): Promise<void>;
	stop(): Promise<void>;
}

/** What a stage is set with. */
export interface StageParts {
	readonly actors: readonly ActorDefinition[];
	readonly config?: Partial<Config>;
	readonly clock?: SteppedClock;
	readonly folder?: string;
	/** Whether the hosts are opened at once. */
	readonly isOpen?: boolean;
}

/** How long the disk may take. */
const patienceMs = 20_000;

/** Sets a stage. */
export async function setActorStage(t: TestScope, parts: StageParts): Promise<ActorStage> {
	const { clock = steppedClock(7), folder = temporaryFolder(t), isOpen = true } = parts;
	const floor = openFloor({ ...parts, clock, folder });
	const { signals, journal, ledger, outbox, router, published, timers, boxOf } = floor;
	const hostRuntimes = new Map<string, HostRuntime>();
	const open = async (definition: ActorDefinition): Promise<void> => {
		const hostRuntime = floor.host(definition);
		hostRuntimes.set(definition.name, hostRuntime);
		if (isOpen) await hostRuntime.open();
	};
	const openHosts = async (): Promise<void> => {
		for (const hostRuntime of hostRuntimes.values()) await hostRuntime.open();
	};
	for (const definition of parts.actors) await open(definition);

	const again = (actors = parts.actors) => setActorStage(t, { ...parts, clock, folder, actors });
	const stage: ActorStage = {
		parts: { ...parts, clock, folder },
		clock,
		signals,
		journal,
		router,
		ledger,
		outbox,
		published,
		hostRuntimes,
		mailbox: boxOf,
		async send(actor, event, more = {}) {
			const id = newId(clock);
			const data =
				typeof event === 'string' ? { methodArgs: [event] } : { data: JSON.stringify(event) };
			const about = {
				id,
				fromNode: node,
				toNode: node,
				method: actor,
				kind: 'CommandACK',
			} as const;
			await router.send([{ methodArgs: [], replyMethod: sink, ...about, ...data, ...more }]);
			return more.id ?? id;
		},
		async until(holds) {
			const since = realClock.monotonic();
			while (!holds()) {
				if (floor.broken.length > 0) throw floor.broken[0];
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
			await stage.until(() => boxOf(actor).size() === 0);
			await journal.commit([]);
			await clock.settle();
		},
		stored: (actor, key = '') => readInstance(journal, actor, key),
		sunk: () =>
			scanMailbox(journal, rowsUnder(sink)).map(({ message }) => String(message.data ?? '')),
		seen: (type) =>
			signals.recent().flatMap((signal) => (signal.type === type ? [signal as never] : [])),
		openHosts,
		kill: floor.kill,
		async crash(actors) {
			await floor.die();
			return again(actors);
		},
		async restart(actors) {
			await stage.stop();
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
	return stage;
}
