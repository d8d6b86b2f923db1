/**
 * Scheduled runs: a message with a schedule stays in its mailbox, and its method is run whenever it
 * is due. Each output is an interim reply; the outcome of the message follows when the schedule is
 * over or the message is taken back.
 *
 * The state of the schedule is kept in the message's start record, written before and after each
 * run. The next run is planned when the last one has ended: runs never overlap, and runs that were
 * missed meanwhile, or while the node was down, are skipped.
 *
 * @module
 */
import type { Cancellable } from '../../runtime/mailbox/cancellations.ts';
import { pause } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { startChange, type StartRecord } from '../../runtime/mailbox/start-rows.ts';
import { composeReply } from '../../runtime/message/reply.ts';
import {
	clockOf,
	nextRun,
	scheduleProblem,
	type Moment,
	type Schedule,
	type ScheduleState,
} from '../../runtime/message/schedule.ts';
import type { MessageOutput } from './inbound-message.ts';
import { policyOf, type Once, type MethodAttempts } from './method-attempt.ts';
import { callEnded, createSettlement, refusedEnd } from './settlement.ts';
import type { RunServices } from './run-services.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What {@link createScheduledRuns} makes. */
export interface ScheduledRuns {
	/** Whether a message has a schedule. */
	isOne(message: Message): boolean;
	/** Takes over a message that has a schedule; false if it has none. Resolves when on disk. */
	adopt(row: MailboxRow, message: Message): Promise<boolean>;
	/** Goes on with a message that an earlier process, or subscriber, has taken over. */
	resume(row: MailboxRow, message: Message, start: ScheduledStart): void;
	/** Starts nothing more. */
	stop(): void;
}

type ScheduledStart = StartRecord & { readonly schedule: ScheduleState };

/** The longest wait before the wall clock is read again: it may have been set. */
const waitMsMax = 60_000;

/** Creates the scheduled runs of one subscriber. */
export function createScheduledRuns(
	parts: RunServices,
	{ runs, isOver }: { readonly runs: MethodAttempts; readonly isOver: () => boolean },
): ScheduledRuns {
	const { definition, mailbox, journal, clock, config, signals, router, node } = parts;
	const settle = createSettlement(parts);
	const controller = new AbortController();

	const scheduleOf = (message: Message): Schedule | undefined =>
		message.schedule ?? definition.scheduleOf?.(message);
	const noted = (row: MailboxRow, schedule: ScheduleState, attempts = 0): Change =>
		startChange([mailbox.method, row.arrival], { epoch: journal.epoch, attempts, schedule });

	const moment = (): Moment => ({ storeMs: journal.now(), wallMs: clock.now() });
	/** Waits for a run, and says when it was due: earlier, if the clock is set back meanwhile. */
	const waitFor = async (
		schedule: Schedule,
		{ state, due: planned }: { readonly state: ScheduleState; readonly due: number },
		signal: AbortSignal,
	): Promise<number> => {
		let due = planned;
		while (!signal.aborted) {
			const leftMs = due + state.splayMs - clockOf(schedule, moment());
			if (leftMs <= 0) break;
			await pause(clock, Math.min(leftMs, waitMsMax), signal);
			due = Math.min(due, nextRun(schedule, state, moment()) ?? due);
		}
		return due;
	};

	/** Runs the method once; its output is in the outbox when this resolves. */
	const tick = async (row: MailboxRow, message: Message, given: Tick): Promise<ScheduleState> => {
		const { cancellable, attempts, ...more } = given;
		const before = { ...more.state, isRunning: true, lastDue: more.due } as const;
		await journal.commit([noted(row, before, attempts)]);
		const since = clock.monotonic();
		const once = await runs.once({ row, message, attempt: attempts, cancellable });
		const { run, problem } = once;
		const end = endOf(once, attempts);
		const { isRunning: _, ...state } = before;
		const failed = state.failed + (end.outcome === 'done' ? 0 : 1);
		const after = { ...state, failed, runs: state.runs + 1 };
		const { replies } = definition;
		const hasOutput = run.output?.data !== undefined;
		const reply = hasOutput ? composeReply(message, run, { clock, node, replies }) : undefined;
		await router.send(reply ? [reply] : [], [noted(row, after)]);
		signals.emit(
			'call.ended',
			callEnded(message, { run, problem, tookMs: clock.monotonic() - since, end }),
		);
		return after;
	};

	const follow = async (
		row: MailboxRow,
		message: Message,
		start: ScheduledStart,
	): Promise<void> => {
		const problem = message.schedule && scheduleProblem(message.schedule);
		if (problem !== undefined) {
			const end: MessageOutput = { outcome: 'failed', code: 'bad_message', attempts: 0 };
			await settle(row, message, { run: {}, problem: undefined, tookMs: 0, end, detail: problem });
			return;
		}
		const schedule = scheduleOf(message) ?? {};
		const cancellable = parts.cancellations.watch(row.id);
		const waiting = new AbortController();
		const wake = () => waiting.abort();
		controller.signal.addEventListener('abort', wake, { once: true });
		let state = start.schedule;
		let { attempts } = start;
		const since = state.startedAt;
		try {
			while (!isOver()) {
				cancellable.onCancel(wake);
				const planned = nextRun(schedule, state, moment());
				const isDone = planned === undefined || state.runs >= (schedule.times ?? Infinity);
				if (isDone || cancellable.isCancelled) {
					const tookMs = journal.now() - since;
					await settle(row, message, { ...endingOf(state, cancellable), tookMs, isStreamed: true });
					return;
				}
				const due = await waitFor(schedule, { state, due: planned }, waiting.signal);
				if (isOver() || cancellable.isCancelled) continue;
				const refused = refusedEnd(parts, row, state.runs);
				if (refused) {
					await settle(row, message, { ...refused, isStreamed: true });
					return;
				}
				attempts += 1;
				const given = { state, due, attempts, cancellable };
				state = await mailbox.enqueue(() => tick(row, message, given));
				attempts = 0;
			}
		} finally {
			controller.signal.removeEventListener('abort', wake);
			cancellable.over();
		}
	};
	const begin = (row: MailboxRow, message: Message, start: ScheduledStart): void => {
		// It rejects if the subscriber dies or the node stops; the start record is then on disk.
		follow(row, message, start).catch(() => undefined);
	};

	return {
		isOne: (message) => scheduleOf(message) !== undefined,
		async adopt(row, message) {
			const wanted = scheduleOf(message);
			if (!wanted || row.volatile) return false;
			const splayMs = Math.floor(clock.random() * (wanted.splay ?? 0) * 1000);
			const schedule = { startedAt: journal.now(), splayMs, runs: 0, failed: 0 };
			await journal.commit([noted(row, schedule)]);
			begin(row, message, { epoch: journal.epoch, attempts: 0, schedule });
			return true;
		},
		resume(row, message, start) {
			const { schedule, attempts } = start;
			const { isRunning, lastDue, ...rest } = schedule;
			if (!isRunning) return begin(row, message, start);
			const { id, method } = message;
			const mayRetry = policyOf(message, definition) === 'retry' && attempts < config.attemptsMax;
			signals.emit('replay.decided', { id, method, decision: mayRetry ? 'redeliver' : 'report' });
			// Either the interrupted run is due again, or it counts as a run that has failed.
			const last = lastDue ?? clockOf(scheduleOf(message) ?? {}, moment());
			const again = { ...rest, lastDue: last - 1 };
			const over = {
				...rest,
				lastDue: last,
				runs: rest.runs + 1,
				failed: rest.failed + 1,
			};
			return begin(
				row,
				message,
				mayRetry ? { ...start, schedule: again } : { ...start, attempts: 0, schedule: over },
			);
		},
		stop: () => controller.abort(),
	};
}

/** What a run is made from. */
interface Tick {
	readonly state: ScheduleState;
	readonly due: number;
	readonly attempts: number;
	readonly cancellable: Cancellable;
}

function endOf({ event }: Once, attempts: number): MessageOutput {
	if (event.type === 'CRASHED') return { outcome: 'failed', code: 'method_crashed', attempts };
	const { outcome, code } = event;
	return { outcome, attempts, ...(code ? { code } : {}) };
}

/** How the message ends when its schedule does. */
function endingOf({ runs, failed }: ScheduleState, { isCancelled }: Cancellable) {
	const end: MessageOutput = isCancelled
		? { outcome: 'cancelled', code: 'cancelled', attempts: runs }
		: { outcome: 'done', attempts: runs };
	return { run: {}, problem: undefined, end, detail: `${runs} runs, ${failed} of them failed` };
}
