/**
 * The sending side of one lane: a real journal, outbox and ledger, to which messages are added.
 *
 * @module
 */
import { createLedger } from '../../runtime/ledger/ledger.ts';
import { configOf } from '../../runtime/config/config.ts';
import type { Message } from '../../runtime/message/message.ts';
import { createOutbox, type Lane } from '../../runtime/delivery/outbox.ts';
import type { Signal } from '../../runtime/observability/signals.ts';
import { messageOf } from './messages.ts';
import type { OpenedJournal } from './open-journal.ts';
import type { LaneAck } from '../../runtime/protocol/acknowledgement.ts';

/** The name of the lane that {@link sendingSide} sends on. */
export const laneOfSpecs = 'ship1/REQPing/EventACK/';

/** Opens the sending side on a journal; `values` are of the configuration. */
export function sendingSide(opened: OpenedJournal, values: Parameters<typeof configOf>[0] = {}) {
	const { journal, clock, signals } = opened;
	const config = configOf(values);
	const shared = { journal, clock, config, signals };
	const ledger = createLedger(shared);
	const outbox = createOutbox({ ...shared, ledger });
	const lane = (): Lane => {
		const found = outbox.lane(laneOfSpecs);
		if (!found) throw new Error('no message was sent on this lane');
		return found;
	};
	return {
		...opened,
		...shared,
		outbox,
		ledger,
		lane,
		/** Files messages of these fields; resolves with their lane when they may leave. */
		async send(...messages: (Partial<Message> & { id: string })[]): Promise<Lane> {
			const filed = messages.map((fields) => {
				const message = messageOf(fields);
				const appended = outbox.append(message);
				const place = { lane: appended.lane.name, seq: appended.seq };
				return { ...appended, id: fields.id, opened: ledger.open(message, place, appended.body) };
			});
			await journal.commit(filed.flatMap((each) => [...each.opened, ...each.changes]));
			for (const { id, lane, seq } of filed) {
				ledger.opened(id);
				outbox.flushed(lane, seq);
			}
			return lane();
		},
		/** The outcome in the ledger; undefined while it is open. */
		outcome: (id: string) => ledger.get(id)?.result?.outcome,
		seen: (type: Signal['type']) => signals.recent().filter((signal) => signal.type === type),
		/** An acknowledgement of everything up to `upTo`, whose message is `id`. */
		ackOf: (upTo: number, id: string, fields: Partial<LaneAck> = {}): LaneAck => ({
			lane: laneOfSpecs,
			epoch: journal.epoch,
			upTo,
			id,
			credit: 100,
			...fields,
		}),
	};
}
