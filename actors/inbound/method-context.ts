/**
 * The context of a running method: the services of its node that it may use.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { derivedIdStarts } from '../../runtime/platform/ids.ts';
import type { PrintOnConsole } from '../../runtime/observability/console.ts';
import { appendNotesFolderOf, startupFolderOf } from '../../runtime/config/own-folders.ts';
import { dataFile } from '../../runtime/files/data-folder.ts';
import type { OutcomePublisher } from '../../runtime/intake/outcome-publisher.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { askedByOf, type Principal } from '../../runtime/message/principal.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Outbox } from '../../runtime/delivery/outbox.ts';
import type { Processes } from '../../runtime/method/processes.ts';
import type { Received } from '../../runtime/ledger/received-messages.ts';
import { checkOutputData, composeReply } from '../../runtime/message/reply.ts';
import type { Authorization } from '../../runtime/security/authorization.ts';
import { askMessage, type AskingParts } from './method-ask.ts';
import type { Change } from '../../runtime/journal/schema.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';

/** What a context is made from. */
export interface ContextParts extends AskingParts {
	readonly definition: MethodDefinition;
	readonly journal: Pick<Journal, 'commit'>;
	readonly outbox: Pick<Outbox, 'waiting'>;
	readonly storeId: string;
	readonly received?: Received | undefined;
	/** Without it no interim result is published. */
	readonly outcomePublisher?: Pick<OutcomePublisher, 'interim'> | undefined;
	readonly processes?: Processes | undefined;
	readonly authorization?: Authorization | undefined;
	readonly print: PrintOnConsole;
}

/** The run that a context is for. */
export interface ContextRun {
	readonly message: Message;
	/** The node that has sent it. */
	readonly from: string;
	/** On whose behalf is what the run sends. */
	readonly principals: readonly Principal[];
	readonly attempt: number;
	/** What an earlier run has noted. */
	readonly progress?: unknown;
	/** The changes that note how far the run has come; none for a message that is not on disk. */
	readonly progressChanges?: ((progress: unknown) => readonly Change[]) | undefined;
}

/** Creates the context of one run; the call adds the signal. */
export function createMethodContext(
	parts: ContextParts,
	run: ContextRun,
): Omit<MethodContext, 'signal'> {
	const { node, clock, config, definition, router, outcomePublisher } = parts;
	const { message, attempt } = run;
	const { replies } = definition;
	const noted = (progress: unknown) =>
		progress === undefined ? [] : (run.progressChanges?.(progress) ?? []);
	return {
		node,
		clock,
		attempt,
		storeId: parts.storeId,
		received: parts.received,
		processes: parts.processes,
		authorization: parts.authorization,
		progress: run.progress,
		limits: config,
		timeoutMs: timeoutOf(message, parts) * 1000,
		outputBytesMax: config.outputBytesMax,
		hasCapacity: () => parts.outbox.waiting() < config.outboxMessagesMax,
		async note(progress) {
			await parts.journal.commit(noted(progress)).catch(ignoreIfFenced);
		},
		async reply(data, progress) {
			checkOutputData(data);
			const interim = composeReply(message, { output: { data } }, { clock, node, replies });
			// A send that fails is ignored: the node is stopping, and the run will be replayed.
			// Where another node wants it published is not for it to say.
			const published = run.from === node ? outcomePublisher?.interim(message, data) : undefined;
			const changes = [...noted(progress), ...(published?.changes ?? [])];
			await router.send(interim ? [interim] : [], changes).then(published?.flushed, ignoreIfFenced);
		},
		warn({ code, detail }) {
			parts.signals.emit('call.warned', { id: message.id, method: definition.name, code, detail });
		},
		ask({ id, ...asked }, signal) {
			const own = id === undefined ? {} : { id: runId(message, id) };
			return askMessage(parts, { ...asked, ...own, ...askedByOf(run.principals) }, signal);
		},
		askedBy: run.principals,
		startupFolder: startupFolderOf(config),
		notesFolder: appendNotesFolderOf(config),
		print: (text) => parts.print(message.fromNode, text),
		dataFile: (...path) => dataFile(config.subscribersDataFolder, ...path),
	};
}

/**
 * The id of what a run asks, made from the message that it is for: of another message, or of one of
 * another sender, it is another.
 */
function runId({ fromNode, id, method }: Message, name: string): string {
	const said = JSON.stringify([fromNode, id, method, name]);
	const hash = createHash('sha256').update(said).digest('hex');
	return `${derivedIdStarts.run}${hash.slice(0, 32)}`;
}

/** Longer than any node runs. */
const endlessSeconds = 3_153_600_000;

function timeoutOf(message: Message, { definition, config }: ContextParts): number {
	const seconds =
		message.methodTimeout || definition.timeoutOf?.(message) || config.defaultMethodTimeout;
	return seconds < 0 ? endlessSeconds : seconds;
}
