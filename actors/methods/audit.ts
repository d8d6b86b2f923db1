/**
 * The method that reports what became of received messages.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/**
 * Reports what became of the messages whose ids are in `data`, a JSON list; only of those that the
 * sender itself has sent here, on behalf of the same. The output is JSON: `rows` holds, in the
 * order of the ids, an outcome (or `waiting`, or `unknown`), how often the message was settled, how
 * often it was started, and `parked` if it waits for an instance that takes no turns. `isCut` says
 * that receipts have been deleted here, so that `unknown` may mean deleted.
 */
export default defineMethod({
	name: 'REQAudit',
	aliases: ['audit'],
	summary: 'Report what became of messages that were received here',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()),
	example: { data: '[]' },
	async run({ data = '[]', fromNode: from, askedBy }, { received, outputBytesMax, storeId }) {
		const ids = idsIn(data);
		const found = await received?.find(new Set(ids), { from, askedBy });
		const rows = ids.map((id) => {
			const { state, copies, attempts, isParked = false } = found?.get(id) ?? unknown;
			return [state, copies, attempts, ...(isParked ? ['parked'] : [])];
		});
		const text = JSON.stringify({ storeId, isCut: received?.isCut() ?? true, rows });
		if (Buffer.byteLength(text) <= outputBytesMax) return { data: text };
		throw new ReeveError('output_too_large', 'ask for fewer messages at a time');
	},
});

const unknown = { state: 'unknown', copies: 0, attempts: 0, isParked: false } as const;
const list = z.array(z.string()).max(10_000);

function idsIn(data: string | Uint8Array): readonly string[] {
	let value: unknown;
	try {
		value = JSON.parse(Buffer.from(data as Uint8Array).toString('utf8'));
	} catch (cause) {
		throw new ReeveError('bad_json', 'data must be a JSON list of ids', { cause });
	}
	const parsed = list.safeParse(value);
	if (parsed.success) return parsed.data;
	throw new ReeveError('bad_message', 'data must be a JSON list of at most 10000 ids');
}
