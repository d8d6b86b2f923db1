/**
 * The runs of methods: each is counted on disk before it starts, made as a supervised call, and
 * turned into what its message's actor is told.
 *
 * @module
 */
import type { Cancellable } from '../../runtime/mailbox/cancellations.ts';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, isErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow, StartRecord } from '../../runtime/mailbox/mailbox-row.ts';
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

/** What one run of a method came to. */
export interface Once {
	readonly run: Run;
	readonly problem: ReeveError | undefined;
	readonly event: Extract<MessageEvent, { readonly type: 'ENDED' | 'CRASHED' }>;
}

/** The runs that {@link createMethodAttempts} makes. */
export interface MethodAttempts {
	/** Counts a start. The method may be called when that resolves; without a promise at once. */
	begin(row: MailboxRow, message: Message, given: Attempt): Promise<void> | undefined;
	/**
	 * What counts the first start of messages that may run twice, all of them together. They may run
	 * when it is committed.
	 */
	beginAll(rows: readonly MailboxRow[]): readonly Change[];
	/** A message will not run any more. What was counted ahead for it is forgotten here. */
	over(row: MailboxRow): void;
	/** Runs the method once. Rejects only if the turns are over. */
	once(start: Start): Promise<Once>;
	/** Stops what is running; what it was about stays in the mailbox. */
	stop(): void;
}

/** Creates the runs of one subscriber. `isOver` says that nothing that ends now counts any more. */
export function createMethodAttempts(parts: RunServices, isOver: () => boolean): MethodAttempts {
	const { definition, mailbox, journal, clock, signals } = parts;
	const running = new Set<RunningCall>();

	/** Messages whose first start is counted, and which have not run. */
	const begun = new Set<number>();
	const begin: MethodAttempts['begin'] = (row, message, given) => {
		if (row.volatile) return undefined;
		if (begun.delete(row.arrival)) {
			parts.passPoint('call.started');
			return undefined;
		}
		const key = [mailbox.method, row.arrival];
		const value: StartRecord = { epoch: journal.epoch, ...given };
		// A message that must not run twice is on disk as started before it is; for the others it is
		// enough that a crash of the process cannot forget the count.
		const until = policyOf(message, definition) === 'report' ? 'flushed' : 'committed';
		return journal
			.commit([{ table: 'started', key, value }], until)
			.then(() => parts.passPoint('call.started'));
	};

	/** What notes how far a run has come. Whatever ran before it is not held against the message. */
	const progressChanges = ({ row, onProgress }: Start) => {
		if (row.volatile || !onProgress) return undefined;
		return (progress: unknown): readonly Change[] => {
			onProgress(progress);
			const value: StartRecord = { epoch: journal.epoch, attempts: 1, progress };
			return [{ table: 'started', key: [mailbox.method, row.arrival], value }];
		};
	};

	const call = (start: Start): RunningCall => {
		const { message, attempt, progress, cancellable } = start;
		const run = { message, attempt, progress, progressChanges: progressChanges(start) };
		const context = createMethodContext(parts, run);
		const made = parts.startCall({ definition, message, clock, context });
		running.add(made);
		cancellable.onCancel(() => made.cancel());
		return made;
	};

	/** One run of a method: what came of it, and what the message's actor is told. */
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
		const value: StartRecord = { epoch: journal.epoch, attempts: 1 };
		return rows.map(({ arrival }) => {
			begun.add(arrival);
			return { table: 'started', key: [mailbox.method, arrival], value };
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

/** What follows a death of the node while this message runs. */
export function policyOf(
	message: Message,
	definition: MethodDefinition,
): Message['onCrash'] & string {
	return message.onCrash ?? definition.onCrash;
}
