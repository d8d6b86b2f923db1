/**
 * The receiving side of one method: a ground floor, a method that does what the test says, and
 * what its turns are made of.
 *
 * @module
 */
import { createActor } from 'xstate';
import { z } from 'zod';
import { callLogic, type CallInput, type RunningCall } from '../../actors/inbound/call.ts';
import { createCancellations } from '../../runtime/mailbox/cancellations.ts';
import type { MethodContext, MethodDefinition } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { passAll } from '../../runtime/platform/crash-points.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { createMailbox } from '../../runtime/mailbox/mailbox.ts';
import { restored, type StoredOutRow } from '../../runtime/delivery/outbox-row.ts';
import { unpackMessage } from '../../runtime/message/codec.ts';
import type { Floor } from './ground-floor.ts';
import { mailOf } from './mail.ts';
import type { Output } from '../../runtime/message/reply.ts';
import type { RunServices } from '../../actors/inbound/run-services.ts';
import { rowsStartingWith } from '../../runtime/journal/schema.ts';

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

/** The parts of the turns of a method on a floor, and what the test looks at. */
export function receivingSide(
	floor: Floor,
	run: (message: Message, context: MethodContext) => Promise<Output | void>,
	fields: Partial<MethodDefinition> = {},
) {
	const { services, clock, journal } = floor;
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
		print: () => {},
		onExit: (see) => exits.push(see),
	};
	return {
		parts,
		mailbox,
		/** Ends the subscriber that the turns belong to. */
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
			floor.seen('call.ended').map((signal) => ('outcome' in signal ? signal.outcome : 'none')),
	};
}
