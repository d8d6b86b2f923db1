/**
 * Scheduled turns: a message with a schedule stays in its mailbox, and its method is run whenever
 * it is due. Each output is an interim reply; the outcome of the message comes when the schedule is
 * over, or somebody takes the message back.
 *
 * How far the schedule has come stands in the message's start record, written before and after each
 * run. The next run is reckoned when the last one has ended, so runs never overlap, and what was
 * missed in between, or while the node was down, is left out.
 *
 * @module
 */
import type { Cancellable } from '../../runtime/mailbox/cancellations.ts';
import { pause } from '../../runtime/platform/clock.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { MailboxRow, StartRecord } from '../../runtime/mailbox/mailbox-row.ts';
import { composeReply } from '../../runtime/message/reply.ts';
import { dueAfter, type Schedule, type ScheduleState } from '../../runtime/message/schedule.ts';
import type { MessageOutput } from './inbound-message.ts';
import { policyOf, type Once, type MethodAttempts } from './method-attempt.ts';
import { callEnded, createSettlement } from './settlement.ts';
import type { RunServices } from './run-services.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** The scheduled turns that {@link createScheduledRuns} makes. */
export interface ScheduledRuns {
	/** Whether a message has a schedule. */
	isOne(message: Message): boolean;
	/** Takes a message that has a schedule; false if it has none. Resolves when that is on disk. */
	adopt(row: MailboxRow, message: Message): Promise<boolean>;
	/** Goes on with one that an earlier process, or subscriber, has taken. */
	resume(row: MailboxRow, message: Message, start: ScheduledStart): void;
	/** Starts nothing more. */
	stop(): void;
}

type ScheduledStart = StartRecord & { readonly schedule: ScheduleState };

/** A wall clock that is set forward is noticed after this long. */
const waitMsMax = 60_000;

/** Creates the scheduled turns of one subscriber. */
export function createScheduledRuns(
	parts: RunServices,
	{ runs, isOver }: { readonly runs: MethodAttempts; readonly isOver: () => boolean },
): ScheduledRuns {
	const { definition, mailbox, journal, clock, config, signals, router, node } = parts;
	const settle = createSettlement(parts);
	const controller = new AbortController();

	const scheduleOf = (message: Message): Schedule | undefined =>
		message.schedule ?? definition.scheduleOf?.(message);
	const noted = (row: MailboxRow, schedule: ScheduleState, attempts = 0): Change => {
		const value: StartRecord = { epoch: journal.epoch, attempts, schedule };
		return { table: 'started', key: [mailbox.method, row.arrival], value };
	};

	/** Waits until the wall clock says `due`; it may be moved meanwhile. */
	const until = async (due: number, signal: AbortSignal): Promise<void> => {
		for (let leftMs = due - clock.now(); leftMs > 0 && !signal.aborted;) {
			await pause(clock, Math.min(leftMs, waitMsMax), signal);
			leftMs = due - clock.now();
		}
	};

	/** One run, with its output on the way when this resolves. */
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
				const due = dueOf(schedule, state, clock.now());
				const isDone = due === undefined || state.runs >= (schedule.times ?? Infinity);
				if (isDone || cancellable.isCancelled) {
					const tookMs = clock.now() - since;
					await settle(row, message, { ...endingOf(state, cancellable), tookMs, isStreamed: true });
					return;
				}
				await until(due + state.splayMs, waiting.signal);
				if (isOver() || cancellable.isCancelled) continue;
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
	/** What is given up because the subscriber dies or the node stops is on disk. */
	const begin = (row: MailboxRow, message: Message, start: ScheduledStart): void => {
		follow(row, message, start).catch(() => undefined);
	};

	return {
		isOne: (message) => scheduleOf(message) !== undefined,
		async adopt(row, message) {
			const wanted = scheduleOf(message);
			if (!wanted || row.volatile) return false;
			const splayMs = Math.floor(clock.random() * (wanted.splay ?? 0) * 1000);
			const schedule = { startedAt: clock.now(), splayMs, runs: 0, failed: 0 };
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
			// As if it had not been due yet; or as a run that has failed.
			const again = { ...rest, lastDue: (lastDue ?? clock.now()) - 1 };
			const over = {
				...rest,
				lastDue: lastDue ?? clock.now(),
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

/** When it is due next: what has been missed is left out. */
function dueOf(schedule: Schedule, { startedAt, lastDue }: ScheduleState, now: number) {
	const after = lastDue === undefined ? startedAt - 1 : Math.max(lastDue, now);
	return dueAfter(schedule, { startedAt, after });
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
