/**
 * Sends any message of the record once more, as a new message.
 *
 * @module
 */
import { z } from 'zod';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, errorTable, ReeveError } from '../../runtime/platform/errors.ts';
import {
	messageOfRecord,
	readRecord,
	type MessageRecord,
} from '../../runtime/ledger/message-record.ts';
import type { OperationRow } from '../../runtime/queries/operation-rows.ts';
import { messageIn } from '../../runtime/ledger/ledger-entry.ts';
import type { NodeServices } from '../composition/node-services.ts';
import { handInAgain } from './operations.ts';
import { storeLogFile } from '../reports/store-log.ts';

/** What this file needs of the node. */
type Services = Pick<NodeServices, 'config' | 'intake' | 'ledger'>;

const request = z.object({
	reeve: z.literal('resend'),
	ids: z.array(z.string().min(1).max(300)).min(1).max(1000),
});

/** Creates the resending side of a node: a row for each id. */
export function createResend(services: Services): (raw: unknown) => AsyncGenerator<OperationRow> {
	return async function* resend(raw) {
		const parsed = request.safeParse(raw);
		if (!parsed.success) throw new ReeveError('bad_message', z.prettifyError(parsed.error));
		for (const id of parsed.data.ids) {
			try {
				yield await resendOne(services, id);
			} catch (thrown) {
				const { code: error, detail } = asReeveError(thrown);
				yield { id, error, detail, hint: errorTable[error].hint };
			}
		}
	};
}

async function resendOne(services: Services, id: string): Promise<OperationRow> {
	const message = kept(services, id) ?? messageOfRecord(await recorded(services, id));
	const newId = await handInAgain(services.intake, message, `(resend of ${message.id})`);
	return { id: message.id, state: 'queued', newId };
}

/** The message as the ledger has it. */
function kept({ ledger }: Services, id: string): Message | undefined {
	const [match = '', ...others] = ledger.get(id) ? [id] : ledger.match(id);
	if (others.length > 0) throw new ReeveError('not_found', `more than one begins with ${id}`);
	const entry = ledger.get(match);
	if (!entry) return undefined;
	// The record is made from the ledger: a body that the ledger did not keep is in neither.
	const message = messageIn(entry);
	if (!message) throw new ReeveError('not_kept', entry.id);
	return message;
}

/** What the record has of it. All of it is read: ids are in no order. */
async function recorded({ config }: Services, id: string): Promise<MessageRecord> {
	const found = new Map<string, MessageRecord>();
	for await (const line of storeLogFile(config).lines()) {
		// Search for the id first: parsing every line would cost more.
		if (!line.includes(id)) continue;
		const record = readRecord(line);
		if (record?.id === id) return record;
		if (record?.id.startsWith(id)) found.set(record.id, record);
	}
	const [record, ...others] = found.values();
	if (others.length > 0) throw new ReeveError('not_found', `more than one begins with ${id}`);
	if (record) return record;
	throw new ReeveError('not_found', `message ${id}`);
}
