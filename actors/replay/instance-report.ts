/**
 * Reports of instances: everything that a journal holds of one instance, as rows for people and
 * programs. It only reads, so it works on a running node and on a copy of its journal.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { HistoryLine, InstanceHead, InstanceRow } from '../../runtime/queries/actor-rows.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { scanMailbox, type MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { readStart } from '../../runtime/mailbox/start-rows.ts';
import { unpackDurable } from '../definition/durable-value.ts';
import { readTimer, type TimerRow } from '../../runtime/pending/timers.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { answerOf, eventOf } from '../definition/event-message.ts';
import { readInstance, type StoredInstance } from '../turn/instance.ts';
import { scanSteps } from '../turn/step-rows.ts';
import { readTurns } from '../turn/turn-recorder.ts';
import { rowsUnder } from '../../runtime/journal/schema.ts';

/** A journal, or a copy of one. */
export type Readable = Pick<Journal, 'get' | 'scan'>;

/** How many messages of an actor are searched for those of one instance. */
const mailLookedAt = 20_000;

/** One line about a stored instance. */
export function headOf(key: string, { version, turn, state }: StoredInstance): InstanceHead {
	return { key, version, turn, status: state.status, value: state.value };
}

/** The report of an instance; undefined if there is none and no message waits for it. */
export function reportInstance(
	journal: Readable,
	definition: Pick<ActorDefinition, 'name' | 'version'>,
	key: string,
): Omit<InstanceRow, 'parked'> | undefined {
	const { name: actor } = definition;
	const stored = readInstance(journal, actor, key);
	const mail = mailOf(journal, actor, key).map(({ row, event }) => ({
		id: row.id,
		from: row.from,
		event: event?.type ?? '',
		attempts: readStart(journal, [actor, row.arrival])?.attempts ?? 0,
	}));
	if (!stored && mail.length === 0) return undefined;
	const {
		version,
		turn,
		state,
		asks = {},
		owed = [],
	} = stored ?? {
		version: definition.version,
		turn: 0,
		state: { status: 'new', value: undefined, context: undefined },
	};
	const output = 'output' in state ? { output: state.output } : {};
	return {
		actor,
		key,
		version,
		definitionVersion: definition.version,
		turn,
		status: state.status,
		value: state.value,
		context: state.context,
		...output,
		timers: timersOf(journal, { actor, key, stored }).map(({ id, dueAt, event, policy }) => {
			return { id, dueAt, event: (unpackDurable(event) as EventObject).type, policy };
		}),
		steps: scanSteps(journal, actor, key).map(({ stepId, row }) => ({
			step: row.src,
			stepId,
			input: unpackDurable(row.input),
			state: row.result ? 'ended' : 'waiting',
		})),
		mail,
		asks: Object.entries(asks).map(([name, id]) => ({ name, id })),
		owed: owed.map(({ id, fromNode: from }) => ({ id, from })),
		history: historyOf(journal, actor, key),
	};
}

/** The messages that wait for an instance, or for any, with their events. */
export function mailOf(journal: Readable, actor: string, key?: string) {
	return scanMailbox(journal, { ...rowsUnder(actor), limit: mailLookedAt })
		.map((row) => ({ row, key: row.message.key ?? '', event: eventIn(row) }))
		.filter((mail) => key === undefined || mail.key === key);
}

/** The event of a message; undefined if it has no valid one, which its host would refuse. */
function eventIn({ answer, message }: MailboxRow): EventObject | undefined {
	try {
		return answer ? answerOf(message) : eventOf(message);
	} catch {
		return undefined;
	}
}

interface Whose {
	readonly actor: string;
	readonly key: string;
	readonly stored: StoredInstance | undefined;
}

/** The timers of an instance, found by its facts, so that no other rows are read. */
export function timersOf(journal: Readable, { actor, key, stored }: Whose): readonly TimerRow[] {
	return Object.entries(stored?.timers ?? {}).flatMap(([id, dueAt]) => {
		return readTimer(journal, { dueAt, actor, key, id }) ?? [];
	});
}

function historyOf(journal: Readable, actor: string, key: string): readonly HistoryLine[] {
	return readTurns(journal, actor, key).map(({ base: _, ...turn }) => turn);
}
