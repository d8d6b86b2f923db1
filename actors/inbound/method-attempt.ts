/**
 * Attempts to run a method: each is counted on disk before it starts, made as a supervised call,
 * and its end becomes an event for the message's actor.
 *
 * @module
 */
import type { Cancellable } from '../../runtime/mailbox/cancellations.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, isErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { startChange, type StartRecord } from '../../runtime/mailbox/start-rows.ts';
import type { Run } from '../../runtime/message/reply.ts';
import type { CallEnd, RunningCall } from './call.ts';
import { createMethodContext } from './method-context.ts';
import type { MessageEvent } from './inbound-message.ts';
import type { RunServices } from './run-services.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** How often a message was started so far, and whether it is started alone. */
export type Attempt = Pick<StartRecord, 'attempts' | 'alone' | 'progress'>;

/** One start of a method. */
export interface Start {
	readonly row: MailboxRow;
	readonly message: Message;
	readonly attempt: number;
	readonly cancellable: Cancellable;
	/** How far the last run had come. */
	readonly progress?: unknown;
	/** Called with what the run notes. Without it nothing is noted. */
	readonly onProgress?: (progress: unknown) => void;
}

/** How one run of a method ended, and the event that says so to the message's actor. */
export interface Once {
	readonly run: Run;
	readonly problem: ReeveError | undefined;
	readonly event: Extract<MessageEvent, { readonly type: 'ENDED' | 'CRASHED' }>;
}

/** What {@link createMethodAttempts} makes. */
export interface MethodAttempts {
	/** Counts a start. The method may be called when this resolves, or at once if it is undefined. */
	begin(row: MailboxRow, message: Message, given: Attempt): Promise<void> | undefined;
	/**
	 * The changes that count the first start of messages that may run twice. They may run when these
	 * are committed.
	 */
	beginAll(rows: readonly MailboxRow[]): readonly Change[];
	/** Forgets a start that `beginAll` counted, because its message will not run any more. */
	over(row: MailboxRow): void;
	/** Runs the method once. Rejects only if `isOver`. */
	once(start: Start): Promise<Once>;
	/** Stops running calls; their messages stay in the mailbox. */
	stop(): void;
}

/** Creates the attempts of one subscriber. `isOver`: an attempt that ends now has no effect. */
export function createMethodAttempts(parts: RunServices, isOver: () => boolean): MethodAttempts {
	const { definition, mailbox, journal, clock, signals } = parts;
	const running = new Set<RunningCall>();

	/** Arrivals of messages whose first start is counted, and which have not run. */
	const begun = new Set<number>();
	const begin: MethodAttempts['begin'] = (row, message, given) => {
		if (row.volatile) return undefined;
		if (begun.delete(row.arrival)) {
			parts.passPoint('call.started');
			return undefined;
		}
		const key = [mailbox.method, row.arrival];
		const value = { epoch: journal.epoch, ...given };
		// A message that must not run twice is started only when its count is flushed; for the others
		// it is enough that the count survives a crash of the process.
		const until = policyOf(message, definition) === 'report' ? 'flushed' : 'committed';
		return journal
			.commit([startChange(key, value)], until)
			.then(() => parts.passPoint('call.started'));
	};

	/** The changes that note how far a run has come. They reset the count of starts. */
	const progressChanges = ({ row, onProgress }: Start) => {
		if (row.volatile || !onProgress) return undefined;
		return (progress: unknown): readonly Change[] => {
			onProgress(progress);
			const value = { epoch: journal.epoch, attempts: 1, progress };
			return [startChange([mailbox.method, row.arrival], value)];
		};
	};

	const call = (start: Start): RunningCall => {
		const { row, message, attempt, progress, cancellable } = start;
		const principals = parts.authority.of(row);
		const noting = progressChanges(start);
		const { from } = row;
		const run = { message, from, principals, attempt, progress, progressChanges: noting };
		const context = createMethodContext(parts, run);
		const made = parts.startCall({ definition, message, clock, context });
		running.add(made);
		cancellable.onCancel(() => made.cancel());
		return made;
	};

	const once = async (start: Start): Promise<Once> => {
		const { message, attempt } = start;
		const { id, method, fromNode: from } = message;
		signals.emit('call.started', { id, method, from, attempt });
		const made = call(start);
		try {
			const { output, result } = await made.ended;
			const problem = result.code ? errorOf(result) : undefined;
			const { outcome: how } = result;
			const outcome = how === 'done' || how === 'cancelled' ? how : 'failed';
			const event = { type: 'ENDED', outcome, ...(problem ? { code: problem.code } : {}) } as const;
			return { run: output ? { output } : {}, problem, event };
		} catch (thrown) {
			if (isOver()) throw thrown;
			const problem = asReeveError(thrown, 'method_crashed');
			return { run: {}, problem, event: { type: 'CRASHED', code: 'method_crashed' } };
		} finally {
			running.delete(made);
		}
	};

	const beginAll = (rows: readonly MailboxRow[]): readonly Change[] => {
		const value = { epoch: journal.epoch, attempts: 1 };
		return rows.map(({ arrival }) => {
			begun.add(arrival);
			return startChange([mailbox.method, arrival], value);
		});
	};

	return {
		begin,
		beginAll,
		over: ({ arrival }) => void begun.delete(arrival),
		once,
		stop() {
			for (const call of running) call.stop();
		},
	};
}

function errorOf({ code = 'internal', detail }: CallEnd['result']): ReeveError {
	return new ReeveError(isErrorCode(code) ? code : 'internal', detail);
}

/** Whether a message is run again, or reported, if the node dies while it runs. */
export function policyOf(
	message: Message,
	definition: MethodDefinition,
): Message['onCrash'] & string {
	return message.onCrash ?? definition.onCrash;
}
