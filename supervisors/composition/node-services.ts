/**
 * The services of one node by name: what a node has one of. `compose-node.ts` makes them, and each
 * part of `supervisors/` picks those that it needs.
 *
 * @module
 */
import type { ActorDefinition } from '../../actors/definition/definition.ts';
import type { HostRuntime } from '../../actors/durable/host-runtime.ts';
import type { Asks } from '../../runtime/pending/asks.ts';
import type { OutcomePublisher } from '../../runtime/intake/outcome-publisher.ts';
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import type { Cancellations } from '../../runtime/mailbox/cancellations.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Disk } from '../../runtime/journal/disk.ts';
import type { Network } from '../../runtime/network/network.ts';
import type { Intake } from '../../runtime/intake/intake.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Outbox } from '../../runtime/delivery/outbox.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { Received } from '../../runtime/ledger/received-messages.ts';
import type { Receipts } from '../../runtime/ledger/receipts.ts';
import type { Presence } from '../../runtime/network/presence.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import type { LaneRetention } from '../../runtime/delivery/lane-retention.ts';
import type { PrintOnConsole } from '../../runtime/observability/console.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { CrashRecovery } from '../../runtime/mailbox/crash-recovery.ts';
import type { Timers } from '../../runtime/pending/timers.ts';
import type { StartOptions } from '../../runtime/config/start-options.ts';
import type { Authority } from '../../runtime/security/authority.ts';
import type { Authorization } from '../../runtime/security/authorization.ts';
import type { Definitions, FolderReading } from './definitions.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { Ownership } from './ownership.ts';
import type { ReloadRow } from '../../runtime/queries/definition-rows.ts';
import type { PublisherRegistry } from '../../actors/outbound/publisher-registry.ts';
import type { WireListener } from '../../runtime/network/transport.ts';
import type { Names } from '../otp/names.ts';
import type { NodePhase } from './node-phase.ts';

/** What a node is composed from. */
export interface ComposeOptions {
	readonly config: Config;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly methods: MethodRegistry;
	/** Prints on the console of the node. */
	readonly print: PrintOnConsole;
	/**
	 * The declared actors of this node; each is a method, too. In the services: those in force now.
	 */
	readonly actors: readonly ActorDefinition[];
	/** The definitions folder, as it was read; undefined if there is none. */
	readonly reading?: FolderReading | undefined;
	/** Ends the node, because another process has taken over its folder, or another node its name. */
	readonly onEnd: (reason: ErrorCode) => void;
	/** The fingerprint of the machine. */
	readonly host: string;
	/** What the operator said at this start. */
	readonly choices: StartOptions;
	/** Where specs make a node die, see `crash-points.ts`. */
	readonly passPoint: PassPoint;
	/** What specs put between the journal and its file. */
	readonly disk?: Disk | undefined;
}

/** The parts that a node has one of. */
export interface NodeServices
	extends
		Pick<
			ComposeOptions,
			'config' | 'clock' | 'signals' | 'methods' | 'print' | 'actors' | 'passPoint'
		>,
		Mailboxes {
	readonly node: string;
	readonly journal: Journal;
	readonly ledger: Ledger;
	/** Publishes outcomes for MQTT clients, which have no node. */
	readonly outcomePublisher: OutcomePublisher;
	readonly receipts: Receipts;
	readonly outbox: Outbox;
	readonly presence: Presence;
	readonly network: Network;
	/** What the node does with what its wires bring. */
	readonly listener: WireListener;
	/** The living supervisors of the node's tree, by their ids. */
	readonly names: Names;
	readonly router: MessageRouter;
	readonly intake: Intake;
	/** The publishers of the lanes, and what is sent to them. */
	readonly publishers: PublisherRegistry;
	readonly definitions: Definitions;
	/** How many messages earlier processes left here: to be sent, or to be run. */
	readonly leftBehind: number;
	/** Whether the node recovers, is open, or stops. */
	readonly phase: NodePhase;
	/** Whether the node runs no messages, because its last processes died one after the other. */
	readonly isSafe: boolean;
	/** Whose name and store these are. */
	readonly ownership: Ownership;
	/** What the last process left in mid-run. */
	readonly crashRecovery: CrashRecovery;
	readonly retention: LaneRetention;
	readonly cancellations: Cancellations;
	readonly received: Received;
	readonly timers: Timers;
	readonly asks: Asks;
	/** The work of the hosts of declared actors, by the name of the actor, once they run. */
	readonly hostRuntimes: Map<string, HostRuntime>;
	/** What the principals of messages may do here. */
	readonly authority: Authority;
	/** Keys and access rules; undefined if this node has no folder for them. */
	readonly authorization: Authorization | undefined;
}

/** How a reload is meant. */
export interface ReloadChoice {
	/** Changes nothing, and tells what would be. */
	readonly isDryRun?: boolean;
	/** Puts definitions in force although instances would be parked. */
	readonly force?: boolean;
}

/** Reloads the folder; a row for each file. One reload runs after the other. */
export type Reload = (choice?: ReloadChoice) => Promise<readonly ReloadRow[]>;
