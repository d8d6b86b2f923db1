/**
 * What the node has received, and how a message that waits here is taken back.
 *
 * @module
 */
import { createSettlement } from '../../actors/inbound/settlement.ts';
import { createReceived, type Received } from '../../runtime/ledger/received-messages.ts';
import type { NodeServices } from './node-services.ts';

/** What this view needs of the node. */
export type WithdrawalParts = Pick<
	NodeServices,
	| 'node'
	| 'journal'
	| 'receipts'
	| 'cancellations'
	| 'mailboxes'
	| 'methods'
	| 'clock'
	| 'signals'
	| 'router'
	| 'passPoint'
	| 'actors'
	| 'config'
	| 'hostRuntimes'
>;

/**
 * Creates the view on what was received. Messages for declared actors are shown, but cannot be
 * taken back.
 */
export function createWithdrawal(parts: WithdrawalParts): Received {
	const { mailboxes, methods, actors, hostRuntimes } = parts;
	return createReceived({
		...parts,
		mailboxes: () => mailboxes.values(),
		isOurs: ({ method }) => !actors.some(({ name }) => name === method),
		isParked({ method }, row) {
			const parked = hostRuntimes.get(method)?.parked();
			return parked ? parked.size > 0 && parked.has(row.message.key ?? '') : false;
		},
		async settle(mailbox, row, attempts) {
			const definition = methods.find(mailbox.method);
			if (!definition) return;
			const settle = createSettlement({ ...parts, definition, mailbox });
			const end = { outcome: 'cancelled', code: 'cancelled', attempts } as const;
			await settle(row, row.message, { run: {}, problem: undefined, tookMs: 0, end });
		},
	});
}
