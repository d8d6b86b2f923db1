/**
 * The runs of methods: each is counted on disk before it starts, made as a supervised call, and turned into
 * what its message's actor is told.
 *
 * @module
 */
import type { Cancellable } from '../runtime/cancellations.ts';
import type { MethodDefinition } from '../runtime/define.ts';
import type { Message } from '../runtime/envelope.ts';
import { asReeveError, isErrorCode, ReeveError } from '../runtime/errors.ts';
import type { MailRow, StartRecord } from '../runtime/mailbox.ts';
import type { Run } from '../runtime/reply.ts';
import type { CallEnd } from './call.ts';
import { createMethodContext } from './context.ts';
import type { MessageEvent } from './message.ts';
import type { RunningCall, TurnParts } from './message-turn.ts';

/** How often a message was started so far, and whether it is started alone. */
export type Attempt = Pick<StartRecord, 'attempts' | 'alone'>;

/** What one run of a method came to. */
export interface Once {
	readonly run: Run;
	readonly problem: ReeveError | undefined;
	readonly event: Extract<MessageEvent, { readonly type: 'ENDED' | 'CRASHED' }>;
}

/** The runs that {@link createRuns} makes. */
export interface Runs {
	/** Counts a start. Resolves when the method may be called. */
	begin(row: MailRow, message: Message, given: Attempt): Promise<void>;
	/** Runs the method once. Rejects only if the turns are over. */
	once(message: Message, attempt: number, cancellable: Cancellable): Promise<Once>;
	/** Stops what is running; what it was about stays in the mailbox. */
	stop(): void;
}

/** Creates the runs of one subscriber. `isOver` says that nothing that ends now counts any more. */
export function createRuns(parts: TurnParts, isOver: () => boolean): Runs {
	const { definition, mailbox, journal, clock, signals } = parts;
	const running = new Set<RunningCall>();

	const begin = async (row: MailRow, message: Message, given: Attempt): Promise<void> => {
		if (row.volatile) return;
		const key = [mailbox.method, row.arrival];
		const value: StartRecord = { epoch: journal.epoch, ...given };
		// A message that must not run twice is on disk as started before it is; for the others it is
		// enough that a crash of the process cannot forget the count.
		const until = policyOf(message, definition) === 'report' ? 'flushed' : 'committed';
		await journal.commit([{ table: 'started', key, value }], until);
		parts.passPoint('call.started');
	};

	const call = async (
		message: Message,
		attempt: number,
		cancellable: Cancellable,
	): Promise<CallEnd> => {
		const context = createMethodContext({ ...parts, message, attempt });
		const made = parts.startCall({ definition, message, clock, context });
		running.add(made);
		cancellable.onCancel(() => made.cancel());
		try {
			return await made.ended;
		} finally {
			running.delete(made);
		}
	};

	/** One run of a method: what came of it, and what the message's actor is told. */
	const once = async (
		message: Message,
		attempt: number,
		cancellable: Cancellable,
	): Promise<Once> => {
		const { id, method, fromNode: from } = message;
		signals.emit('call.started', { id, method, from, attempt });
		try {
			const { output, result } = await call(message, attempt, cancellable);
			const problem = result.code ? errorOf(result) : undefined;
			const { outcome: how } = result;
			const outcome = how === 'done' || how === 'cancelled' ? how : 'failed';
			const event = { type: 'ENDED', outcome, ...(problem ? { code: problem.code } : {}) } as const;
			return { run: output ? { output } : {}, problem, event };
		} catch (thrown) {
			if (isOver()) throw thrown;
			const problem = asReeveError(thrown, 'method_crashed');
			return { run: {}, problem, event: { type: 'CRASHED', code: 'method_crashed' } };
		}
	};

	return {
		begin,
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
