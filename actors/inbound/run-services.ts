/**
 * The services that a run of a message works with.
 *
 * @module
 */
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { PrintOnConsole } from '../../runtime/observability/console.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { Receipts } from '../../runtime/ledger/receipts.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import type { CrashRecovery } from '../../runtime/mailbox/crash-recovery.ts';
import type { Cancellations } from '../../runtime/mailbox/cancellations.ts';
import type { Received } from '../../runtime/ledger/received-messages.ts';
import type { OutcomePublisher } from '../../runtime/intake/outcome-publisher.ts';
import type { Processes } from '../../runtime/method/processes.ts';
import type { Authority } from '../../runtime/security/authority.ts';
import type { Authorization } from '../../runtime/security/authorization.ts';
import type { Ledger } from '../../runtime/ledger/ledger.ts';
import type { Outbox } from '../../runtime/delivery/outbox.ts';
import type { MethodRegistry } from '../../runtime/method/method-registry.ts';
import type { CallInput, RunningCall } from './call.ts';

/** What runs work with. */
export interface RunServices {
	readonly node: string;
	readonly storeId: string;
	readonly definition: MethodDefinition;
	readonly mailbox: Mailbox;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly router: MessageRouter;
	readonly receipts: Receipts;
	readonly passPoint: PassPoint;
	readonly crashRecovery: Pick<CrashRecovery, 'isCrowd'>;
	readonly cancellations: Cancellations;
	readonly received?: Received | undefined;
	readonly outcomePublisher?: Pick<OutcomePublisher, 'interim'> | undefined;
	readonly processes?: Processes | undefined;
	readonly authorization?: Authorization | undefined;
	readonly authority: Pick<Authority, 'of' | 'runRefusal'>;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly methods: Pick<MethodRegistry, 'find'>;
	/** Makes a supervised call. */
	readonly startCall: (input: CallInput) => RunningCall;
	readonly print: PrintOnConsole;
	/** Calls `see` when the subscriber of these runs has ended, in whatever way. */
	readonly onExit: (see: () => void) => void;
}
