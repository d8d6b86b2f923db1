/**
 * The run of one accepted message: its start is counted on disk, a call runs its method, and one
 * transaction removes it from its mailbox and files its reply.
 *
 * A loop drives the message's actor: START, one attempt, the event of its end, and again while the
 * actor is active. A chart that emits when to run was tried in its place: the listeners and the
 * promise for the end cost a message about a fifth more processor time, and the order of a run was
 * spread over callbacks.
 *
 * @module
 */
import type { Actor } from 'xstate';
import type { Cancellable } from '../../runtime/mailbox/cancellations.ts';
import { pause } from '../../runtime/platform/clock.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { StartRecord } from '../../runtime/mailbox/start-rows.ts';
import { planReplay } from '../../runtime/mailbox/crash-recovery.ts';
import { startMessageActor, stopMessageActor } from '../statecharts/light-actor.ts';
import { messageLogic, type MessageOutput } from './inbound-message.ts';
import { createMethodAttempts, policyOf, type Attempt, type Once } from './method-attempt.ts';
import { createScheduledRuns } from './scheduled-run.ts';
import { createSettlement, refusedEnd } from './settlement.ts';
import type { RunServices } from './run-services.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What {@link createMessageRuns} makes. */
export interface MessageRuns {
	/**
	 * Runs a message until it is settled. Rejects if the node stops first; the row then stays.
	 * `freed` is called when only the settlement has yet to reach the disk.
	 */
	run(row: MailboxRow, freed?: () => void): Promise<void>;
	/** The changes that count the starts of messages that may run twice; `run` then does not. */
	readonly begin?: (rows: readonly MailboxRow[]) => readonly Change[];
	/** Decides what becomes of a message that was started before a crash. */
	replay(row: MailboxRow, start: StartRecord): Promise<void>;
	/**
	 * Gives running calls `stopTimeout`, then stops them. Their messages stay in the mailbox.
	 */
	abandon(): void;
}

/** The pause before a message whose method crashed is run again, times its starts so far. */
const crashPauseMs = 200;
/**
 * How long recovery waits for a durable run before it goes on, in case that run is what kills the
 * node.
 */
const provenMs = 1000;

/** A message's earlier starts, and what is called when only its settlement is left. */
interface Taking extends Attempt {
	readonly freed?: (() => void) | undefined;
}

type MessageActor = Actor<typeof messageLogic>;

/** Creates the runs of one subscriber. */
export function createMessageRuns(parts: RunServices): MessageRuns {
	const { definition, mailbox, journal, clock, config, signals } = parts;
	const settle = createSettlement(parts);
	let stopping = false;
	// The successor of a dead subscriber decides about what was running: what still ends here must
	// have no effect.
	let isFenced = false;
	const runs = createMethodAttempts(parts, () => stopping || isFenced);
	const scheduled = createScheduledRuns(parts, { runs, isOver: () => stopping || isFenced });
	parts.onExit(() => {
		isFenced = true;
		runs.stop();
		scheduled.stop();
	});

	/** Runs a message until it ends, is dead, or the node stops. */
	const take = async (row: MailboxRow, message: Message, earlier: Taking): Promise<void> => {
		const refused = refusedEnd(parts, row, earlier.attempts);
		if (refused) {
			runs.over(row);
			return settle(row, message, refused);
		}
		const cancellable = parts.cancellations.watch(row.id);
		const actor = startActor(message, parts, earlier.attempts);
		try {
			await takeToEnd(row, message, { ...earlier, cancellable, actor });
		} finally {
			cancellable.over();
			runs.over(row);
			stopMessageActor(actor);
		}
	};
	const takeToEnd = async (
		row: MailboxRow,
		message: Message,
		{
			cancellable,
			actor,
			freed,
			...earlier
		}: Taking & { cancellable: Cancellable; actor: MessageActor },
	): Promise<void> => {
		let last: Omit<Once, 'event'> = { run: {}, problem: undefined };
		let { progress } = earlier;
		const onProgress = (noted: unknown): void => {
			progress = noted;
		};
		const startedAt = clock.monotonic();
		if (row.deadline <= journal.now()) actor.send({ type: 'EXPIRED' });
		while (actor.getSnapshot().status === 'active') {
			if (stopping || isFenced) throw new ReeveError('stopping');
			if (cancellable.isCancelled) {
				actor.send({ type: 'CANCELLED' });
				break;
			}
			actor.send({ type: 'START' });
			const attempt = actor.getSnapshot().context.attempts;
			const beginning = runs.begin(row, message, { ...earlier, progress, attempts: attempt });
			if (beginning) await beginning;
			const start = { row, message, attempt, cancellable, progress, onProgress };
			const { event, ...once } = await runs.once(start);
			last = once;
			actor.send(event);
			const isCrash = event.type === 'CRASHED' && actor.getSnapshot().status === 'active';
			if (isCrash) await pause(clock, crashPauseMs * attempt);
		}
		if (isFenced) throw new ReeveError('killed', mailbox.method);
		const tookMs = clock.monotonic() - startedAt;
		const { context, output } = actor.getSnapshot();
		const end = output ?? { outcome: 'failed', code: 'internal', attempts: context.attempts };
		const settled = settle(row, message, { ...last, tookMs, end });
		freed?.();
		await settled;
	};

	return {
		async run(row, freed) {
			const { message } = row;
			if (scheduled.isOne(message) && (await scheduled.adopt(row, message))) return;
			await take(row, message, { attempts: 0, freed });
		},
		...(definition.onCrash === 'retry' && {
			begin: (rows: readonly MailboxRow[]) =>
				runs.beginAll(rows.filter((row) => mayBegin(row, definition))),
		}),
		async replay(row, start) {
			const { attempts, alone, epoch, progress, schedule } = start;
			const { message } = row;
			if (schedule) return scheduled.resume(row, message, { ...start, schedule });
			const { attemptsMax } = config;
			const onCrash = policyOf(message, definition);
			const inDoubt = epoch < journal.epoch && !alone && parts.crashRecovery.isCrowd;
			const decision = planReplay({ onCrash, attempts, attemptsMax, inDoubt });
			const { id, method } = message;
			signals.emit('replay.decided', { id, method, decision });
			if (decision === 'redeliver' && (definition.durable || definition.untilTimeout)) {
				const taken = take(row, message, { attempts, progress });
				// It rejects if its subscriber dies or the node stops; the row is then still on disk.
				void mailbox.attend(() => taken).catch(() => undefined);
				return Promise.race([taken, pause(clock, provenMs)]);
			}
			if (decision === 'redeliver') return take(row, message, { attempts, alone: true });
			const end: MessageOutput =
				decision === 'report'
					? { outcome: 'interrupted', code: 'interrupted', attempts }
					: { outcome: 'failed', code: 'max_attempts', attempts };
			await settle(row, message, { run: {}, problem: undefined, tookMs: 0, end });
		},
		abandon() {
			stopping = true;
			scheduled.stop();
			clock.after(config.stopTimeout * 1000, () => {
				runs.stop();
			});
		},
	};
}

/** The actor of a message that has been started `attempts` times. */
function startActor(message: Message, parts: RunServices, attempts: number): MessageActor {
	const { definition, config } = parts;
	return startMessageActor(messageLogic, {
		id: message.id,
		method: definition.name,
		onCrash: policyOf(message, definition),
		attemptsMax: config.attemptsMax,
		attempts,
	});
}

/** Whether the start of a message may be counted before it is about to run. */
function mayBegin({ message, volatile }: MailboxRow, definition: MethodDefinition): boolean {
	if (volatile) return false;
	const isScheduled = message.schedule ?? definition.scheduleOf?.(message);
	return policyOf(message, definition) === 'retry' && isScheduled === undefined;
}
