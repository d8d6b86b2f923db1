/**
 * Settlement of a message that was accepted here: one transaction removes it from its mailbox, and
 * files its receipt, the reply to its sender and, if it was started too often, a dead letter.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Message, Result } from '../../runtime/message/message.ts';
import type { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import { deadLetterChanges, type DeadLetter } from '../../runtime/ledger/dead-letters.ts';
import type { Receipt, Receipts } from '../../runtime/ledger/receipts.ts';
import { composeOwnOutput, composeReply, type Run } from '../../runtime/message/reply.ts';
import { refuseRun, type Authority } from '../../runtime/security/authority.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { MessageOutput } from './inbound-message.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What settlements work with. */
export interface SettlementParts {
	readonly node: string;
	readonly definition: MethodDefinition;
	readonly mailbox: Mailbox;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly router: MessageRouter;
	readonly receipts: Receipts;
	readonly journal: Journal;
	readonly passPoint: PassPoint;
	readonly config: Pick<Config, 'centralNodeName' | 'deadKeptMax'>;
}

/** What is known of a message when it has ended. */
export interface Ending {
	readonly run: Run;
	readonly problem: ReeveError | undefined;
	readonly tookMs: number;
	readonly end: MessageOutput;
	/** All output has been sent before, see `MethodDefinition.replies`. */
	readonly isStreamed?: boolean;
	/** What the result says if there is no problem. */
	readonly detail?: string;
}

/** Settles a message; resolves when that is on disk. */
export type Settle = (row: MailboxRow, message: Message, ending: Ending) => Promise<void>;

/** Creates what settles the messages of one subscriber. */
export function createSettlement(parts: SettlementParts): Settle {
	const { definition, mailbox, clock, journal, node, router, receipts, passPoint } = parts;
	const { replies } = definition;

	return async (row, message, ending) => {
		const result = resultOf(ending);
		const run = { ...ending.run, result };
		const how = replies && ending.isStreamed ? 'interim' : replies;
		const reply = composeReply(message, run, { clock, node, replies: how });
		const central = parts.config.centralNodeName;
		const own = composeOwnOutput(message, run, { clock, node, replies, central });
		const changes: Change[] = [...mailbox.removal(row)];
		if (ending.end.code === 'max_attempts') {
			const value = deadLetter(row, message, { ...ending, at: journal.now() });
			changes.push(...deadLetterChanges(value, parts));
		}
		if (!row.volatile)
			changes.push(...receipts.add([receiptOf(row, message, { ...ending, at: journal.now() })]));
		passPoint('call.ended');
		await router.send(
			[reply, own].filter((each) => each !== undefined),
			changes,
		);
		passPoint('call.settled');
		parts.signals.emit('call.ended', callEnded(message, ending));
	};
}

/** What decides whether a message may be run. */
export interface RefusalParts extends Pick<SettlementParts, 'signals'> {
	readonly authority: Pick<Authority, 'runRefusal'>;
	readonly definition: Pick<MethodDefinition, 'name'>;
}

/** How a message ends that may not be run here; undefined if it may. */
export function refusedEnd(
	{ authority, definition: { name: method }, signals }: RefusalParts,
	row: MailboxRow,
	attempts: number,
): Ending | undefined {
	const problem = refuseRun({ authority, signals }, row, method);
	if (!problem) return undefined;
	return { run: {}, problem, tookMs: 0, end: { outcome: 'refused', code: problem.code, attempts } };
}

/** What the sender is told. */
function resultOf({ run, problem, tookMs, end, ...more }: Ending): Result {
	const { exitCode, stderr } = run.output ?? {};
	const detail = problem?.detail ?? more.detail;
	return {
		outcome: end.outcome,
		attempts: end.attempts,
		durationMs: Math.round(tookMs),
		...(end.code ? { code: end.code } : {}),
		...(detail ? { detail } : {}),
		...(exitCode === undefined ? {} : { exitCode }),
		...(stderr ? { stderr } : {}),
	};
}

function receiptOf(
	{ at: takenAt }: MailboxRow,
	{ id, fromNode: from, method, askedBy }: Message,
	{ end, tookMs, at }: Pick<Ending, 'end' | 'tookMs'> & { at: number },
): Receipt {
	const { outcome, attempts, code } = end;
	const startedAt = attempts > 0 ? Math.round(at - tookMs) : undefined;
	return { id, from, method, outcome, code, attempts, at, takenAt, startedAt, askedBy };
}

/** The fields of the signal `call.ended`. A crash of the method has its stack as detail. */
export function callEnded(message: Message, { run, problem, tookMs, end }: Ending) {
	const { id, method, fromNode: from, methodArgs } = message;
	const { outcome, attempts, code = '' } = end;
	const stack = problem?.cause instanceof Error ? problem.cause.stack : undefined;
	const detail = stack ?? problem?.detail ?? '';
	const stderr = run.output?.stderr ?? '';
	return { id, method, from, outcome, tookMs, attempts, code, detail, stderr, methodArgs };
}

/** The dead letter: all that an operator needs to examine the message, or to send it again. */
function deadLetter(
	row: MailboxRow,
	{ id, fromNode, method }: Message,
	{ end, problem, at }: Ending & { at: number },
): DeadLetter {
	const { message, lane, seq } = row;
	return {
		id,
		fromNode,
		method,
		body: packMessage(message),
		...end,
		at,
		...(problem?.detail ? { detail: problem.detail } : {}),
		...(lane === undefined ? {} : { lane }),
		...(seq === undefined ? {} : { seq }),
	};
}
