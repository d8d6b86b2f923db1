/**
 * Mistakes planted in delivery: outbox, lanes, inbox, acknowledgements.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const outbox = 'runtime/delivery/outbox.ts';
const sending = 'actors/outbound/lane-sending.ts';
const publisherSpec = 'spec/actors/outbound/publisher.test.ts';
const attempt = 'actors/inbound/method-attempt.ts';
const runSpec = 'spec/actors/inbound/message-run.test.ts';
const outboxSpec = 'spec/runtime/delivery/outbox.test.ts';

/** Planted mistakes in delivery. */
export const delivery: readonly Mutant[] = [
	{
		id: 'renew-spares-the-last-message',
		file: outbox,
		from: 'lane.repeatUpTo = lane.next - 1;',
		to: 'lane.repeatUpTo = lane.next - 2;',
		specs: [outboxSpec],
	},
	{
		id: 'rebinding-forgets-what-was-sent',
		file: outbox,
		from: 'lane.formerUpTo = Math.max(lane.formerUpTo, sentUpTo);',
		to: 'lane.formerUpTo = 0;',
		specs: [outboxSpec],
	},
	{
		id: 'window-holds-one-row-too-many',
		file: outbox,
		from: 'lane.rows.length < config.windowMessagesMax && seq',
		to: 'lane.rows.length <= config.windowMessagesMax && seq',
		specs: [outboxSpec],
	},
	{
		id: 'resolve-leaves-the-last-row-on-disk',
		file: outbox,
		from: 'for (let seq = from; seq <= upTo; seq += 1)',
		to: 'for (let seq = from; seq < upTo; seq += 1)',
		specs: [outboxSpec],
	},
	{
		id: 'fill-reads-what-is-not-flushed',
		file: outbox,
		from: 'const to = Math.min(lane.flushed + 1, from + capacity);',
		to: 'const to = from + capacity;',
		specs: [outboxSpec],
	},
	{
		id: 'acks-of-a-former-store-are-heeded',
		file: sending,
		from: 'if (lane.boundTo !== undefined && storeId !== lane.boundTo) return {};',
		to: 'void storeId;',
		specs: [publisherSpec],
		only: '^an acknowledgement of a store',
	},
	{
		id: 'failures-are-never-reset-by-an-ack',
		file: sending,
		from: 'const failures = count > 0 ? 0 : context.failures;',
		to: 'const { failures } = context;',
		specs: [publisherSpec],
		only: '^failures are over',
	},
	{
		id: 'settlement-is-told-before-its-flush',
		file: sending,
		from: 'const written = journal.commit(settlement.changes).then(',
		to: "const written = journal.commit(settlement.changes, 'committed').then(",
		specs: [publisherSpec],
		only: '^a power cut',
	},
	{
		id: 'credit-never-shrinks',
		file: 'actors/outbound/send-window.ts',
		from: 'credit = ack.credit;',
		to: 'credit = Math.max(credit, ack.credit);',
		specs: ['spec/conformance/invariants.test.ts'],
		only: '^I18',
	},
	{
		id: 'report-start-is-only-committed',
		file: attempt,
		from: "=== 'report' ? 'flushed' : 'committed';",
		to: "=== 'report' ? 'committed' : 'committed';",
		specs: [runSpec],
		only: '^a power cut',
	},
	{
		id: 'second-try-leaves-its-start-record',
		file: 'actors/durable/trigger-run.ts',
		from: 'mailbox.removal(mail, attempts > 1)',
		to: 'mailbox.removal(mail, attempts > 2)',
		specs: ['spec/actors/durable/poison.test.ts'],
		only: '^a second restart',
	},
	{
		id: 'new-mail-does-not-wait-for-suspects',
		file: 'actors/inbound/subscriber.ts',
		from: 'await crashRecovery.over;',
		to: 'void crashRecovery.over;',
		specs: ['spec/actors/inbound/subscriber.test.ts'],
		only: '^new mail waits',
	},
	{
		id: 'new-mail-of-actors-does-not-wait-for-methods',
		file: 'actors/durable/host-runtime.ts',
		from: 'await parts.mayRun;',
		to: 'void parts.mayRun;',
		specs: ['spec/actors/durable/host-runtime.test.ts'],
		only: '^new mail of an actor',
	},
	{
		id: 'new-mail-of-actors-overtakes-suspects',
		file: 'actors/durable/turn-scheduler.ts',
		from: 'const first = lone.shift();',
		to: 'const first = queued.length === 0 ? lone.shift() : undefined;',
		specs: ['spec/actors/durable/poison.test.ts'],
		only: '^what was running',
	},
	{
		id: 'outcome-is-told-before-its-flush',
		file: 'runtime/intake/message-router.ts',
		from: `if (changes.length > 0) await journal.commit(changes);
			for (const each of afterwards) each();`,
		to: `for (const each of afterwards) each();
			if (changes.length > 0) await journal.commit(changes);`,
		specs: ['spec/runtime/intake/message-router.test.ts'],
		only: '^an outcome is told',
	},
	{
		id: 'outcome-is-told-when-it-is-only-committed',
		file: 'runtime/intake/message-router.ts',
		from: 'if (changes.length > 0) await journal.commit(changes);',
		to: "if (changes.length > 0) await journal.commit(changes, 'committed');",
		specs: ['spec/runtime/intake/message-router.test.ts'],
		only: '^an outcome is told',
	},
	{
		id: 'missed-ticks-of-a-schedule-come-in-a-burst',
		file: 'runtime/message/schedule.ts',
		from: 'const after = lastDue > storeMs + everyMs ? storeMs : Math.max(lastDue, storeMs);',
		to: 'const after = lastDue > storeMs + everyMs ? storeMs : lastDue;',
		specs: ['spec/actors/inbound/scheduled-run.test.ts', 'spec/runtime/message/schedule.test.ts'],
		only: 'missed|after a death',
	},
	{
		id: 'missed-times-of-a-schedule-come-in-a-burst',
		file: 'runtime/message/schedule.ts',
		from: 'const due = timeAfter(schedule, Math.max(lastDue, wallMs));',
		to: 'const due = timeAfter(schedule, lastDue);',
		specs: ['spec/runtime/message/schedule.test.ts'],
		only: 'missed',
	},
];
