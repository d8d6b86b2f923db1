/**
 * One call of a method: by itself with a context that records what it did, as a call without a
 * supervisor, or as the receiving side of a composed node.
 *
 * @module
 */
import { join } from 'node:path';
import { createActor } from 'xstate';
import { z } from 'zod';
import { callLogic, type CallInput, type RunningCall } from '../../actors/inbound/call.ts';
import type { RunServices } from '../../actors/inbound/run-services.ts';
import { configOf } from '../../runtime/config/config.ts';
import { restored, type StoredOutRow } from '../../runtime/delivery/outbox-row.ts';
import { dataFile } from '../../runtime/files/data-folder.ts';
import { rowsStartingWith } from '../../runtime/journal/schema.ts';
import { createCancellations } from '../../runtime/mailbox/cancellations.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { createMailbox } from '../../runtime/mailbox/mailbox.ts';
import { unpackMessage } from '../../runtime/message/codec.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { Output } from '../../runtime/message/reply.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import { steppedClock } from '../../runtime/platform/clock.ts';
import { passAll } from '../../runtime/platform/crash-points.ts';
import { builtInMethods, type ComposedNode } from './composed-node.ts';
import { mailOf, messageOf } from './messages.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** Runs methods by themselves. */
export interface MethodRunner {
	/** The data folder. */
	readonly data: string;
	/** Where the node notes its appends. */
	readonly notesFolder: string;
	readonly printed: string[];
	/** Runs a method by name for a message of these fields. */
	run(
		method: string,
		fields?: Partial<Message>,
		context?: Partial<MethodContext>,
	): Promise<Output | void>;
	context(more?: Partial<MethodContext>): MethodContext;
}

/** Creates a runner, whose context is that of a node called ship1 with a data folder. */
export function createMethodRunner(t: TestScope): MethodRunner {
	const data = temporaryFolder(t);
	const notesFolder = join(temporaryFolder(t), 'notes');
	const printed: string[] = [];
	const context = (more: Partial<MethodContext> = {}): MethodContext => ({
		node: 'ship1',
		storeId: 'store1',
		clock: steppedClock(),
		signal: new AbortController().signal,
		timeoutMs: 10_000,
		askedBy: [],
		startupFolder: join(data, 'startup messages'),
		notesFolder,
		attempt: 1,
		outputBytesMax: 100_000,
		limits: configOf(),
		note: () => Promise.resolve(),
		reply: () => Promise.resolve(),
		hasCapacity: () => true,
		ask: () => Promise.reject(new Error('no node is asked here')),
		print: (text) => Promise.resolve(void printed.push(text)),
		dataFile: (...parts) => dataFile(data, ...parts),
		...more,
	});
	return {
		data,
		notesFolder,
		printed,
		context,
		run: (method, fields, more) =>
			methodOf(method).run(messageOf({ method, ...fields }), context(more)),
	};
}

/** The built-in method of this name; an error if there is none. */
export function methodOf(name: string): MethodDefinition {
	const definition = builtInMethods.find(name);
	if (!definition) throw new Error(`no method ${name}`);
	return definition;
}

/** A method of specs, called `REQSpec`, but for what is given. */
export function specMethod(fields: Partial<MethodDefinition> = {}): MethodDefinition {
	return {
		name: 'REQSpec',
		aliases: [],
		summary: 'Does what the test says',
		kind: 'CommandACK',
		ordering: 'sequential',
		onCrash: 'retry',
		replies: true,
		args: z.array(z.string()),
		example: {},
		run: () => Promise.resolve(),
		...fields,
	};
}

/** Runs a call without a supervisor. */
export function startCall(input: CallInput): RunningCall {
	const actor = createActor(callLogic, { input });
	const ended = new Promise<Awaited<RunningCall['ended']>>((resolve, reject) => {
		actor.subscribe({
			error: reject,
			complete: () => {
				const { output } = actor.getSnapshot();
				if (output) resolve(output);
				else reject(new Error('the call was stopped'));
			},
		});
	});
	actor.start();
	return { ended, stop: () => actor.stop(), cancel: () => actor.send({ type: 'CANCEL' }) };
}

/** The services of the runs of a method on a composed node, and what the test looks at. */
export function receivingSide(
	node: ComposedNode,
	run: (message: Message, context: MethodContext) => Promise<Output | void>,
	fields: Partial<MethodDefinition> = {},
) {
	const { services, clock, journal } = node;
	const definition = specMethod({ ...fields, run });
	const mailbox = createMailbox({ method: 'REQSpec', journal, concurrency: 1 });
	const exits: (() => void)[] = [];
	const parts: RunServices = {
		...services,
		storeId: journal.storeId,
		definition,
		mailbox,
		passPoint: passAll,
		crashRecovery: { isCrowd: false },
		cancellations: createCancellations(),
		startCall,
		print: () => Promise.resolve(),
		onExit: (see) => exits.push(see),
	};
	return {
		parts,
		mailbox,
		/** Ends the subscriber that the runs belong to. */
		exit: () => exits.forEach((see) => see()),
		/** Files a message, and resolves with its row when it is on disk. */
		async file(message: Partial<Message> & { id: string }): Promise<MailboxRow> {
			const deadline = clock.now() + (message.ttl ?? 60) * 1000;
			const fields = { method: 'REQSpec', kind: 'CommandACK', ...message } as const;
			const { row, changes } = mailbox.place(mailOf(fields, { deadline }));
			await journal.commit(changes);
			return row;
		},
		/** The replies in the outbox, oldest first. */
		replies: (): Message[] =>
			journal
				.scan<StoredOutRow>('outbox', rowsStartingWith('central/'))
				.map(({ value }) => unpackMessage(restored(0, value).body)),
		outcomes: () =>
			node.seen('call.ended').map((signal) => ('outcome' in signal ? signal.outcome : 'none')),
	};
}
