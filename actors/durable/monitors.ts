/**
 * Monitors: the messages that wait for the end of an instance. Each stays in the mailbox of the
 * actor, on disk, until the instance ends, is parked or begins anew, and is then answered. The
 * machine does not see them.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Outcome } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { Receipts } from '../../runtime/ledger/receipts.ts';
import { composeReply } from '../../runtime/message/reply.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Trigger } from '../turn/trigger.ts';
import type { TurnDraft } from '../turn/turn-draft.ts';
import type { InstanceCache } from './instance-cache.ts';
import { demonitorType, monitorType, type EndReason } from '../definition/monitor-message.ts';
import type { Change } from '../../runtime/journal/schema.ts';
import { isFenced } from '../../runtime/journal/fencing.ts';

/** What monitors need. */
export interface MonitorsParts {
	readonly node: string;
	readonly actor: string;
	readonly clock: Clock;
	readonly mailbox: Mailbox;
	readonly signals: Signals;
	readonly receipts: Receipts;
	readonly journal: Pick<Journal, 'now'>;
	readonly router: MessageRouter;
	readonly instances: () => Pick<InstanceCache, 'use'>;
	/** Called with an error of the host itself. */
	readonly broken: (thrown: unknown) => void;
}

/** The monitors of the instances of one actor. */
export interface Monitors {
	/** Takes a message that monitors or demonitors; false if it is for the machine. */
	take(trigger: Trigger): boolean;
	/** Answers all monitors of an instance, with the turn of this draft. */
	tell(draft: TurnDraft, reason: EndReason): void;
	/** Answers no more monitors; their messages stay in the mailbox. */
	stop(): void;
}

/** Creates the monitors of one actor. */
export function createMonitors(parts: MonitorsParts): Monitors {
	const { node, actor, clock, mailbox, signals, receipts, journal, router } = parts;
	const byKey = new Map<string, readonly MailboxRow[]>();
	let isOver = false;

	/** The reply and the changes that end a message. */
	const end = (row: MailboxRow, outcome: Outcome, data?: string) => {
		const result = { outcome, attempts: 1, ...(outcome === 'done' ? {} : { code: outcome }) };
		const output = data === undefined ? {} : { output: { data } };
		const reply = composeReply(row.message, { ...output, result }, { clock, node, replies: true });
		const { id, from, at: takenAt } = row;
		const about = { id, from, method: actor, outcome, attempts: 1, at: journal.now() };
		const receipt = receipts.add([{ ...about, takenAt }]);
		const changes: readonly Change[] = [...mailbox.removal(row), ...(row.volatile ? [] : receipt)];
		return { messages: reply ? [reply] : [], changes };
	};
	const file = (ends: readonly ReturnType<typeof end>[]): void => {
		if (ends.length === 0) return;
		const messages = ends.flatMap((each) => each.messages);
		const changes = ends.flatMap((each) => each.changes);
		router.send(messages, changes).catch((thrown: unknown) => {
			if (!isOver && !isFenced(thrown)) parts.broken(thrown);
		});
	};
	const takeAll = (key: string): readonly MailboxRow[] => {
		const found = byKey.get(key) ?? [];
		byKey.delete(key);
		return found;
	};

	const unsubscribe = signals.subscribe((signal) => {
		if (signal.type !== 'instance.parked' || signal.actor !== actor) return;
		file(takeAll(signal.key).map((monitor) => end(monitor, 'done', 'parked')));
	});

	const add = (key: string, monitor: MailboxRow): void => {
		const instance = parts.instances().use(key);
		const { status = 'active' } = instance?.snapshot ?? {};
		if (!instance) file([end(monitor, 'done', 'parked')]);
		else if (status !== 'active') file([end(monitor, 'done', 'noproc')]);
		else byKey.set(key, [...(byKey.get(key) ?? []), monitor]);
	};
	/** Ends the monitor of an id, if the request comes from the node that sent the monitor. */
	const drop = (key: string, request: MailboxRow, id: unknown): void => {
		const known = byKey.get(key) ?? [];
		const isMeant = (row: MailboxRow) => row.id === id && row.from === request.from;
		const left = known.filter((other) => !isMeant(other));
		if (left.length > 0) byKey.set(key, left);
		else byKey.delete(key);
		file([...known.filter(isMeant).map((other) => end(other, 'cancelled')), end(request, 'done')]);
	};

	return {
		take({ key, event, mail }) {
			if (!mail || !event || event instanceof ReeveError || mail.answer) return false;
			if (event.type === monitorType) add(key, mail);
			else if (event.type === demonitorType) drop(key, mail, Reflect.get(event, 'id'));
			else return false;
			return true;
		},
		tell(draft, reason) {
			for (const monitor of takeAll(draft.key)) {
				const { messages, changes } = end(monitor, 'done', reason);
				draft.messages.push(...messages);
				draft.changes.push(...changes);
			}
		},
		stop() {
			isOver = true;
			unsubscribe();
			byKey.clear();
		},
	};
}
